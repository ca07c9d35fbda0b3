"""Libraries of particles: recipe, shards that are missing, workers that make them.

A shard is a pure function of (model, seed, shard number, parameters).
"""

import resource
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from nmcfast import __version__
from nmcfast.errors import InputError, NmcfastError
from nmcfast.export import files, formats, lock, root, schema, shards
from nmcfast.export.stream import LARGEST_INDEX, stream_index, text_of
from nmcfast.generate import SURFACE, make_shard
from nmcfast.model import Model, load_model, model_from_bytes
from nmcfast.objects.making import make_in_store
from nmcfast.objects.store import as_url
from nmcfast.options import GenerateOptions
from nmcfast.plan import Made, Plan
from nmcfast.shells.choice import check_condition
from nmcfast.shells.shell import draw_shell
from nmcfast.sizes import particles_of_shard
from nmcfast.surface import Surface
from nmcfast.tessellation import grid_over
from nmcfast.workers.clusters import Cluster, wait_until, work_over
from nmcfast.workers.processes import Progress, Task, work_on

_LATE = 120.0  # s until a network file system shows what others wrote
VOXEL_SIZES = (1e-4, 1e4)  # µm: a lattice constant, and a hundred times the largest particles


def library_recipe(
    model: Model,
    *,
    count: int,
    seed: int,
    labels: bool,
    voxel_size: float,
    shard_size: int | None,
    format: str,
    surface: Surface = SURFACE,
    where: str = "",
    indices: str = "",
) -> dict[str, Any]:
    """The parameters that the bytes of a library are a function of; it stores them. InputError for a wrong one.

    shard_size: None for what `sizes` says. The versions of what encodes the shards are among the parameters: another
    one may compress to other bytes.
    """
    for name, value in (("count", count), ("shard_size", shard_size)):
        if value is not None and value < 1:
            raise InputError(f"{name}: found {value}, expected 1 or more")
    if where:
        check_condition(where)
    if not 0 <= seed < 2**64:
        raise InputError(f"seed: found {seed}, expected a whole number from 0 to 2⁶⁴ − 1")
    low, high = VOXEL_SIZES
    if not low <= voxel_size <= high:
        raise InputError(f"voxel_size: found {voxel_size} µm, expected {low} to {high:g}")
    encoders = formats.bulk_module(format).encoders()
    if shard_size is None:
        shard_size = particles_of_shard(model, count, format=format, labels=labels, voxel_size=voxel_size, where=where)
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
        "indices": indices,
        "labels": labels,
        "voxel_size": float(voxel_size),
        "grid_size": model.grains.pixel_um,
        **encoders,
    }


