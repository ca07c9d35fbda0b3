"""From a model and a seed to particles and libraries of them.

A particle is a pure function of (model, seed, index), a shard of (model, seed, shard number, parameters).
"""

import hashlib
import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nmcfast import __version__, compilation
from nmcfast.errors import InputError
from nmcfast.export import formats, root, schema, shards
from nmcfast.kernels import compiled
from nmcfast.model import Model, load_model
from nmcfast.options import GenerateOptions
from nmcfast.overlay import Overlay, overlay
from nmcfast.particle import Particle
from nmcfast.shell import Shell, draw_shell
from nmcfast.shell_choice import check_condition, draw_chosen
from nmcfast.solid import Solid, solid
from nmcfast.surface import Surface
from nmcfast.tessellation import grid_over
from nmcfast.texture import draw_orientations
from nmcfast.workers import Progress, Task, available_workers, work_on

MAX_SHELLS = 100  # shells tried for a particle until one holds a grain
SURFACE = Surface()

_LOG = logging.getLogger("nmcfast")


def generate_particle(
    model: Model,
    seed: int = 0,
    index: int = 0,
    *,
    surface: str = GenerateOptions.surface,
    parts: str | None = GenerateOptions.parts,
    smallest_grain: int = GenerateOptions.smallest_grain,
    where: str = GenerateOptions.where,
    threads: int = 1,
) -> Particle:
    """Particle `index` of the stream of a seed, sections 2.3–2.6; the same to the bit for any number of threads.

    seed and index are whole numbers from 0 to 2⁶⁴ − 1; surface "shell" or "grains", parts "merge" or "keep",
    smallest_grain in voxels: see `Surface`, None is the default; where: a condition on the shell, which is drawn until
    it holds, see `shell_choice`. Raises InputError when the model draws hardly any particle.
    """
    choice = Surface.of(surface, parts, smallest_grain)
    if where:
        check_condition(where)
    if not compiled():
        _LOG.warning("compiling the kernels, once for this installation; some 20 seconds")
        warm_up(model)
    return _grow(model, seed, index, choice, where, threads)[0]


def _grow(
    model: Model, seed: int, index: int, surface: Surface, where: str = "", threads: int = 1
) -> tuple[Particle, Overlay | Solid]:
    """A particle, and what it is made of, with its labels on the model grid."""
    for name, value in (("seed", seed), ("index", index)):
        if not 0 <= value < 2**64:
            raise InputError(f"{name}: found {value}, expected a whole number from 0 to 2⁶⁴ − 1")
    rejected = dict.fromkeys(("size", "radius", "volume", "where", "grains"), 0)
    for _ in range(MAX_SHELLS):
        first = sum(rejected.values())
        if where:
            shell, refused = draw_chosen(model.shell, seed, index, where, first=first)
        else:
            shell, refused = draw_shell(model.shell, seed, index, first=first)
        for reason, count in refused.items():
            rejected[reason] += count
        found = _found_in(shell, model, seed, index, surface, threads)
        if len(found.grains):
            orientation = draw_orientations(model.grains.texture, seed, index, found.grains.position)
            found = replace(found, grains=replace(found.grains, orientation=orientation))
            return _assemble(model, index, shell, found, rejected, surface), found
        rejected["grains"] += 1
    raise InputError(
        f"model {model.name}: {MAX_SHELLS} shells hold no grain; shells and grains differ too much in size"
    )


def _found_in(shell: Shell, model: Model, seed: int, index: int, surface: Surface, threads: int) -> Overlay | Solid:
    if surface.kind == "shell":
        return solid(model.grains, shell, seed, index, surface, threads=threads)
    return overlay(model.grains, shell, seed, index, threads=threads)


def _assemble(
    model: Model, index: int, shell: Shell, found: Overlay | Solid, rejected: dict[str, int], surface: Surface
) -> Particle:
    described = shell.descriptors()
    facts = {name: described[name] for name in ("d_max", "compactness", "aspect_ratio", "sphericity")}
    facts |= {"shell_volume_um3": described["volume"], "shell_surface_um2": described["area"]}
    facts |= {f"rejected_{reason}": float(count) for reason, count in rejected.items()}
    facts["volume_um3"] = float(found.grains.volume.sum())
    facts["disconnected"] = float((found.grains.components > 1).sum())
    facts |= {name: float(count) for name, count in found.counts.items()}
    facts["margin"] = found.margin
    halo, bounds = found.halo, found.bounds
    norm = model.grains.norm
    return Particle(index, shell, found.grains, halo, norm, bounds, facts, surface.kind, surface.parts)


def library_recipe(
    model: Model,
    *,
    count: int,
    seed: int,
    labels: bool,
    voxel_size: float,
    shard_size: int,
    format: str,
    surface: Surface = SURFACE,
    where: str = "",
) -> dict[str, Any]:
    """The parameters that the bytes of a library are a function of; it stores them. InputError for a wrong one.

    The versions of what encodes the shards are among them: another one may compress to other bytes.
    """
    for name, value in (("count", count), ("shard_size", shard_size)):
        if value < 1:
            raise InputError(f"{name}: found {value}, expected 1 or more")
    if where:
        check_condition(where)
    if not 0 <= seed < 2**64:
        raise InputError(f"seed: found {seed}, expected a whole number from 0 to 2⁶⁴ − 1")
    if not 0.0 < voxel_size < float("inf"):
        raise InputError(f"voxel_size: found {voxel_size} µm, expected a positive number")
    encoders = formats.bulk_module(format).encoders()
    return {
        "format": format,
        "format_version": schema.FORMAT_VERSION,
        "nmcfast": __version__,
        "model_name": model.name,
        "model_sha256": model.digest,
        "seed": seed,
        "first": 0,
        "count": count,
        "shard_size": shard_size,
        **surface.to_recipe(),
        "where": where,
        "labels": labels,
        "voxel_size": float(voxel_size),
        "grid_size": model.grains.pixel_um,
        **encoders,
    }


