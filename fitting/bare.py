"""Questions travel between processes; what was worked out of them stays behind."""

from typing import Any


class Bare:
    """A dataclass that is pickled by its fields alone.

    What a `cached_property` holds is worked out again in less time than it takes to send it.
    """

    def __getstate__(self) -> dict[str, Any]:
        fields = type(self).__dataclass_fields__  # type: ignore[attr-defined]
        return {name: value for name, value in self.__dict__.items() if name in fields}
