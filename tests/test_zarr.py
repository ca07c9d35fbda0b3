"""What a shard holds comes back, part by part, and zarr-python agrees to the byte."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
import zarr.codecs
from hypothesis import given, settings
from hypothesis import strategies as st
from library_toys import empty_library, recipe, record, tree, write_library, write_shard

from nmcfast.errors import DamageError
from nmcfast.export import files, root, schema, sharding, shards
from nmcfast.export import zarr as zarr_format
from nmcfast.export.schema import VARIABLES
from nmcfast.export.verify import verify
from nmcfast.export.zarr import ShardReader, ShardWriter


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("library") / "lib.zarr")


def oracle(path: Path, mode: Any = "r") -> Any:
    """The array as zarr-python opens it, whose types would want a check at every use."""
    return zarr.open_array(path, mode=mode)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_part_of_any_array_reads_as_numpy_slices(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=3), label="shape"))
    chunk = tuple(data.draw(st.integers(1, 5)) for _ in shape)
    dtype = np.dtype(data.draw(st.sampled_from(["<u2", "<u4"])))
    values = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).integers(0, 3, shape).astype(dtype)
    path = tmp_path_factory.mktemp("array") / "data"
    file = files.HashedFile(path)
    sharding.write_index(file, sharding.write_block(file, values, chunk, skip_zeros=data.draw(st.booleans())))
    file.close()
    ends = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in shape]
    bounds = [(start, stop) for start, stop in ends]
    part = sharding.ShardedArray(path, shape, chunk, dtype).read(*bounds)
    assert np.array_equal(part, values[tuple(slice(*b) for b in bounds)])


def test_edges_are_padded_with_zeros_and_chunks_of_zeros_left_out(tmp_path: Path) -> None:
    file = files.HashedFile(tmp_path / "data")
    values = np.array([1, 1, 0, 0, 1], np.uint16)
    index = sharding.write_block(file, values, (2,), skip_zeros=True)
    file.close()
    missing = [2**64 - 1] * 2
    first, second = sharding.encode(np.array([1, 1], np.uint16)), sharding.encode(np.array([1, 0], np.uint16))
    assert (tmp_path / "data").read_bytes() == first + second
    assert index.tolist() == [[0, len(first)], missing, [len(first), len(second)]]


def test_a_chunk_that_would_decompress_to_another_size_is_refused() -> None:
    data = sharding.encode(np.zeros(1000, np.uint16))
    for shape in ((999,), (1001,)):
        with pytest.raises(ValueError, match="holds 2000 bytes, expected"):
            sharding.decode(data, shape, np.dtype("<u2"))


def expected_column(name: str, indices: range) -> np.ndarray:
    parts = [schema.rows(record(i))[name] for i in indices]
    return np.concatenate(parts) if name.startswith(("grains/", "halo/")) else np.stack(parts)


@pytest.mark.parametrize("number", [0, 2])
def test_zarr_python_reads_every_array(library: Path, number: int) -> None:
    folder = library / "shards" / shards.shard_name(number)
    indices = shards.shard_range(recipe(), number)
    for variable in VARIABLES:
        array = oracle(folder / variable.name)
        assert array.metadata.dimension_names == variable.dims
        assert array.attrs["units"] == variable.unit
        if variable.name in schema.POINTED:
            counts = expected_column(schema.POINTED[variable.name], indices)
            expected = np.concatenate([[0], counts.cumsum()])
        else:
            expected = expected_column(variable.name, indices)
        assert np.array_equal(array[:], expected), variable.name
        assert array.dtype == f"<{variable.dtype}"


def test_zarr_python_reads_the_labels(library: Path) -> None:
    labels = oracle(library / "shards/000001/labels")
    assert labels.attrs["dimension_units"] == ["", "50 nm", "50 nm", "50 nm"]
    for row, index in enumerate(shards.shard_range(recipe(), 1)):
        expected = record(index).labels
        assert expected is not None
        box = tuple(slice(n) for n in expected.shape)
        assert np.array_equal(labels[(row, *box)], expected)
        assert np.count_nonzero(labels[row]) == np.count_nonzero(expected)


def test_zarr_python_writes_the_same_bytes(library: Path, tmp_path: Path) -> None:
    folder = library / "shards/000000"
    for name in ("particles/grains", "shell/coefficients", "grains/position", "grains/components"):
        held = oracle(folder / name)
        with zarr.config.set({"array.write_empty_chunks": True}):
            ours: Any = zarr.create_array(
                tmp_path / name,
                shape=held.shape,
                chunks=held.chunks,
                shards=held.shards,
                dtype=held.dtype,
                compressors=[zarr.codecs.ZstdCodec(level=1), zarr.codecs.Crc32cCodec()],
                attributes=held.attrs.asdict(),
                dimension_names=held.metadata.dimension_names,
            )
            ours[:] = held[:]
        assert ours.metadata.to_dict() == held.metadata.to_dict()
        path = sharding.data_path(name, held.ndim)
        assert (tmp_path / path).read_bytes() == (folder / path).read_bytes(), name


def test_zarr_python_walks_the_hierarchy(library: Path) -> None:
    group: Any = zarr.open_group(library, mode="r")
    assert group.attrs["recipe"] == recipe()
    assert sorted(group["shards/000000/halo"].array_keys()) == ["angle", "diagonal", "offset", "position"]


def test_tensorstore_reads_every_array(library: Path) -> None:
    tensorstore = pytest.importorskip("tensorstore", reason="tensorstore is not installed")
    folder = library / "shards/000001"
    for name in [*(v.name for v in VARIABLES), "labels"]:
        store = {"driver": "file", "path": str(folder / name)}
        held = tensorstore.open({"driver": "zarr3", "kvstore": store}).result()
        assert np.array_equal(held.read().result(), oracle(folder / name)[:]), name


def test_xarray_opens_a_shard_with_its_names(library: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # manifest.json is no Zarr object, docs/decisions/001
        tree = xarray.open_datatree(library / "shards/000001", engine="zarr", consolidated=False)
    assert tree["labels"].dims == ("p", "z", "y", "x")
    made = record(4).labels
    assert made is not None
    assert np.array_equal(tree["labels"][1].values[tuple(map(slice, made.shape))], made)
    assert tree["grains/position"].attrs["units"] == "µm"
    assert tree["particles/index"].values.tolist() == [3, 4, 5]


def test_bytes_do_not_depend_on_when_and_in_which_order(library: Path, tmp_path: Path) -> None:
    again, made = empty_library(tmp_path)
    for number in (2, 0, 1):
        write_shard(again, number, made)
    assert root.finish_library(again) == root.finish_library(library)
    assert tree(again) == tree(library)


def test_labels_are_widened_when_a_later_particle_has_many_grains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.zeros((3, 140, 170), np.uint32)
    labels.ravel()[1:65_537] = np.arange(1, 65_537)
    many = record(1, labels, 65_536)
    trees = []
    for name in ("late", "early"):
        (tmp_path / name).mkdir()
        library, made = empty_library(tmp_path / name, count=3)
        with ShardWriter(library, 0, 0, made) as shard:
            for made_record in (record(0), many, record(2)):
                shard.add(made_record)
            shard.commit()
        assert verify(library).ok
        stored = oracle(library / "shards/000000/labels")
        assert stored.dtype == np.uint32
        assert np.array_equal(stored[1, :3], labels)
        trees.append(tree(library))
        monkeypatch.setattr(zarr_format, "label_dtype", lambda grains: np.dtype("<u4"))
    assert trees[0] == trees[1]


def test_particles_without_grains_and_boxes_without_voxels(tmp_path: Path) -> None:
    library, made = empty_library(tmp_path, count=3)
    nothing = [record(i, np.zeros((0, 0, 0), np.uint16), 0) for i in range(3)]
    with ShardWriter(library, 0, 0, made) as shard:
        for made_record in nothing:
            shard.add(made_record)
        shard.commit()
    assert verify(library).ok
    assert ShardReader(library, 0, made).labels(1).shape == (0, 0, 0)
    assert oracle(library / "shards/000000/grains/position")[:].shape == (0, 3)


def test_a_slice_reads_only_the_chunks_it_crosses(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 6, (130, 40, 70), dtype=np.uint16)
    library, made = empty_library(tmp_path, count=1)
    with ShardWriter(library, 0, 0, made) as shard:
        shard.add(record(0, labels))
        shard.commit()
    data = library / "shards/000000" / sharding.data_path("labels", 4)
    content = bytearray(data.read_bytes())
    content[5] ^= 1  # in the first chunk of the file: z < 64, x < 64
    data.write_bytes(content)
    reader = ShardReader(library, 0, made)
    assert np.array_equal(reader.label_slice(0, 100), labels[100])
    for read in (lambda: reader.label_slice(0, 63), lambda: reader.labels(0)):
        with pytest.raises(DamageError, match=r"labels/c/0/0/0/0: chunk \(0, 0, 0, 0\) is damaged"):
            read()


def test_a_missing_file_is_an_error_and_never_zeros(library: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    (copy / "shards/000000/grains/angle/c/0").unlink()
    (copy / "shards/000000/shell/coefficients/zarr.json").unlink()
    reader = ShardReader(copy, 0, recipe())
    for name in ("grains/angle", "shell/coefficients"):
        with pytest.raises(DamageError, match=name):
            reader.array(next(v for v in VARIABLES if v.name == name)).read()
