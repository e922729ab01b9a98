"""The house of the design, checked by reading its source: who imports whom, and in what size.

`models <- fitting <- app`. Imports are found with `ast`, wherever in a file they stand, so that an
import inside a function or behind TYPE_CHECKING counts as well.
"""

import ast
import importlib
import inspect
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from models.model import Model
from models.registry import SHAPES

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 400
ALLOWED = {
    "models": {"jax", "annotated_types", "models"},
    "fitting": {"jax", "numpy", "scipy", "iminuit", "models", "fitting"},
}
#: Ways to build a model from others; every other concrete model must have a name in the registry.
COMBINATIONS = {
    "models.formula.formula",
    *(f"models.composition.{n}" for n in ("sum", "mixture", "product", "smeared", "template")),
}


def package_files(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"no source in {package}"
    return files


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source, module=""):
    """Every module that a source text imports, by its full name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.rsplit(".", node.level)[0] if node.level else ""
            base = ".".join(part for part in (package, node.module) if part)
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
            found |= {base.rsplit(".", k)[0] for k in range(1, base.count(".") + 1)}  # packages
    return found


def foreign(source, allowed, module=""):
    """Top-level packages that are neither allowed nor of the standard library."""
    tops = {name.split(".")[0] for name in imported(source, module)}
    return tops - allowed - sys.stdlib_module_names


ALL = [*(p for name in ("models", "fitting", "app") for p in package_files(name))]
TEXTS = [
    *ALL,
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "benchmarks").rglob("*.py")),
]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import app.main", {"app"}),
        ("from app import main", {"app"}),
        ("def f():\n    from fastapi import FastAPI", {"fastapi"}),
        ("if TYPE_CHECKING:\n    import sqlalchemy.orm as o", {"sqlalchemy"}),
        ("try:\n    import numpy\nexcept ImportError:\n    pass", {"numpy"}),
        ("import math\nfrom jax import numpy as jnp\nfrom . import gaussian", set()),
    ],
)
def test_the_finder_sees_every_way_to_import(source, expected):
    assert foreign(source, ALLOWED["models"], "models.here") == expected


@pytest.mark.parametrize("package", ["app", "fitting", "models"])
def test_parts_import_each_other_in_one_direction(package):
    """The folders of a package and the modules beside them; graphlib names a cycle."""
    graph = {}
    for path in package_files(package):
        part = module_name(path).split(".")[1:2]
        names = imported(path.read_text(), module_name(path))
        used = {name.split(".")[1] for name in names if name.startswith(f"{package}.")}
        if part:
            graph.setdefault(*part, set()).update(used - {*part})
    assert [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_packages_import_only_what_the_design_allows(package):
    wrong = {
        module_name(path): others
        for path in package_files(package)
        if (others := foreign(path.read_text(), ALLOWED[package], module_name(path)))
    }
    assert not wrong


def test_every_module_of_models_is_reachable_from_the_registry():
    modules = {module_name(path): path for path in package_files("models")}
    reached, todo = {"models"}, ["models.registry", *COMBINATIONS]
    while todo:
        name = todo.pop()
        if name in modules and name not in reached:
            reached.add(name)
            todo += imported(modules[name].read_text(), name)
    assert set(modules) == reached


def test_every_concrete_model_has_a_name_in_the_registry():
    concrete = {
        member
        for path in package_files("models")
        for _, member in inspect.getmembers(importlib.import_module(module_name(path)))
        if inspect.isclass(member) and issubclass(member, Model) and not inspect.isabstract(member)
    }
    named = set(SHAPES.values())
    assert {m for m in concrete - named if m.__module__ not in COMBINATIONS} == set()
    assert named <= concrete
    assert len(named) == len(SHAPES), "one shape under two names"


def test_the_registry_is_read_only():
    with pytest.raises(TypeError):
        SHAPES["mine"] = Model


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(text)), "no module docstring"


@pytest.mark.parametrize(
    "path",
    [p for p in package_files("app") if p.name == "__init__.py"],
    ids=lambda p: str(p.parent.relative_to(ROOT)),
)
def test_a_package_that_lists_its_modules_lists_all_of_them(path):
    lines = [
        line.split("  ") for line in ast.get_docstring(ast.parse(path.read_text())).split("\n")
    ]
    listed = {n.removesuffix(".py") for name, *said in lines if said for n in name.split(", ")}
    there = {
        p.stem for p in path.parent.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert not listed or listed == there - {"__init__", "__main__"}
