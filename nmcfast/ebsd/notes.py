"""What a reader had to decide, each with the option that decides otherwise, and where in a file something stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from nmcfast.errors import InputError


class Note(str):
    """One sentence on a map, section 4.4; option: what decides otherwise on the command line, or empty."""

    option: str

    def __new__(cls, text: str, option: str = "") -> "Note":
        note = super().__new__(cls, text)
        note.option = option
        return note

    def __reduce__(self) -> tuple[type["Note"], tuple[str, str]]:
        return Note, (str(self), self.option)

    @property
    def sentence(self) -> str:
        """Text and option as a person reads them."""
        return f"{self} ({self.option})" if self.option else str(self)

    def as_json(self) -> dict[str, Any]:
        return {"text": str(self), "option": self.option or None}


def refuse(path: Path, line: int, problem: str) -> NoReturn:
    """Raise the InputError of one line of a file."""
    raise InputError(f"{path}, line {line}: {problem}")


@dataclass(frozen=True)
class Rows:
    """Where points stand: point k in row `first` + k of a file, called a line, or a point where it has no lines."""

    path: Path
    first: int = 1
    noun: str = "line"

    def name(self, index: int) -> str:
        return f"{self.noun} {self.first + int(index)}"

    def refuse(self, index: int, problem: str) -> NoReturn:
        """Raise the InputError of one point."""
        raise InputError(f"{self.path}, {self.name(index)}: {problem}")
