"""The folder of an export: claimed for one export, filled particle by particle, each whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nmcfast.errors import InputError, NoSpaceError
from nmcfast.export import files, shards

SETTINGS = "export.json"


@contextmanager
def claimed(output: Path, settings: dict[str, Any], overwrite: bool) -> Iterator[None]:
    """The folder of an export to work in: made, or that of the same export; InputError for anything else.

    A folder made here goes again when the export fails before there is a particle in it.
    """
    path = output / SETTINGS
    if overwrite and path.is_file():
        doomed = files.temporary(output)
        os.rename(output, doomed)
        shutil.rmtree(doomed)
    there = output.exists()
    if there and not (output.is_dir() and not any(output.iterdir())):
        if not path.is_file() or _without_counts(files.read_json(path)) != settings:
            raise InputError(
                f"{output}: exists and is not this export (as its {SETTINGS} says): choose another output"
                + (", or --overwrite" if path.is_file() else "")
            )
        files.sweep(output)
        yield
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        files.write_file(path, files.json_bytes(settings))
    except OSError as error:
        raise InputError(f"{output}: cannot be made ({error.strerror}): choose another place") from error
    try:
        yield
    except BaseException:
        if {entry.name for entry in output.iterdir()} == {SETTINGS}:
            path.unlink()
            if not there:
                output.rmdir()
        raise


def _without_counts(document: Any) -> Any:
    """What export.json says of the export, without what was counted at its end."""
    return (
        {name: value for name, value in document.items() if name not in ("cells", "meshes")}
        if isinstance(document, dict)
        else None
    )


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder to fill, which takes its final name when it is whole, and else goes."""
    draft = files.temporary(folder)
    try:
        draft.mkdir()
        yield draft
        for path in (*draft.rglob("*"), draft):
            files.fsync(path)
        os.rename(draft, folder)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in shards.DISK_FULL:
            remedy = "free some space and run the same command again to continue"
            raise NoSpaceError(f"{folder}: no space left on the disk; what is finished is intact: {remedy}") from error
        raise
