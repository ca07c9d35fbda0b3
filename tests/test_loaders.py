"""Tables, conditions, Parquet, xarray and torch give what the library holds."""

import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import record, write_library
from test_generate import SMALL

from nmcfast import export_library, generate_library
from nmcfast.errors import InputError
from nmcfast.export.formats import BULK
from nmcfast.expression import matching
from nmcfast.library.open import open_library


@pytest.fixture(scope="module", params=BULK)
def toys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("toys") / "toys", format=request.param)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "lib.zarr"
    generate_library(path, SMALL, count=5, seed=3, shard_size=2)
    return path


def test_the_index_measures_the_grains_of_each_particle(library: Path) -> None:
    opened = open_library(library)
    index = opened.index()
    assert all(np.array_equal(index[name], opened.table[name]) for name in opened.table.dtype.names or ())
    assert index["shard"].tolist() == [0, 0, 1, 1, 2]
    for row, particle in zip(index, opened, strict=True):
        volume = particle.grains.volume
        assert row["grain_volume_mean"] == pytest.approx(volume.mean(), rel=1e-6)
        assert row["grain_volume_median"] == pytest.approx(np.median(volume), rel=1e-6)
        assert row["grain_volume_std"] == pytest.approx(volume.std(), rel=1e-6)
        angles = []
        for (w, x, y, z), centroid in zip(particle.grains.orientation, particle.grains.centroid, strict=True):
            c = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
            angles.append(np.arccos(min(abs(c @ centroid) / np.linalg.norm(centroid), 1)))
        mean = (np.array(angles) * volume).sum() / volume.sum()
        assert row["c_angle_mean"] == pytest.approx(mean, rel=1e-5)
        spread = np.sqrt(((np.array(angles) - mean) ** 2 * volume).sum() / volume.sum())
        assert row["c_angle_std"] == pytest.approx(spread, rel=1e-4)
    assert opened.index([4, 1])["index"].tolist() == [4, 1]
    with pytest.raises(IndexError, match="particle 5 of 5"):
        opened.index([5])


