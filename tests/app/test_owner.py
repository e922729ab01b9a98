"""The name of a server: that of its folder, if no other server has it."""

from pathlib import Path

import pytest

from app.jobs.owner import Owner


def test_a_folder_s_name_is_kept_and_is_one_server_s(tmp_path: Path) -> None:
    first = Owner(tmp_path)
    second = Owner(tmp_path)
    assert first.lasting
    assert not second.lasting
    assert first.name != second.name
    first.close()
    third = Owner(tmp_path)
    assert third.lasting
    assert third.name == first.name
    third.close()


def test_a_name_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def replace(whole: Path, kept: Path) -> None:
        written.append((whole.read_text(), kept.exists()))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        first = Owner(tmp_path)  # which dies before it has put the name in place
    assert written == [(first.name, False)]
    first.close()
    second = Owner(tmp_path)
    second.close()
    third = Owner(tmp_path)
    assert third.name == second.name
    third.close()


def test_an_empty_file_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "owner").touch()
    first = Owner(tmp_path)
    assert first.name
    assert first.lasting
    assert (tmp_path / "owner").read_text() == first.name
    first.close()
