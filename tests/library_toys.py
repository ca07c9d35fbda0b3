"""Small libraries of made-up particles: Voronoi cells in a ball, every number a function of the index."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmcfast.export import formats, root, schema, shards
from nmcfast.export.schema import ParticleRecord

VOXEL = 0.05
MODEL = b"a model"


def recipe(**changes: Any) -> dict[str, Any]:
    made = {
        "format": "zarr",
        "format_version": schema.FORMAT_VERSION,
        "model_name": "toy",
        "model_sha256": hashlib.sha256(MODEL).hexdigest(),
        "seed": 3,
        "first": 0,
        "count": 7,
        "shard_size": 3,
        "surface": "shell",
        "parts": "merge",
        "smallest_grain": 1,
        "where": "",
        "indices": "",
        "labels": True,
        "voxel_size": VOXEL,
        "grid_size": VOXEL,
    }
    return {**made, **changes}


def voronoi(seeds: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Labels 1…n of the nearest seed inside the ball that fits the box, 0 outside."""
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) + 0.5
    distance = ((points[..., None, :] - seeds) ** 2).sum(axis=-1)
    centre = np.array(shape) / 2
    inside = ((points - centre) ** 2).sum(axis=-1) <= centre.min() ** 2
    return np.where(inside, distance.argmin(axis=-1) + 1, 0).astype(np.uint16)


def record(index: int, labels: np.ndarray | None = None, grains: int = 5) -> ParticleRecord:
    rng = np.random.default_rng(index)
    halo = int(rng.integers(0, 4))
    if labels is None:
        nz, ny, nx = (int(n) for n in rng.integers(9, 16, 3))
        labels = voronoi(rng.random((grains, 3)) * (nz, ny, nx), (nz, ny, nx))
    volume = np.bincount(labels.ravel(), minlength=grains + 1)[1:] * VOXEL**3

    def single(*size: int) -> np.ndarray:
        return rng.standard_normal(size).astype(np.float32)

    return ParticleRecord(
        index=index,
        coefficients=single(100),
        position=single(grains, 3),
        diagonal=single(grains, 3),
        offset=single(grains),
        angle=single(grains),
        centroid=single(grains, 3),
        volume=volume.astype(np.float32),
        orientation=np.tile(np.float32([0.5, 0.5, -0.5, 0.5]), (grains, 1)),
        components=np.ones(grains, np.uint16),
        halo_position=single(halo, 3),
        halo_diagonal=single(halo, 3),
        halo_offset=single(halo),
        halo_angle=single(halo),
        domain_lower=rng.standard_normal(3) - 9.0,
        domain_upper=rng.standard_normal(3) + 9.0,
        box_origin=rng.standard_normal(3),
        box_shape=np.array(labels.shape, np.uint32),
        labels=labels,
        scalars={**dict.fromkeys(schema.SCALARS, index + 0.0), "volume_um3": volume.sum(), "disconnected": 0},
    )


def write_shard(library: Path, number: int, made: dict[str, Any]) -> None:
    particles = shards.shard_range(made, number)
    writer = formats.bulk_module(made["format"]).ShardWriter
    with writer(library, number, particles.start, made) as shard:
        for index in particles:
            shard.add(record(index))
        shard.commit()


def write_library(library: Path, **changes: Any) -> Path:
    made = recipe(**changes)
    root.create_library(library, made, MODEL)
    for number in range(shards.shard_count(made)):
        write_shard(library, number, made)
    root.finish_library(library)
    return library


def empty_library(folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    """A library without shards in a folder, and its recipe."""
    made = recipe(**changes)
    root.create_library(folder / "lib.zarr", made, MODEL)
    return folder / "lib.zarr", made


def seen_by_paraview(file: Path) -> dict[str, Any]:
    """What tests/paraview_reader.py says of a file; skips the test without ParaView."""
    pvpython = shutil.which("pvpython")
    if pvpython is None:
        pytest.skip("ParaView is not installed (Debian: python3-paraview)")
    script = Path(__file__).with_name("paraview_reader.py")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [pvpython, "--force-offscreen-rendering", str(script), str(file)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=clean).stdout)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