def generate_library(
    path: str | Path,
    model: Model,
    *,
    count: int = GenerateOptions.count,
    seed: int = GenerateOptions.seed,
    labels: bool = not GenerateOptions.no_labels,
    voxel_size: float = GenerateOptions.voxel_size,
    shard_size: int | None = GenerateOptions.shard_size,
    format: str = GenerateOptions.format,
    surface: str = GenerateOptions.surface,
    parts: str | None = GenerateOptions.parts,
    smallest_grain: int = GenerateOptions.smallest_grain,
    where: str = GenerateOptions.where,
    indices: Sequence[int] | None = None,
    shard_range: range | None = None,
    workers: int = int(GenerateOptions.workers),
    overwrite: bool = GenerateOptions.overwrite,
    progress: Progress | None = None,
    begun: Callable[[Plan], None] | None = None,
    executor: Executor | Cluster | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Made:
    """Make a library, or continue it: only the shards that are missing are made. `path` may be an s3:// URL.

    surface, parts, smallest_grain, where: as for `generate_particle`. indices: the particles of the stream that it
    holds, in this order, instead of the first `count`. shard_range limits the run to some shards. Each worker is a
    process with one thread. begun is called once with what will be made, progress after each particle.
    executor: who makes the shards instead of processes here, any of `concurrent.futures` whose workers see `path`; of
    one that is not a `Cluster` as many tasks as `workers` are under way at once. storage_options: for fsspec, of a URL.
    Raises InputError when `path` is something else or a library of other parameters (nothing is changed then),
    NoSpaceError when the disk is full; what is finished stays.
    """
    url = as_url(path)
    if url is not None and (overwrite or executor is not None):
        raise _not_at(url, "overwrite" if overwrite else "executor")
    chosen = _as_text(indices) if indices is not None else ""
    recipe = library_recipe(
        model,
        count=count if indices is None else len(indices),
        seed=seed,
        labels=labels,
        voxel_size=voxel_size,
        shard_size=shard_size,
        format=format,
        surface=Surface.of(surface, parts, smallest_grain),
        where=where,
        indices=chosen,
    )
    wanted = chosen_shards(shard_range, shards.shard_count(recipe))
    if labels:  # before anything is written: would the first particle fit into memory?
        grid_over(draw_shell(model.shell, seed, stream_index(recipe, 0))[0].bounds(), voxel_size)
    if url is not None:
        return make_in_store(url, dict(storage_options or {}), recipe, model, wanted, workers, progress, begun)
    path = Path(path)
    if overwrite and path.exists():
        root.remove_library(path)
    return make_library(path, recipe, model, model.to_bytes(), wanted, workers, progress, begun, executor)


def _not_at(url: str, option: str) -> InputError:
    """What to do instead of an option that a URL cannot have."""
    instead = {
        "overwrite": "nobody can be kept from writing there meanwhile: remove it first, or choose another URL",
        "executor": "have independent jobs make some shards each, --shards I:J, or --workers",
    }
    return InputError(f"{url}: {option} is for libraries on a disk; {instead[option]}")


def _as_text(indices: Sequence[int]) -> str:
    """Chosen indices for the recipe; InputError for none, one that no stream has, or one that comes twice."""
    if not len(indices):
        raise InputError("indices: found none, expected one or more")
    seen: set[int] = set()
    for index in map(int, indices):
        if not 0 <= index <= LARGEST_INDEX or index in seen:
            expected = "each index once" if index in seen else "whole numbers from 0 to 2⁶⁴ − 1"
            raise InputError(f"indices: found {index}{' twice' if index in seen else ''}, expected {expected}")
        seen.add(index)
    return text_of(map(int, indices))


def make_library(
    path: Path,
    recipe: dict[str, Any],
    model: Model,
    model_file: bytes,
    wanted: Sequence[int],
    workers: int = 1,
    progress: Progress | None = None,
    begun: Callable[[Plan], None] | None = None,
    executor: Executor | Cluster | None = None,
) -> Made:
    """Make the wanted shards of the library of a recipe that are not there yet. Raises as `generate_library`.

    A library that was made here and has no shard when this fails is removed again.
    """
    fresh = not path.exists()
    try:
        while True:
            root.create_library(path, recipe, model_file)
            with lock.at_work(path) as still_there:
                if still_there:
                    return _make_missing(path, recipe, model, wanted, workers, progress, begun, executor)
    except Exception:
        if fresh and root.is_library(path) and not shards.committed_shards(path):
            with suppress(InputError):  # another process is at it by now
                root.remove_library(path)
        raise


def _make_missing(
    path: Path,
    recipe: dict[str, Any],
    model: Model,
    wanted: Sequence[int],
    workers: int,
    progress: Progress | None,
    begun: Callable[[Plan], None] | None,
    executor: Executor | Cluster | None,
) -> Made:
    done = set(shards.committed_shards(path))
    todo = [number for number in wanted if number not in done]
    if begun is not None:
        total, missing = (sum(len(shards.shard_range(recipe, n)) for n in some) for some in (wanted, todo))
        begun(Plan(path, recipe, total, total - missing))
    if executor is not None:
        cluster = executor if isinstance(executor, Cluster) else Cluster(executor, lambda: workers)
        _make_elsewhere(path, recipe, todo, cluster, progress)
    elif workers > 1 and len(todo) > 1:
        _make_in_workers(path, recipe, todo, min(workers, len(todo)), progress)
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


def _make_in_workers(
    path: Path, recipe: dict[str, Any], todo: list[int], workers: int, progress: Progress | None
) -> None:
    """Make shards in processes. NmcfastError for those whose workers were killed; the others are finished."""
    try:
        lost = work_on(todo, partial(_shard_maker, path, recipe), workers, progress)
    finally:
        files.sweep(path / "shards")
    if lost:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
        names = ", ".join(map(shards.shard_name, lost[:5])) + (" …" if len(lost) > 5 else "")
        raise NmcfastError(
            f"{path}: shard {names}: the worker was killed, also when it worked alone; if for lack of memory (it"
            f" held up to {peak:.0f} MiB), run the same command with fewer --workers or on a larger machine to continue"
        )


def _make_elsewhere(
    path: Path, recipe: dict[str, Any], todo: list[int], cluster: Cluster, progress: Progress | None
) -> None:
    """Make shards over an executor, whose workers see the same folder, perhaps late."""

    def tell(told: list[tuple[int, int]]) -> None:
        for message in told:
            if progress is not None:
                progress(*message)

    task = partial(_make_one, str(path.resolve()), shards.recipe_digest(recipe))
    try:
        work_over(cluster, todo, task, tell)
    finally:
        files.sweep(path / "shards")
    if not wait_until(lambda: set(todo) <= set(shards.committed_shards(path)), _LATE):
        raise NmcfastError(f"{path}: what was made does not show here after {_LATE:.0f} s: run the same command later")
    for number in todo:
        files.sweep_outdone(path / "shards" / shards.shard_name(number))


def _make_one(path: str, digest: str, number: int) -> list[tuple[int, int]]:
    """Make a shard wherever this runs, from the library's own recipe and model; its particles and rejected shells."""
    library, told = Path(path), list[tuple[int, int]]()
    here = f"{path} on {socket.gethostname()}"
    if not root.is_library(library) or shards.recipe_digest(recipe := root.read_recipe(library)) != digest:
        raise InputError(f"{here}: not the library that is made: workers need the same folder under the same path")
    if number not in shards.committed_shards(library):
        data = root.read_model(library, recipe)
        make_shard(library, recipe, model_from_bytes(data, here), number, lambda *message: told.append(message))
    return told


def _shard_maker(path: Path, recipe: dict[str, Any]) -> Task:
    """What makes a shard in a worker, with the model of the library."""
    return partial(make_shard, path, recipe, load_model(path / root.MODEL))
