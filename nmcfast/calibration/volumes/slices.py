"""A folder of slices: natural order, and what does not belong to the stack named."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.calibration.volumes import tiff
from nmcfast.calibration.volumes.checks import check_room
from nmcfast.calibration.volumes.volume import Ask, Note, Stated, Volume, listed
from nmcfast.errors import InputError, MissingExtraError

TIFF = (".tif", ".tiff")
PICTURES = (*TIFF, ".png", ".jpg", ".jpeg", ".bmp")
Named = tuple[tuple[int, ...], Path]


def holds(folder: Path) -> bool:
    """Whether a folder holds slices."""
    return any(_is_picture(file) for file in folder.iterdir())


def read_slices(folder: Path, _: str, ask: Ask) -> Volume:
    """The slices of a folder as one volume, by the numbers in their names; what does not fit is named."""
    named, notes = _stack(folder)
    numbers = [number for number, _ in named]
    files = [file for _, file in named]
    first, stated, white = _slice(files[0])
    check_room(folder, (len(files), *first.shape), first.dtype)
    values = np.empty((len(files), *first.shape), first.dtype)
    for place, file in enumerate(files):
        page = first if place == 0 else _slice(file)[0]
        if page.shape != first.shape or page.dtype != first.dtype:
            raise InputError(
                f"{file}: found {page.shape} {page.dtype}, expected {first.shape} {first.dtype} as in "
                f"{files[0].name}; move it out of the folder"
            )
        values[place] = page
    if files[0].suffix.lower() in (".jpg", ".jpeg"):
        notes.append(Note("slices are JPEG, whose compression changes grey values"))
    values, more = _closed(folder, values, numbers, ask.gaps)
    return Volume(values, stated, notes + more, white)


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()


def _stack(folder: Path) -> tuple[list[tuple[int | None, Path]], list[Note]]:
    """The slices with their numbers, in order, and notes on every file that is none of them."""
    entries = sorted(folder.iterdir())
    hidden = [file.name for file in entries if file.name.startswith(".")]
    notes = [Note(f"hidden files left out: {listed(hidden)}")] if hidden else []
    groups: dict[tuple[str, str], list[Named]] = {}
    for file in filter(_is_picture, entries):
        numbers = tuple(int(part) for part in re.findall(r"\d+", file.stem))
        kind = "tif" if file.suffix.lower() in TIFF else file.suffix.lower()
        groups.setdefault((re.sub(r"\d+", "#", file.stem), kind), []).append((numbers, file))
    best = max(groups, key=lambda key: len(groups[key]))
    rivals = [key for key in groups if key != best and len(groups[key]) > 1]
    if len(groups[best]) == 1 and len(groups) > 1:
        return _unnumbered(groups, notes)
    if rivals:
        names = listed(
            [
                f"{stem}{'.' if kind[0] != '.' else ''}{kind} ({len(groups[stem, kind])})"
                for stem, kind in [best, *rivals]
            ]
        )
        raise InputError(f"{folder}: found several stacks {names}; give each a folder of its own")
    others = [file.name for key in groups if key != best for _, file in groups[key]]
    others += [file.name for file in entries if not _is_picture(file) and file.name not in hidden]
    if others:
        notes.append(Note(f"files that are no slices of the stack left out: {listed(others)}"))
    return _numbered(folder, groups[best]), notes


def _unnumbered(
    groups: dict[tuple[str, str], list[Named]], notes: list[Note]
) -> tuple[list[tuple[int | None, Path]], list[Note]]:
    files = sorted((file for group in groups.values() for _, file in group), key=lambda file: _natural(file.name))
    return [(None, file) for file in files], [*notes, Note("slices have no common numbers: taken in order of name")]


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name)]


def _numbered(folder: Path, group: list[Named]) -> list[tuple[int | None, Path]]:
    """Slices by the number in their names that changes."""
    if len(group) == 1:
        return [(None, group[0][1])]
    columns = np.array([numbers for numbers, _ in group], dtype=object)
    changing = [column for column in range(columns.shape[1]) if len(set(columns[:, column])) > 1]
    ordered = sorted(group, key=lambda entry: entry[0])
    if len(changing) > 1:
        return [(None, file) for _, file in ordered]
    result: list[tuple[int | None, Path]] = [
        (numbers[changing[0]] if changing else 0, file) for numbers, file in ordered
    ]
    for (before, one), (after, other) in itertools.pairwise(result):
        if before == after:
            raise InputError(f"{folder}: found slice {after} twice, {one.name} and {other.name}; remove one")
    return result


def _closed(folder: Path, values: np.ndarray, numbers: list[int | None], gaps: str) -> tuple[np.ndarray, list[Note]]:
    """The stack without gaps: refused, closed up or filled between the neighbours, as asked."""
    known = np.array([number for number in numbers if number is not None])
    if known.size < 2 or known.size < len(numbers):
        return values, []
    step = int(np.bincount(np.diff(known)).argmax())
    notes = (
        []
        if step == 1
        else [Note(f"numbers of slices go in steps of {step}: taken as neighbours", "--voxel-size Z,Y,X")]
    )
    absent = sorted(set(range(int(known[0]), int(known[-1]) + 1, step)) - set(known.tolist()))
    if not absent:
        return values, notes
    names = f"no slice {listed(absent)} in {known[0]} to {known[-1]}"
    if gaps == "refuse":
        raise InputError(f"{folder}: found {names}; add the files, or --gaps fill (between neighbours), --gaps close")
    if gaps == "close":
        return values, [*notes, Note(f"{names}: slices moved up", "--gaps close")]
    places = np.interp(np.union1d(known, absent), known, np.arange(known.size))
    low, share = np.floor(places).astype(int), (places % 1)[:, None, None]
    high = np.minimum(low + 1, known.size - 1)
    filled = np.stack([(1 - s) * values[a] + s * values[b] for a, b, s in zip(low, high, share, strict=True)])
    whole = np.rint(filled) if values.dtype.kind in "ui" else filled
    return whole.astype(values.dtype), [*notes, Note(f"{names}: filled between their neighbours", "--gaps fill")]


def _slice(file: Path) -> tuple[np.ndarray, Stated | None, bool]:
    """One slice (ny, nx) with what it states and whether 0 is white."""
    if file.suffix.lower() in TIFF:
        with tiff.library().TiffFile(file) as opened:
            series = opened.series[0]
            values, stated = series.asarray(), tiff._stated(opened, series)
            white = int(series.keyframe.photometric) == 0
    else:
        values, stated, white = _picture(file), None, False
    plain: Any = values.squeeze()
    if plain.ndim == 3 and plain.shape[-1] in (2, 3, 4):
        plain = tiff.grey_of(file, plain)[0]
    if plain.ndim != 2:
        raise InputError(f"{file}: found the shape {values.shape} in a folder of slices, expected one slice (ny, nx)")
    return plain, stated, white


def _picture(file: Path) -> np.ndarray:
    try:
        from imageio.v3 import imread
    except ImportError as error:
        raise MissingExtraError("slices as pictures need imageio: pip install 'nmcfast[imaging]'") from error
    return np.asarray(imread(file))
