"""From a library to another format: libraries of any bulk format, input of solvers, at any voxel size.

Labels of another voxel size are made again from the analytic grains, Eq. (8), never resampled. A library exported to
a bulk format is, byte for byte, the one that `generate` makes with that format and voxel size.
"""

import functools
import operator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nmcfast.errors import InputError
from nmcfast.export import files, formats, root, shards
from nmcfast.export.deck import Deck
from nmcfast.export.hinges import Mended, mend
from nmcfast.export.schema import ParticleRecord
from nmcfast.library.export_folder import SETTINGS, claimed, whole_folder
from nmcfast.library.library import Library
from nmcfast.library.tetrahedra import Meshed, Progress, TetOptions, export_tetrahedra

MESHES = ("voxels", "tet", "surface")
CELLS = "cells.json"  # of one particle: what was done to its voxels


@dataclass(frozen=True)
class Exported:
    """What one run of `export_library` did: particles written now, particles there are, root hash of a library.

    cells: what was done to the voxels of all particles there are, so that elements hang together. meshes: of
    tetrahedra, all particles there are.
    """

    path: Path
    format: str
    made: int
    present: int
    root_sha256: str | None = None
    cells: Mended | None = None
    meshes: Meshed | None = None


def export_library(
    library: Library,
    output: str | Path,
    *,
    to: str,
    particles: range | None = None,
    voxel_size: float | None = None,
    loose: str = "mend",
    mesh: str = "voxels",
    size: float | str | None = None,
    order: int = 1,
    cohesive: str = "",
    smallest_grain: int = 1,
    size_inside: float | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write particles of a library in another format, or go on where such a run ended; one shard in memory at most.

    voxel_size in µm, that of the library when None. A bulk format gives a library, any other a folder a particle.
    loose: voxels of a mesh of elements that no face joins to the largest part are left out and hinges filled ("mend",
    see `export.hinges`; counted in export.json), or everything stays ("keep"). A refused export leaves nothing.
    mesh "tet": conforming tetrahedra of about a size µm (0.1 when None) instead of voxels, "surface": triangles of the
    boundaries of grains; size, order, cohesive, smallest_grain, size_inside as in
    `TetOptions`, see docs/meshes.md.
    Raises InputError for numbers the library does not have and for an output that is something else.
    """
    output = Path(output)
    chosen = _chosen(library, particles)
    if voxel_size is not None and not 0.0 < voxel_size < float("inf"):
        raise InputError(f"voxel_size: found {voxel_size} µm, expected a positive number")
    if output.resolve() == library.path.resolve():
        raise InputError(f"{output}: is the library itself; choose another output")
    if loose not in formats.LOOSE:
        raise InputError(f"--loose: found {loose!r}, expected one of {', '.join(formats.LOOSE)}")
    if mesh not in MESHES:
        raise InputError(f"--mesh: found {mesh!r}, expected one of {', '.join(MESHES)}")
    if mesh != "voxels":
        given = TetOptions(TetOptions.size if size is None else size, order, cohesive, smallest_grain, size_inside)
        settings = {**_settings(library, to, chosen, library.recipe["voxel_size"]), "mesh": mesh, **asdict(given)}
        made, meshes = export_tetrahedra(library, output, settings, chosen, given, overwrite, progress)
        return Exported(output, to, made, len(chosen), meshes=meshes)
    if to in formats.SURFACES:
        raise InputError(f"--to: {to} is a format of triangles: add --mesh surface")
    if size is not None or (order, cohesive, smallest_grain, size_inside) != (1, "", 1, None):
        given_for = "are for --mesh tet or surface; voxels have --voxel-size"
        raise InputError(f"--size, --size-inside, --order, --cohesive, --smallest-grain: {given_for}")
    module = formats.any_module(to)
    if to in formats.BULK:
        return _to_library(library, output, to, chosen, voxel_size, overwrite, progress)
    voxel_size = voxel_size or library.recipe["voxel_size"]
    settings = _settings(library, to, chosen, voxel_size)
    mending = to in formats.ELEMENTS and loose == "mend"
    if to in formats.ELEMENTS:
        settings["loose"] = loose
    with claimed(output, settings, overwrite):
        if hasattr(module, "write_table"):
            return _to_table(library, output, to, chosen)
        made = 0
        for index in chosen:
            folder = output / f"{index:06d}"
            if not folder.is_dir():
                with whole_folder(folder) as draft:
                    _write_deck(module, deck_of(library, index, voxel_size), draft, mending)
                made += 1
            if progress is not None:
                progress(index)
    return Exported(output, to, made, len(chosen), cells=_count_cells(output, settings, chosen) if mending else None)


def _write_deck(module: Any, deck: Deck, folder: Path, mending: bool) -> None:
    if mending:
        labels, mended = mend(deck.labels)
        deck = replace(deck, labels=labels)
        (folder / CELLS).write_bytes(files.json_bytes(asdict(mended)))
    module.write(deck, folder)


def _count_cells(output: Path, settings: dict[str, Any], chosen: range) -> Mended:
    """What was done to the voxels of all particles of a finished export, also written to its export.json."""
    each = (Mended(**files.read_json(output / f"{index:06d}" / CELLS)) for index in chosen)
    total = functools.reduce(operator.add, each)
    files.write_file(output / SETTINGS, files.json_bytes({**settings, "cells": asdict(total)}))
    return total


def _chosen(library: Library, particles: range | None) -> range:
    held = library.numbers
    if particles is None:
        return held
    if not (held.start <= particles.start < particles.stop <= held.stop and particles.step == 1):
        raise InputError(
            f"particles: found {particles.start}:{particles.stop}, {library.name} has {held.start}:{held.stop}: "
            "choose I:J within it, I below J"
        )
    return particles


def deck_of(library: Library, index: int, voxel_size: float) -> Deck:
    """A particle of a library as the arrays that writers of solver input get, at a voxel size in µm.

    InputError when no voxel of that size has its centre in a grain: a mesh or an image of nothing opens nowhere.
    """
    record = _at_voxel_size(library, index, voxel_size)
    assert record.labels is not None
    if not record.labels.any():
        raise InputError(f"particle {index}: no voxel of {voxel_size:g} µm has its centre in it: choose smaller voxels")
    return Deck(
        index=index,
        labels=record.labels,
        origin=record.box_origin,
        voxel_size=voxel_size,
        position=record.position,
        diagonal=record.diagonal,
        offset=record.offset,
        angle=record.angle,
        centroid=record.centroid,
        volume=record.volume,
        orientation=record.orientation,
        descriptors=record.scalars,
        source=library.recipe,
    )


def _at_voxel_size(library: Library, index: int, voxel_size: float) -> ParticleRecord:
    """The record of a particle with labels of this voxel size: those stored, or made from the grains."""
    if library.recipe["labels"] and voxel_size == library.recipe["voxel_size"]:
        return replace(library.record(index), labels=library.labels(index))
    particle = library[index]
    return particle.to_record(particle.voxelize(voxel_size), voxel_size)


# to a library


def _to_library(
    library: Library,
    output: Path,
    to: str,
    chosen: range,
    voxel_size: float | None,
    overwrite: bool,
    progress: Progress | None,
) -> Exported:
    recipe = _recipe(library.recipe, to, chosen, voxel_size)
    if overwrite and output.exists():
        root.remove_library(output)
    fresh = not root.is_library(output)
    root.create_library(output, recipe, root.read_model(library.path, library.recipe, library.name))
    try:
        made = _write_shards(library, output, recipe, progress)
    except BaseException:
        if fresh and not shards.committed_shards(output):
            root.remove_library(output)
        raise
    return Exported(output, to, made, len(chosen), root.finish_library(output))


def _write_shards(library: Library, output: Path, recipe: dict[str, Any], progress: Progress | None) -> int:
    """The shards of a recipe that are not there yet; how many particles these have."""
    done, made = set(shards.committed_shards(output)), 0
    writer = formats.bulk_module(recipe["format"]).ShardWriter
    for number in range(shards.shard_count(recipe)):
        members = shards.shard_range(recipe, number)
        if number in done:
            if progress is not None:
                for index in members:
                    progress(index)
        else:
            with writer(output, number, members.start, recipe) as shard:
                for index in members:
                    wanted = recipe["labels"]
                    shard.add(_at_voxel_size(library, index, recipe["voxel_size"]) if wanted else library.record(index))
                    made += 1
                    if progress is not None:
                        progress(index)
                shard.commit()
    return made


def _recipe(source: dict[str, Any], to: str, chosen: range, voxel_size: float | None) -> dict[str, Any]:
    """The recipe with which `generate` would make these particles in that format."""
    old, new = (formats.bulk_module(name).encoders() for name in (source["format"], to))
    kept = {name: value for name, value in source.items() if name not in old}
    labels = source["labels"] or voxel_size is not None
    size = float(voxel_size or source["voxel_size"])
    changed = {"format": to, "first": chosen.start, "count": len(chosen), "labels": labels, "voxel_size": size}
    return {**kept, **changed, **new}


# to folders


def _settings(library: Library, to: str, chosen: range, voxel_size: float) -> dict[str, Any]:
    recipe = {"recipe": library.recipe, "recipe_sha256": shards.recipe_digest(library.recipe)}
    return {**recipe, "format": to, "particles": [chosen.start, chosen.stop], "voxel_size": voxel_size}


def _to_table(library: Library, output: Path, to: str, chosen: range) -> Exported:
    """One file over all chosen particles, such as a size distribution."""
    formats.any_module(to).write_table(library.index(chosen), output)
    return Exported(output, to, len(chosen), len(chosen))
