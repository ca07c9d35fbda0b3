"""What `nmcfast inspect` finds in a file, whatever kind it is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcfast.errors import NmcfastError


@dataclass(frozen=True)
class Finding:
    """What is known of one map or volume: a line to read, the same for programs, remarks, what draws it to a file.

    problem: what keeps calibration from using it as it is read; the command then fails with its exit code.
    """

    line: str
    table: dict[str, Any]
    notes: tuple[str, ...] = ()
    draw: Callable[[Path], None] | None = None
    problem: NmcfastError | None = None
