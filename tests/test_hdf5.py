"""HDF5 shards hold what Zarr shards hold, are read by h5py and VTK as they are, and are whole or damage."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from library_toys import empty_library, record, seen_by_paraview, tree, write_library, write_shard
from test_generate import SMALL

from nmcfast import generate_library, generate_particle
from nmcfast.errors import DamageError, InputError, NmcfastError
from nmcfast.export import hdf5, root, schema
from nmcfast.export.hdf5_file import INTERRUPTIONS
from nmcfast.export.schema import VARIABLES
from nmcfast.export.verify import verify
from nmcfast.generate import particle_digest
from nmcfast.library.open import open_library

SHARD = "shards/000001/shard.h5"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("library") / "lib.h5", format="hdf5")


def test_every_particle_comes_back(library: Path) -> None:
    assert verify(library).ok
    opened = open_library(library)
    assert opened.table["index"].tolist() == list(range(7))
    for index in range(7):
        made, found = record(index), opened.record(index)
        parts = schema.rows(made)
        assert all(np.array_equal(values, parts[name]) for name, values in schema.rows(found).items())
        assert made.labels is not None
        assert np.array_equal(opened.labels(index), made.labels)
        assert np.array_equal(opened.label_slice(index, 8), made.labels[8])


def test_h5py_reads_names_units_filters_and_recipe(library: Path) -> None:
    with h5py.File(library / SHARD) as file:
        for variable in VARIABLES:
            held = file[variable.name]
            assert held.dtype == f"<{variable.dtype}"
            assert held.attrs["units"] == variable.unit
            assert [d.label for d in held.dims] == list(variable.dims)
            assert (held.compression, held.shuffle, held.fletcher32) == ("gzip", True, True)
        assert file["labels"].chunks == (1, 64, 64, 64)
        assert '"seed": 3' in file.attrs["recipe"]


def test_hdf5_1_10_reads_it(library: Path) -> None:
    """h5dump of Debian 12 is 1.10.8."""
    if (h5dump := shutil.which("h5dump")) is None:
        pytest.skip("h5dump is not installed (Debian: hdf5-tools)")
    labels = record(4).labels
    assert labels is not None
    row = ", ".join(map(str, labels[7, 7]))
    size = f"1,1,{labels.shape[2]}"
    for path, name, start, count in (
        (library / SHARD, "labels", "1,7,7,0", f"1,{size}"),
        (library / SHARD, "view/000004", "7,7,0", size),
        (library / "library.h5", "labels", "4,7,7,0", f"1,{size}"),
    ):
        command = [h5dump, "-w", "0", "-d", f"/{name}", "-s", start, "-c", count, str(path)]
        assert f"): {row}\n" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_master_file_joins_all_shards(library: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(library, tmp_path / "elsewhere.h5")
    with h5py.File(moved / "library.h5") as file:
        assert all(file[v.name].is_virtual for v in VARIABLES if v.dims != ("pointer",))
        for index in range(7):
            made = record(index)
            assert made.labels is not None
            assert np.array_equal(file["labels"][(index, *map(slice, made.labels.shape))], made.labels)
            assert file["labels"][index].sum() == made.labels.sum()
            assert file["particles/index"][index] == index
            for table, values in (("grain", made.position), ("halo", made.halo_position)):
                start, stop = file[f"particles/{table}_start"][index : index + 2]
                group = "grains" if table == "grain" else table
                assert np.array_equal(file[f"{group}/position"][start:stop], values)
        assert file["grains/position"].attrs["units"] == "µm"


def test_a_changed_or_missing_master_file_is_found(library: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.h5")
    content = bytearray((copy / "library.h5").read_bytes())
    content[-1] ^= 1
    (copy / "library.h5").write_bytes(content)
    assert verify(copy).problems == ("library.h5: SHA-256 differs from complete.json",)
    (copy / "library.h5").unlink()
    assert verify(copy).problems == ("library.h5: missing, but in complete.json",)


def test_a_library_is_made_continued_and_the_same(tmp_path: Path) -> None:
    def make(name: str, part: range | None = None) -> Path:
        how = {"count": 5, "seed": 3, "shard_size": 2, "format": "hdf5", "shard_range": part}
        generate_library(tmp_path / name, SMALL, **how)
        return tmp_path / name

    whole, parts = make("whole.h5"), make("parts.h5", range(1, 2))
    assert open_library(parts).missing_shards == [0, 2]
    assert not (parts / "library.h5").exists()
    assert tree(make("parts.h5")) == tree(whole)
    assert verify(whole).ok
    recipe = open_library(whole).recipe
    assert (recipe["h5py"], recipe["hdf5"]) == (h5py.__version__, h5py.version.hdf5_version)
    assert "numcodecs" not in recipe
    wanted = generate_particle(SMALL, seed=3, index=4)
    assert particle_digest(open_library(whole)[4]) == particle_digest(wanted)


def vtk_labels(image: Any) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    x, y, z = image.GetDimensions()
    return vtk_to_numpy(image.GetCellData().GetArray("grain_id")).reshape(z - 1, y - 1, x - 1)


def test_vtk_shows_labels_particle_by_particle(library: Path) -> None:
    vtk_hdf = pytest.importorskip("vtkmodules.vtkIOHDF", reason="the vtk wheel is not installed")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    reader = vtk_hdf.vtkHDFReader()
    reader.SetFileName(str(library / SHARD))
    reader.UpdateInformation()
    assert reader.GetNumberOfSteps() == 3
    for step in (2, 0, 1):
        reader.SetStep(step)
        reader.Update()
        image, made = reader.GetOutput(), record(3 + step)
        assert made.labels is not None
        assert np.array_equal(vtk_labels(image)[tuple(map(slice, made.labels.shape))], made.labels)
        assert image.GetSpacing() == (0.05, 0.05, 0.05)
        assert np.array_equal(vtk_to_numpy(image.GetFieldData().GetArray("box_origin"))[0], made.box_origin)


def test_the_xdmf_sidecar_shows_labels_in_their_place(library: Path) -> None:
    vtk_xdmf = pytest.importorskip("vtkmodules.vtkIOXdmf2", reason="the vtk wheel is not installed")
    reader = vtk_xdmf.vtkXdmfReader()
    reader.SetFileName(str(library / "shards/000001/shard.xmf"))
    reader.UpdateInformation()
    for index in (5, 3, 4):
        reader.UpdateTimeStep(float(index))
        reader.Update()
        image, made = reader.GetOutputDataObject(0), record(index)
        assert made.labels is not None
        assert np.array_equal(vtk_labels(image)[tuple(map(slice, made.labels.shape))], made.labels)
        assert np.array_equal(image.GetOrigin(), made.box_origin)


def test_paraview_5_11_shows_labels_in_their_place(library: Path) -> None:
    found = seen_by_paraview(library / "shards/000001/shard.xmf")
    assert list(found) == ["3", "4", "5"]
    for index, seen in found.items():
        made = record(int(index))
        assert made.labels is not None
        shape = [n - 1 for n in seen["dimensions"][::-1]]
        labels = np.reshape(seen["grain_id"], shape)
        assert np.array_equal(labels[tuple(map(slice, made.labels.shape))], made.labels)
        assert labels.sum() == made.labels.sum()
        assert np.allclose(seen["bounds"][::2], made.box_origin)
        assert np.allclose(np.diff(np.reshape(seen["bounds"], (3, 2)))[:, 0], 0.05 * np.array(shape[::-1]))


def test_bytes_do_not_depend_on_when_and_in_which_order(library: Path, tmp_path: Path) -> None:
    again, made = empty_library(tmp_path, format="hdf5")
    for number in (2, 0, 1):
        write_shard(again, number, made)
    time.sleep(1.1)  # HDF5 counts seconds
    root.finish_library(again)
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
        library, made = empty_library(tmp_path / name, count=3, format="hdf5")
        with hdf5.ShardWriter(library, 0, 0, made) as shard:
            for made_record in (record(0), many, record(2)):
                shard.add(made_record)
            shard.commit()
        root.finish_library(library)
        assert verify(library).ok
        for path in (library / "shards/000000/shard.h5", library / "library.h5"):
            with h5py.File(path) as file:
                assert file["labels"].dtype == np.uint32
                assert np.array_equal(file["labels"][1, :3], labels)
        assert np.array_equal(open_library(library).labels(0), record(0).labels)
        trees.append(tree(library))
        monkeypatch.setattr(hdf5, "label_dtype", lambda grains: np.dtype("<u4"))
    assert trees[0] == trees[1]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_wait_until_a_particle_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    library, made = empty_library(tmp_path, format="hdf5")
    written: list[int] = []
    append = hdf5.ShardWriter._append

    def interrupted(self: hdf5.ShardWriter, labels: np.ndarray) -> None:
        os.kill(os.getpid(), sent)
        append(self, labels)
        written.append(len(self._boxes))

    monkeypatch.setattr(hdf5.ShardWriter, "_append", interrupted)
    was = {number: signal.signal(number, signal.default_int_handler) for number in INTERRUPTIONS}
    before = signal.getsignal(sent)
    with pytest.raises(KeyboardInterrupt), hdf5.ShardWriter(library, 0, 0, made) as shard:
        shard.add(record(0))
    assert written == [1]
    assert signal.getsignal(sent) is before
    assert not list(library.rglob(".tmp-*"))
    with monkeypatch.context() as patch:
        for number in was:
            signal.signal(number, signal.SIG_IGN)  # as in the workers of a pool
        patch.setattr(signal, "signal", None)
        write_shard(library, 0, made)
    for number, handler in was.items():
        signal.signal(number, handler)
    assert written == [1, 1, 2, 3]


@pytest.mark.parametrize("labels", [True, False])
def test_particles_without_grains_and_boxes_without_voxels(tmp_path: Path, labels: bool) -> None:
    library, made = empty_library(tmp_path, count=3, format="hdf5", labels=labels)
    with hdf5.ShardWriter(library, 0, 0, made) as shard:
        for index in range(3):
            shard.add(record(index, np.zeros((0, 0, 0), np.uint16), 0))
        shard.commit()
    root.finish_library(library)
    assert verify(library).ok
    assert open_library(library).record(1).grains == 0
    if labels:
        assert open_library(library).labels(1).shape == (0, 0, 0)
    else:
        assert not (library / "shards/000000/shard.xmf").exists()
        with pytest.raises(InputError, match="holds no labels"):
            open_library(library).labels(1)


def test_one_flipped_bit_is_found(library: Path, tmp_path: Path) -> None:
    """100 bits of a shard's file, seed 0. Each is told by `verify`; reading gives the right labels or damage."""
    copy = shutil.copytree(library, tmp_path / "copy.h5")
    path, rng = copy / SHARD, np.random.default_rng(0)
    content, damaged = path.read_bytes(), 0
    wanted = [record(index).labels for index in (3, 4, 5)]
    for place in rng.integers(0, len(content), 100):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        found = verify(copy).problems
        assert any("shard.h5: SHA-256 differs from the manifest" in line for line in found)
        try:
            opened = open_library(copy)
            for index, labels in zip((3, 4, 5), wanted, strict=True):
                assert np.array_equal(opened.labels(index), labels)
        except DamageError as error:
            assert SHARD in str(error)
            damaged += 1
    assert damaged > 0