def test_a_particle_without_grains_has_no_grain_statistics(tmp_path: Path) -> None:
    from library_toys import empty_library

    from nmcfast.export.zarr import ShardWriter

    path, made = empty_library(tmp_path, count=1)
    with ShardWriter(path, 0, 0, made) as shard:
        shard.add(record(0, np.zeros((0, 0, 0), np.uint16), 0))
        shard.commit()
    (row,) = open_library(path).index()
    assert np.isnan([row["grain_volume_mean"], row["c_angle_mean"], row["c_angle_std"]]).all()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("index > 2 and index <= 5", [3, 4, 5]),
        ("2 < index <= 5", [3, 4, 5]),
        ("not index >= 2 or index == 6", [0, 1, 6]),
        ("grains - 2 * halo < 0", None),
        ("d_max ** 2 / 4 + 1 != 2 and index % 2 == 1", [1, 3, 5]),
        ("shard == 1", [3, 4, 5]),
        ("sphericity / (index - 3) > 0", [3, 4, 5, 6]),
        ("index > -1", [0, 1, 2, 3, 4, 5, 6]),
        ("True", [0, 1, 2, 3, 4, 5, 6]),
        ("1 > 2", []),
        ("split == 'train'", [1, 2, 4, 5, 6]),
        ("split != 'train' and row == 0", [0, 3]),
    ],
)
def test_conditions_pick_particles(toys: Path, expression: str, expected: list[int] | None) -> None:
    if expected is None:
        expected = [i for i in range(7) if record(i).grains < 2 * record(i).halo]
    assert open_library(toys).query(expression).tolist() == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("spericity > 0.9", "no column 'spericity', expected one of"),
        ("sphericity >", "cannot be read"),
        ("", "cannot be read"),
        ("sphericity", "gives numbers, expected a condition"),
        ("__import__('os').system('false')", "is not a number, a column or a comparison"),
        ("index.__class__ == 1", "'index.__class__' is not a number"),
        ("index in (1, 2)", "is not a number, a column or a comparison"),
        ("[i for i in index] == 1", "is not a number"),
        ("index == 'a'", "\"'a'\" is not a number"),
        ("split", "split is text: compare it"),
        ("split == 1", "split is text: compare it"),
        ("split < 'train'", "split is text: compare it"),
        ("'train' == split", "\"'train'\" is not a number"),
        ("(grains > 1) - (grains > 2)", "cannot be computed"),
        ("box_shape > 3", "no column 'box_shape'"),
        ("(" * 5000 + "1" + ")" * 5000 + " > 0", "cannot be"),
        ("-" * 5000 + "1 > 0", "cannot be"),
    ],
)
def test_expressions_that_are_no_conditions_are_refused(library: Path, expression: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        open_library(library).query(expression)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_a_number_meets_no_condition() -> None:
    columns = {"a": np.array([1.0, np.nan, 0.0])}
    assert matching("1 / a > 0 or a < 0", columns, 3).tolist() == [True, False, True]


def test_parquet_has_the_index_with_units(library: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    export_library(open_library(library), tmp_path / "out", to="parquet", particles=range(1, 5))
    held, index = parquet.read_table(tmp_path / "out/index.parquet"), open_library(library).index(range(1, 5))
    assert held.column_names == list(index.dtype.names or ())
    for name in held.column_names:
        assert np.array_equal(np.array(held[name].to_pylist(), index[name].dtype), index[name]), name
    assert held.schema.field("d_max").metadata[b"unit"] == "µm".encode()


def test_xarray_has_the_table_and_reads_labels_when_asked(toys: Path) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    opened = open_library(toys)
    held = opened.xarray()
    assert held["particle"].values.tolist() == list(range(7))
    assert np.array_equal(held["sphericity"], opened.table["sphericity"])
    assert held["d_max"].attrs["units"] == "µm"
    assert held.attrs["seed"] == 3
    made = record(4).labels
    assert made is not None
    nz, ny, nx = made.shape
    assert np.array_equal(held["labels"].sel(particle=4)[:nz, :ny, :nx], made)
    assert int(held["labels"].sel(particle=4).sum()) == made.sum()
    assert np.array_equal(held["labels"][2:5, 5, 3:7, ::2].values[2], padded(4, held)[5, 3:7, ::2])
    assert np.array_equal(held["labels"].isel(particle=[6, 4], z=5).values[1], padded(4, held)[5])
    assert held.where(held["halo"] > 1, drop=True)["particle"].size == sum(record(i).halo > 1 for i in range(7))


def padded(index: int, held: Any) -> np.ndarray:
    out, labels = np.zeros(held["labels"].shape[1:], np.uint16), record(index).labels
    assert labels is not None
    out[tuple(map(slice, labels.shape))] = labels
    return out


@pytest.mark.parametrize("asked", [99, [5, 99], np.array([99])])
def test_a_particle_that_is_not_there_is_named_by_xarray_in_one_line(toys: Path, asked: Any) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    held = open_library(toys).xarray()
    for data in (held, held["d_max"]):
        with pytest.raises(InputError) as caught:
            data.sel(particle=asked)
        assert str(caught.value) == f"{toys}: found particle [99], expected its finished particles, 0 to 6"
    assert held.sel(particle=[5, 2])["particle"].values.tolist() == [5, 2]
    assert held.sel(particle=slice(5, 99))["particle"].values.tolist() == [5, 6]
    assert int(held.sel(particle=99, method="nearest")["particle"]) == 6


def test_xarray_aligns_particles_with_arrays_of_others(toys: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    held = open_library(toys).xarray()
    other = xarray.DataArray([1.0, 2.0, 3.0], {"particle": [2, 5, 90]})
    assert (held["d_max"] * other)["particle"].values.tolist() == [2, 5]
    assert pickle.loads(pickle.dumps(held["d_max"])).equals(held["d_max"])


def test_particles_chosen_by_number_stay_unread_in_xarray(library: Path, tmp_path: Path) -> None:
    """What docs/loaders.md offers in place of `where(..., drop=True)`, which reads the labels of all."""
    pytest.importorskip("xarray", reason="xarray is not installed")
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    opened = open_library(copy)
    held, chosen = opened.xarray(), opened.query("index != 2")
    shutil.rmtree(copy / "shards/000001/labels")
    part = held.sel(particle=chosen)
    assert part["particle"].values.tolist() == [0, 1, 3, 4] and part["aspect_ratio"].shape == (4,)
    last = part["labels"].isel(particle=3).values
    assert last.dtype == np.uint16 and last.any()


def test_xarray_reads_no_label_before_it_must(library: Path, tmp_path: Path) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    held = open_library(copy).xarray()
    shutil.rmtree(copy / "shards/000001/labels")
    assert held["labels"].sel(particle=4).any()
    with pytest.raises(Exception, match="000001/labels"):
        held["labels"].sel(particle=2).load()


def test_libraries_without_labels_have_none_to_load(tmp_path: Path) -> None:
    opened = open_library(write_library(tmp_path / "lib.zarr", labels=False, count=2))
    assert "labels" not in opened.xarray()
    with pytest.raises(InputError, match="holds no labels"):
        opened.torch()
    assert len(list(opened.torch(["d_max"]))) == 2


def test_a_copied_library_opens_its_own_files(toys: Path) -> None:
    opened = open_library(toys)
    opened.record(0)
    copied = pickle.loads(pickle.dumps(opened))
    assert np.array_equal(copied.labels(4), opened.labels(4))


# torch


def test_torch_gives_every_particle_once_with_its_labels(toys: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    seen = {}
    for sample in open_library(toys).torch(["labels", "sphericity", "position", "box_shape"]):
        index = int(sample["index"])
        seen[index] = sample
        made = record(index)
        assert np.array_equal(sample["labels"].numpy(), made.labels)
        assert sample["labels"].dtype == torch.int32
        assert np.array_equal(sample["position"].numpy(), made.position)
        assert sample["sphericity"] == made.scalars["sphericity"]
        assert sample["box_shape"].tolist() == made.box_shape.tolist()
    assert sorted(seen) == list(range(7))


def orders(dataset: Any, epochs: int) -> list[list[int]]:
    found = []
    for epoch in range(epochs):
        dataset.set_epoch(epoch)
        found.append([int(sample["index"]) for sample in dataset])
    return found


def test_shards_and_particles_are_shuffled_by_seed_and_epoch(toys: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    opened = open_library(toys)
    first = orders(opened.torch(["d_max"], seed=1), 8)
    assert first == orders(opened.torch(["d_max"], seed=1), 8)
    assert first != orders(opened.torch(["d_max"], seed=2), 8)
    assert len({tuple(order) for order in first}) > 1
    for order in first:  # a shard at a time: its number changes twice
        assert sorted(order) == list(range(7))
        assert np.count_nonzero(np.diff([i // 3 for i in order])) == 2
    assert orders(opened.torch(["d_max"], shuffle=False), 2) == [list(range(7))] * 2


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than this machine has cores
@pytest.mark.parametrize("persistent", [False, True])
def test_workers_share_the_shards_and_see_the_epoch(toys: Path, persistent: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    dataset = open_library(toys).torch(["labels", "d_max"], shape=(8, 8, 8), seed=1)
    list(open_library(toys).torch())  # files are open in the parent
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=2, num_workers=2, persistent_workers=persistent, multiprocessing_context="fork"
    )
    passes = []
    for epoch in range(4):
        dataset.set_epoch(epoch)
        batches = list(loader)
        passes.append([int(i) for batch in batches for i in batch["index"]])
        assert all(batch["labels"].shape[1:] == (8, 8, 8) for batch in batches)
        assert len(batches) == len(loader) == 4
        assert [len(batch["index"]) for batch in batches] == [2, 2, 2, 1]
    assert all(sorted(order) == list(range(7)) for order in passes)
    assert passes == orders(open_library(toys).torch(["d_max"], seed=1), 4), "workers change the order"
    assert len({tuple(order) for order in passes}) > 1
    assert len(dataset) == 7


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_ranks_share_the_particles_as_the_distributed_sampler_does(toys: Path, ranks: int) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    opened = open_library(toys)
    for epoch in range(3):
        parts = []
        for rank in range(ranks):
            dataset = opened.torch(["d_max"], seed=4, rank=rank, ranks=ranks)
            dataset.set_epoch(epoch)
            parts.append([int(sample["index"]) for sample in dataset])
            assert len(parts[-1]) == len(dataset) == -(-7 // ranks)
        order = [index for part in parts for index in part]
        whole = orders(opened.torch(["d_max"], seed=4), epoch + 1)[-1]
        assert order == [whole[k % 7] for k in range(len(order))], "the first ones are repeated at the end"
    with pytest.raises(IndexError, match="element"):
        dataset[len(dataset)]


RANK = """
import sys, warnings
import torch
from torch.utils.data import DataLoader
from nmcfast import open_library
warnings.simplefilter("ignore")
rank, ranks, port, workers, method, path = *map(int, sys.argv[1:5]), *sys.argv[5:]
if __name__ == "__main__":
    store = f"tcp://127.0.0.1:{port}"
    dataset = open_library(path).torch(["d_max"], seed=2)
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=ranks)
    loader = DataLoader(dataset, batch_size=2, num_workers=workers, multiprocessing_context=method)
    for epoch in range(2):
        dataset.set_epoch(epoch)
        mine = [batch["index"] for batch in loader]
        assert len(mine) == len(loader)
        every = [torch.zeros_like(torch.cat(mine)) for _ in range(ranks)]
        torch.distributed.all_gather(every, torch.cat(mine))
        if rank == 0:
            print(*torch.cat(every).tolist())
    torch.distributed.destroy_process_group()
"""


@pytest.mark.parametrize(
    ("ranks", "workers", "method"), [(2, 1, "spawn"), (2, 2, "fork"), (3, 1, "fork"), (3, 2, "fork")]
)
def test_ranks_of_torch_distributed_have_every_particle_once(
    library: Path, tmp_path: Path, ranks: int, workers: int, method: str
) -> None:
    """Real processes over gloo: five particles on two or three ranks are six of an epoch, one of them twice."""
    pytest.importorskip("torch", reason="torch is not installed")
    program = tmp_path / "rank.py"
    program.write_text(RANK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    jobs = [
        subprocess.Popen(
            [sys.executable, str(program), str(rank), str(ranks), port, str(workers), method, str(library)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank in range(ranks)
    ]
    said = [job.communicate(timeout=300) for job in jobs]
    assert [job.returncode for job in jobs] == [0] * ranks, said
    passes = [[int(n) for n in line.split()] for line in said[0][0].splitlines()]
    for order in passes:
        assert len(order) == 6 and sorted(order[:5]) == list(range(5)) and order[5] == order[0]
    assert len(passes) == 2 and passes[0] != passes[1]


def test_labels_are_cut_or_padded_about_the_centre(library: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    opened = open_library(library)
    for shape in ((20, 30, 7), (64, 64, 64), (1, 1, 1)):
        for sample in opened.torch(shape=shape):
            labels, volume = sample["labels"].numpy(), opened[int(sample["index"])].voxelize(0.05)
            first = np.rint(volume.origin[::-1] / 0.05).astype(int)
            for k, j, i in np.ndindex(shape):
                place = np.array((k, j, i)) - np.array(shape) // 2 - first
                inside = (place >= 0).all() and (place < volume.labels.shape).all()
                if (k + j + i) % 7 == 0:
                    assert labels[k, j, i] == (volume.labels[tuple(place)] if inside else 0)


def test_only_the_particles_asked_for_come(toys: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    opened = open_library(toys)
    chosen = opened.query("index > 1 and index != 4")
    assert sorted(int(s["index"]) for s in opened.torch(["d_max"], particles=chosen)) == [2, 3, 5, 6]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fields": ["lables"]}, "fields: found 'lables', expected some of"),
        ({"shape": (8, 8)}, "shape: found (8, 8), expected three numbers"),
        ({"particles": [3, 9]}, "particles: found 9, "),
        ({"rank": 2, "ranks": 2}, "rank, ranks: found 2, 2, expected both"),
        ({"rank": 0}, "rank, ranks: found 0, None, expected both"),
    ],
)
def test_wrong_options_of_torch_are_refused(library: Path, options: dict[str, Any], said: str) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(InputError) as caught:
        open_library(library).torch(**options)
    assert said in str(caught.value)


def test_particles_of_a_missing_shard_are_refused(library: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    (copy / "complete.json").unlink()
    shutil.rmtree(copy / "shards/000001")
    with pytest.raises(InputError, match="shard 000001 is missing: choose other particles"):
        open_library(copy).torch()
    assert len(open_library(copy).torch(particles=[0, 4])) == 2


@pytest.mark.parametrize(
    ("package", "call", "extra"),
    [
        ("torch", "opened.torch()", "train"),
        ("xarray", "opened.xarray()", "tables"),
        ("pyarrow", "nmcfast.export_library(opened, sys.argv[2], to='parquet')", "tables"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    library: Path, tmp_path: Path, package: str, call: str, extra: str
) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\nimport nmcfast\nfrom nmcfast.errors import MissingExtraError\n"
        f"opened = nmcfast.open_library(sys.argv[1])\ntry:\n    {call}\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(library), str(tmp_path / "out")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"needs {package}: pip install 'nmcfast[{extra}]'" in said