@dataclass(frozen=True)
class Made:
    """What one run of `generate_library` did: shards made now, shards there are, root hash of a complete library."""

    path: Path
    made: int
    present: int
    expected: int
    root_sha256: str | None


def generate_library(
    path: str | Path,
    model: Model,
    *,
    count: int = GenerateOptions.count,
    seed: int = GenerateOptions.seed,
    labels: bool = not GenerateOptions.no_labels,
    voxel_size: float = GenerateOptions.voxel_size,
    shard_size: int = GenerateOptions.shard_size,
    format: str = GenerateOptions.format,
    surface: str = GenerateOptions.surface,
    parts: str | None = GenerateOptions.parts,
    smallest_grain: int = GenerateOptions.smallest_grain,
    where: str = GenerateOptions.where,
    shard_range: range | None = None,
    workers: int = int(GenerateOptions.workers),
    overwrite: bool = GenerateOptions.overwrite,
    progress: Progress | None = None,
) -> Made:
    """Make a library, or continue it: only the shards that are missing are made.

    surface, parts, smallest_grain, where: as for `generate_particle`. shard_range limits the run to some shards. Each
    worker is a process with one thread. progress is called after each particle. Raises InputError when `path` is
    something else or a library of other parameters (nothing is changed then), NoSpaceError when the disk is full; what
    is finished stays.
    """
    path = Path(path)
    recipe = library_recipe(
        model,
        count=count,
        seed=seed,
        labels=labels,
        voxel_size=voxel_size,
        shard_size=shard_size,
        format=format,
        surface=Surface.of(surface, parts, smallest_grain),
        where=where,
    )
    wanted = chosen_shards(shard_range, shards.shard_count(recipe))
    if labels:  # before anything is written: would the first particle fit into memory?
        grid_over(draw_shell(model.shell, seed, 0)[0].bounds(), voxel_size)
    if overwrite and path.exists():
        root.remove_library(path)
    return make_library(path, recipe, model, model.to_bytes(), wanted, workers, progress)


def make_library(
    path: Path,
    recipe: dict[str, Any],
    model: Model,
    model_file: bytes,
    wanted: range,
    workers: int = 1,
    progress: Progress | None = None,
) -> Made:
    """Make the wanted shards of the library of a recipe that are not there yet. Raises as `generate_library`."""
    root.create_library(path, recipe, model_file)
    done = set(shards.committed_shards(path))
    todo = [number for number in wanted if number not in done]
    if workers > 1 and len(todo) > 1:
        work_on(todo, partial(_shard_maker, path, recipe), min(workers, len(todo)), progress)
    else:
        for number in todo:
            make_shard(path, recipe, model, number, progress)
    digest = root.finish_library(path)
    return Made(path, len(todo), len(shards.committed_shards(path)), shards.shard_count(recipe), digest)


def chosen_shards(chosen: range | None, total: int) -> range:
    """The numbers of the shards asked for, all when None; InputError for some that the library does not have."""
    if chosen is None:
        return range(total)
    if not 0 <= chosen.start <= chosen.stop <= total:
        raise InputError(f"shards: found {chosen.start}:{chosen.stop}, the library has {total} (0:{total})")
    return chosen


def make_shard(path: Path, recipe: dict[str, Any], model: Model, number: int, progress: Progress | None = None) -> None:
    """Draw the particles of one shard and store it, whole or not at all."""
    members = shards.shard_range(recipe, number)
    writer, surface = formats.bulk_module(recipe["format"]).ShardWriter, Surface.from_recipe(recipe)
    with writer(path, number, members.start, recipe) as shard:
        for index in members:
            particle, found = _grow(model, recipe["seed"], index, surface, recipe["where"])
            volume = None
            if recipe["labels"]:
                on_grid = recipe["voxel_size"] == recipe["grid_size"]
                volume = found.volume if on_grid else particle.voxelize(recipe["voxel_size"])
            shard.add(particle.to_record(volume, recipe["voxel_size"]))
            if progress is not None:
                rejected = sum(int(v) for k, v in particle.facts.items() if k.startswith("rejected_"))
                progress(index, rejected)
        shard.commit()


def _shard_maker(path: Path, recipe: dict[str, Any]) -> Task:
    """What makes a shard in a worker, with the model of the library."""
    return partial(make_shard, path, recipe, load_model(path / root.MODEL))


def warm_up(model: Model) -> None:
    """Compile the kernels by drawing one particle and its labels; a second process begins with the last of them."""
    other = compilation.start() if available_workers() > 1 else None
    try:
        _ = _grow(model, 0, 0, Surface())[1].volume
    finally:
        if other is not None:
            other.terminate()
            other.wait()


def particle_digest(particle: Particle) -> str:
    """SHA-256 of what is stored of a particle without labels: two particles with one digest are the same to the bit.

    Of surface "grains" without what is said of crumbs, 0 for all: digests of earlier formats hold.
    """
    digest, silent = hashlib.sha256(), schema.MENDED if particle.surface == "grains" else ()
    for name, stored in schema.rows(particle.to_record(None, 1.0)).items():
        if name not in silent:
            digest.update(stored.tobytes())
    return digest.hexdigest()