HOLDER = "import h5py, sys; held = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"


def test_a_locked_shard_is_locked_and_not_damaged(library: Path, tmp_path: Path) -> None:
    """Another program has the file open for writing: exit 1, and what helps is named; then all is well again."""
    copy = shutil.copytree(library, tmp_path / "lib.h5")
    command = [sys.executable, "-c", HOLDER, str(copy / SHARD)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"open\n"
        sealed = root.read_recipe(copy), [0, 1, 2]
        readers = (
            lambda: open_library(copy).labels(4),
            lambda: verify(copy),
            lambda: root.seal_library(copy, *sealed),
        )
        for read in readers:
            with pytest.raises(NmcfastError, match=r"shard\.h5: is locked by .* HDF5_USE_FILE_LOCKING=FALSE") as caught:
                read()
            assert caught.value.exit_code == 1
        holder.communicate()
    assert open_library(copy).labels(4).any()


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"other"])
def test_what_is_no_hdf5_file_is_damage(library: Path, tmp_path: Path, content: bytes) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.h5")
    (copy / SHARD).write_bytes(content)
    with pytest.raises(DamageError, match=r"shard\.h5: .* cannot be opened"):
        open_library(copy).record(4)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("grains/angle", None, "grains/angle cannot be opened"),
        ("grains/angle", np.zeros(15, "f8"), "grains/angle is float64, not what the format says"),
        ("particles/d_max", np.zeros(2, "f4"), "has 2 particles, expected 3"),
        ("grains/angle", np.zeros(2, "f4"), "grains/angle is (2,), too small for what is asked of it"),
        ("grains/position", np.zeros((15, 2), "f4"), "grains/position has shape (15, 2), expected rows of (3,)"),
    ],
)
def test_arrays_that_are_not_the_format_s_are_damage(
    library: Path, tmp_path: Path, name: str, values: np.ndarray | None, said: str
) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.h5")
    with h5py.File(copy / SHARD, "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values
    with pytest.raises(DamageError) as caught:
        open_library(copy).record(5)
    assert said in str(caught.value)
