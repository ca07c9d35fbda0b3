"""From a model and a seed to particles, and to the particles of a shard.

A particle is a pure function of (model, seed, index), and of what is chosen: surface, condition on the shell.
"""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from nmcfast import compilation
from nmcfast.errors import InputError
from nmcfast.export import formats, schema, shards
from nmcfast.export.stream import stream_index
from nmcfast.kernels import compiled
from nmcfast.model import Model
from nmcfast.options import GenerateOptions
from nmcfast.overlay import Overlay, overlay
from nmcfast.particle import Particle
from nmcfast.shells.choice import check_condition, draw_chosen
from nmcfast.shells.shell import Shell, draw_shell
from nmcfast.solid import Solid, solid
from nmcfast.surface import Surface
from nmcfast.texture import draw_orientations
from nmcfast.workers.processes import Progress, available_workers

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
        _LOG.warning("compiling the kernels, once for this installation; one to two minutes")
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
    facts["stream_index"] = index
    halo, bounds = found.halo, found.bounds
    norm = model.grains.norm
    return Particle(index, shell, found.grains, halo, norm, bounds, facts, surface.kind, surface.parts)


def make_shard(path: Path, recipe: dict[str, Any], model: Model, number: int, progress: Progress | None = None) -> None:
    """Draw the particles of one shard and store it, whole or not at all."""
    members = shards.shard_range(recipe, number)
    writer, surface = formats.bulk_module(recipe["format"]).ShardWriter, Surface.from_recipe(recipe)
    with writer(path, number, members.start, recipe) as shard:
        for index in members:
            drawn, found = _grow(model, recipe["seed"], stream_index(recipe, index), surface, recipe["where"])
            particle = replace(drawn, index=index)
            volume = None
            if recipe["labels"]:
                on_grid = recipe["voxel_size"] == recipe["grid_size"]
                volume = found.volume if on_grid else particle.voxelize(recipe["voxel_size"])
            shard.add(particle.to_record(volume, recipe["voxel_size"]))
            if progress is not None:
                rejected = sum(int(v) for k, v in particle.facts.items() if k.startswith("rejected_"))
                progress(index, rejected)
        shard.commit()


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

    Without what is said of crumbs for surface "grains", of conditions where there are none, 0 for all, and of the
    number in the stream: digests of earlier formats hold.
    """
    digest = hashlib.sha256()
    silent = (*(schema.MENDED if particle.surface == "grains" else ()), "particles/stream_index")
    for name, stored in schema.rows(particle.to_record(None, 1.0)).items():
        if name not in silent and not (name == "particles/rejected_where" and not stored.any()):
            digest.update(stored.tobytes())
    return digest.hexdigest()
