"""CT files as laboratories have them: which array, in which order, of which voxel size; nothing settled in silence."""

import gzip
import pickle

import h5py
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr
from scipy.io import savemat

from nmcfast.calibration.volumes import geometry
from nmcfast.calibration.volumes.read import open_volume
from nmcfast.calibration.volumes.volume import Ask, Stated, stated_by, unit_um
from nmcfast.errors import InputError

VALUES = np.random.default_rng(0).integers(0, 200, (12, 9, 7)).astype(np.uint16)


def said(volume):
    return " ".join(str(note) for note in volume.notes)


# Formats that crashed or were refused


def mhd(folder, extra="", values=VALUES, name="v.raw"):
    (folder / name).write_bytes(values.tobytes())
    z, y, x = values.shape
    (folder / "v.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = {x} {y} {z}\n{extra}"
        f"ElementType = MET_USHORT\nElementDataFile = {name}\n"
    )
    return "v.mhd"


def nrrd(folder, fields="spacings: 0.128 0.128 0.256\n", encoding="raw"):
    data = VALUES.tobytes()
    head = (
        f"NRRD0004\n# made by hand\ntype: ushort\ndimension: 3\nsizes: 7 9 12\nendian: little\nencoding: {encoding}\n"
    )
    (folder / "v.nrrd").write_bytes(
        f"{head}{fields}\n".encode() + (gzip.compress(data) if encoding == "gzip" else data)
    )
    return "v.nrrd"


def mha(folder):
    head = "ObjectType = Image\nNDims = 3\nDimSize = 7 9 12\nElementType = MET_USHORT\nBinaryDataByteOrderMSB = True\n"
    (folder / "v.mha").write_bytes(f"{head}ElementDataFile = LOCAL\n".encode() + VALUES.astype(">u2").tobytes())
    return "v.mha"


def hdf5(folder, name="v.nxs", data=VALUES, path="entry/data/data"):
    with h5py.File(folder / name, "w") as file:
        file[path] = data
    return name


def pages(folder, name, values=VALUES, pattern="s{}.png", first=1):
    (folder / name).mkdir()
    for number, page in enumerate(values, first):
        target = folder / name / pattern.format(number)
        iio.imwrite(target, page) if target.suffix == ".png" else tifffile.imwrite(target, page)
    return name


def saved(folder, writer, name, *arguments):
    writer(folder / name, *arguments)
    return name


@pytest.mark.parametrize(
    "write",
    [
        mhd,
        mha,
        nrrd,
        lambda folder: nrrd(folder, encoding="gzip"),
        hdf5,
        lambda folder: hdf5(folder, "v.mat", path="vol"),
        lambda folder: hdf5(folder, "no_suffix", VALUES[..., None], "exported_data"),
        lambda folder: saved(folder, np.save, "v.npy", VALUES),
        lambda folder: saved(folder, np.save, "f.npy", np.asfortranarray(VALUES)),
        lambda folder: saved(folder, savemat, "five.mat", {"vol": VALUES.T, "n": 3.0}),
        lambda folder: pages(folder, "png"),
        lambda folder: saved(folder, tifffile.imwrite, "half.tif", VALUES.astype(np.float16)),
        lambda folder: saved(folder, tifffile.imwrite, "big.tif", VALUES.astype(">u2")),
    ],
)
def test_what_crashed_is_read(tmp_path, write):
    found = open_volume(tmp_path / write(tmp_path))
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.values.dtype.isnative and found.values.dtype != np.float16


def test_what_is_not_read_is_one_line_that_lists_what_is(tmp_path):
    (tmp_path / "v.raw").write_bytes(VALUES.tobytes())
    (tmp_path / "v.dcm").write_bytes(b"\0" * 128 + b"DICM")
    np.savez(tmp_path / "v.npz", VALUES)
    iio.imwrite(tmp_path / "one.png", VALUES[0].astype(np.uint8))
    words = {
        "v.raw": "an .mhd header beside",
        "v.dcm": "none of the kinds",
        "v.npz": "zip archive",
        "one.png": "folder",
    }
    for name, remedy in words.items():
        with pytest.raises(InputError, match=rf"{name}: .*{remedy}.*; read are TIFF .*NRRD") as caught:
            open_volume(tmp_path / name)
        assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self):
        return open, ("/nonexistent/nmcfast-bomb", "w")


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.npy", "bomb.pkl"):
        with pytest.raises(InputError, match=name):
            open_volume(tmp_path / name)


def test_short_files_and_headers_that_leave_their_folder_are_refused(tmp_path):
    mhd(tmp_path)
    (tmp_path / "v.raw").write_bytes(VALUES.tobytes()[:-2])
    with pytest.raises(InputError, match=r"v\.raw: found 755 values, expected 756"):
        open_volume(tmp_path / "v.mhd")
    (tmp_path / "v.raw").unlink()
    with pytest.raises(InputError, match=r"ElementDataFile: found v\.raw, expected a file beside"):
        open_volume(tmp_path / "v.mhd")


def test_warnings_of_readers_become_notes(tmp_path, recwarn, capfd):
    tifffile.imwrite(tmp_path / "odd.tif", VALUES, imagej=True)
    data = bytearray((tmp_path / "odd.tif").read_bytes())
    place = bytes(data).index(b"ImageJ=")
    data[place : place + 40] = data[place : place + 40].replace(b"images=12", b"images=99")
    (tmp_path / "odd.tif").write_bytes(bytes(data))
    found = open_volume(tmp_path / "odd.tif")
    assert found.values.shape == VALUES.shape
    assert not recwarn.list and capfd.readouterr() == ("", "")


# Which array


def test_an_overview_before_the_volume_is_left_out(tmp_path):
    for name, overview in (("small.tif", VALUES[::2, ::2, ::2]), ("flat.tif", VALUES[3])):
        with tifffile.TiffWriter(tmp_path / name) as file:
            file.write(overview.copy())
            file.write(VALUES)
        found = open_volume(tmp_path / name)
        np.testing.assert_array_equal(found.values, VALUES)
        assert "series 1" in said(found) and "--series N" in said(found)


def test_pages_appended_one_by_one_are_a_stack(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VALUES[0, :4, :4])
    for page in VALUES:
        tifffile.imwrite(tmp_path / "a.tif", page, append=True)
    found = open_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.values, VALUES)
    assert "12 single pages" in said(found) and "0: 4×4 uint16" in said(found)


def test_two_volumes_in_a_file_are_listed_and_chosen(tmp_path):
    with tifffile.TiffWriter(tmp_path / "two.tif") as file:
        file.write(VALUES)
        file.write(VALUES + 1)
    with pytest.raises(InputError, match="several series 0: 12×9×7 uint16, 1: 12×9×7 uint16; add --series N"):
        open_volume(tmp_path / "two.tif")
    np.testing.assert_array_equal(open_volume(tmp_path / "two.tif", Ask(series="1")).values, VALUES + 1)
    assert open_volume(tmp_path / "two.tif", Ask(series="all")).values.shape == (24, 9, 7)
    with pytest.raises(InputError, match="--series: found '2'"):
        open_volume(tmp_path / "two.tif", Ask(series="2"))


def test_channels_are_asked_for(tmp_path):
    both = np.stack([VALUES, VALUES + 1], axis=-1)
    hdf5(tmp_path, "p.h5", both, "exported_data")
    with pytest.raises(InputError, match=r"4 dimensions \(12, 9, 7, 2\), axis 3 holding 2 channels; add --channel N"):
        open_volume(tmp_path / "p.h5")
    np.testing.assert_array_equal(open_volume(tmp_path / "p.h5", Ask(channel=1)).values, VALUES + 1)
    with pytest.raises(InputError, match="--channel: found 2, expected 0 to 1"):
        open_volume(tmp_path / "p.h5", Ask(channel=2))


def test_grey_colours_are_read_and_others_refused(tmp_path):
    colours = np.repeat(VALUES.astype(np.uint8)[..., None], 3, axis=-1)
    tifffile.imwrite(tmp_path / "rgb.tif", colours, photometric="rgb")
    np.testing.assert_array_equal(open_volume(tmp_path / "rgb.tif").values, VALUES)
    tifffile.imwrite(tmp_path / "red.tif", colours * np.array([1, 0, 0], np.uint8), photometric="rgb")
    with pytest.raises(InputError, match="coloured pictures"):
        open_volume(tmp_path / "red.tif")


def test_nexus_says_which_array_and_others_are_named(tmp_path):
    with h5py.File(tmp_path / "v.nxs", "w") as file:
        file["entry/data/recon"], file["entry/data/dark"] = VALUES, VALUES + 1
        file["entry/data/angles"] = np.arange(9.0)
    with pytest.raises(InputError, match=r"arrays entry/data/dark, entry/data/recon; name one as .*v\.nxs:/array"):
        open_volume(tmp_path / "v.nxs")
    with h5py.File(tmp_path / "v.nxs", "a") as file:
        file.attrs["default"], file["entry"].attrs["default"] = "entry", "data"
        file["entry/data"].attrs["signal"] = "recon"
    found = open_volume(tmp_path / "v.nxs")
    np.testing.assert_array_equal(found.values, VALUES)
    assert "array entry/data/recon" in said(found)
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/v.nxs:/entry/data/dark").values, VALUES + 1)


# Slices


@pytest.mark.parametrize("pattern", ["slice_{}.tif", "z{}_of_12.tif", "2021-03 scan {}.png"])
def test_slices_go_by_their_numbers(tmp_path, pattern):
    found = open_volume(tmp_path / pages(tmp_path, "s", pattern=pattern, first=7))
    np.testing.assert_array_equal(found.values, VALUES)


def test_what_is_no_slice_is_named(tmp_path):
    folder = tmp_path / pages(tmp_path, "s", pattern="s{}.tif")
    (folder / "._s1.tif").write_bytes(b"not a picture")
    (folder / "recon.log").write_text("log")
    tifffile.imwrite(folder / "preview.tif", VALUES[0])
    found = open_volume(folder)
    np.testing.assert_array_equal(found.values, VALUES)
    assert all(name in said(found) for name in ("._s1.tif", "recon.log", "preview.tif"))


@pytest.mark.parametrize("missing", [(5,), (2, 3), (11,)])
def test_gaps_are_refused_filled_or_closed(tmp_path, missing):
    folder = tmp_path / pages(tmp_path, "s", pattern="s{}.tif")
    for number in missing:
        (folder / f"s{number}.tif").unlink()
    names = ", ".join(map(str, missing))
    with pytest.raises(InputError, match=f"no slice {names} in 1 to 12; add the files, or --gaps fill"):
        open_volume(folder)
    kept = np.delete(VALUES, [number - 1 for number in missing], axis=0)
    np.testing.assert_array_equal(open_volume(folder, Ask(gaps="close")).values, kept)
    filled = open_volume(folder, Ask(gaps="fill"))
    ends = VALUES[missing[0] - 2].astype(float), VALUES[missing[-1]].astype(float)
    share = 1 / (len(missing) + 1)
    np.testing.assert_allclose(filled.values[missing[0] - 1], (1 - share) * ends[0] + share * ends[1], atol=0.51)
    assert f"no slice {names}" in said(filled)


def test_slices_of_another_size_twice_or_of_two_stacks_are_refused(tmp_path):
    folder = tmp_path / pages(tmp_path, "s", pattern="s{}.tif")
    tifffile.imwrite(folder / "s5.tif", VALUES[0, :4])
    with pytest.raises(InputError, match=r"s5\.tif: found \(4, 7\) uint16, expected \(9, 7\) uint16 as in s1\.tif"):
        open_volume(folder)
    tifffile.imwrite(folder / "s05.tif", VALUES[0])
    with pytest.raises(InputError, match=r"found slice 5 twice, s0?5\.tif and s0?5\.tif"):
        open_volume(folder)
    for number in range(3):
        tifffile.imwrite(folder / f"dark_{number}.tif", VALUES[0])
    with pytest.raises(InputError, match=r"several stacks s#\.tif \(13\), dark_#\.tif \(3\)"):
        open_volume(folder)


# Voxel size


def tiff(folder, **options):
    tifffile.imwrite(folder / "v.tif", VALUES, **options)
    return "v.tif"


def ome(folder, **sizes):
    tifffile.imwrite(folder / "v.ome.tif", VALUES, metadata={"axes": "ZYX", **sizes})
    return "v.ome.tif"


def attributes(folder, **values):
    hdf5(folder, "v.h5", path="data")
    with h5py.File(folder / "v.h5", "a") as file:
        file["data"].attrs.update(values)
    return "v.h5"


def detector(folder):
    hdf5(folder)
    with h5py.File(folder / "v.nxs", "a") as file:
        for name in ("x_pixel_size", "y_pixel_size"):
            file[f"entry/instrument/detector/{name}"] = 0.128e-6
            file[f"entry/instrument/detector/{name}"].attrs["units"] = "m"
    return "v.nxs"


def ngff(folder):
    group = zarr.open_group(folder / "v.zarr", mode="w")
    group.create_array("0", data=VALUES)
    group.create_array("1", data=VALUES[::2, ::2, ::2])
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    levels = [
        {"path": f"{k}", "coordinateTransformations": [{"type": "scale", "scale": [0.256 * s, 0.128 * s, 0.128 * s]}]}
        for k, s in enumerate((1, 2))
    ]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": levels}]
    return "v.zarr"


PER_UM, PER_CM = (1 / 0.128,) * 2, (1e4 / 0.128,) * 2
TALL, CUBE = (0.256, 0.128, 0.128), (0.128,) * 3
STATED = [
    (lambda f: tiff(f, imagej=True, resolution=PER_UM, metadata={"spacing": 0.256, "unit": "um"}), TALL),
    (lambda f: tiff(f, imagej=True, resolution=PER_UM, metadata={"spacing": 0.128, "unit": "micron"}), CUBE),
    (lambda f: tiff(f, imagej=True, resolution=(1 / 128,) * 2, metadata={"spacing": 256, "unit": "nm"}), TALL),
    (lambda f: tiff(f, resolution=PER_CM, resolutionunit="CENTIMETER"), CUBE),
    (lambda f: tiff(f, resolution=PER_CM, resolutionunit=3, metadata={"spacing": 0.256, "unit": "um"}), TALL),
    (lambda f: ome(f, PhysicalSizeX=0.128, PhysicalSizeY=0.128, PhysicalSizeZ=0.256), TALL),
    (
        lambda f: ome(
            f,
            PhysicalSizeX=128,
            PhysicalSizeXUnit="nm",
            PhysicalSizeY=0.128,
            PhysicalSizeZ=256e-6,
            PhysicalSizeZUnit="mm",
        ),
        TALL,
    ),
    (lambda f: attributes(f, element_size_um=[0.256, 0.128, 0.128]), TALL),
    (lambda f: attributes(f, voxel_size=0.128, unit="um"), CUBE),
    (lambda f: attributes(f, voxel_size_nm=128.0), CUBE),
    (lambda f: attributes(f, x_pixel_size=0.128, y_pixel_size=0.128, z_pixel_size=0.256, units="µm"), TALL),
    (detector, CUBE),
    (ngff, TALL),
    (nrrd, TALL),
    (lambda f: nrrd(f, 'space directions: (0.128,0,0) (0,0.128,0) (0,0,256e-3)\nspace units: "um" "um" "um"\n'), TALL),
    (lambda f: mhd(f, "ElementSpacing = 0.128 0.128 0.256\n"), TALL),
    (lambda f: mhd(f, "ElementSpacing = 0.000128 0.000128 0.000256\n"), TALL),
]


@pytest.mark.parametrize(("write", "sizes"), STATED)
def test_the_size_is_the_files_with_and_without_the_option(tmp_path, write, sizes):
    stated = open_volume(tmp_path / write(tmp_path)).stated
    for option in (None, (0.128,), sizes):
        found, notes = geometry.settle(stated, option)
        np.testing.assert_allclose(found, sizes, rtol=1e-6)
        assert any("from the file" in note.text for note in notes)


@pytest.mark.parametrize(("write", "sizes"), STATED)
@pytest.mark.parametrize("option", [0.064, 0.2, 1.28])
def test_a_contradiction_names_both(tmp_path, write, sizes, option):
    stated = open_volume(tmp_path / write(tmp_path)).stated
    with pytest.raises(InputError, match=rf"the file says .*, --voxel-size says {option:g} µm; .*--geometry") as caught:
        geometry.settle(stated, (option,))
    assert "0.128" in str(caught.value) or "0.000128" in str(caught.value)
    np.testing.assert_allclose(geometry.settle(stated, (option,), "option")[0], option)
    np.testing.assert_allclose(geometry.settle(stated, (option,), "file")[0][2], 0.128, rtol=1e-6)


@pytest.mark.parametrize("dots", [72, 96, 300, 600])
def test_resolution_of_screens_and_printers_is_no_voxel_size(tmp_path, dots):
    stated = open_volume(tmp_path / tiff(tmp_path, resolution=(dots, dots), resolutionunit="INCH")).stated
    assert stated is None
    with pytest.raises(InputError, match="does not state the size of its voxels; add --voxel-size UM"):
        geometry.settle(stated, None)


def test_a_depth_in_voxels_takes_the_plane_from_the_option(tmp_path):
    for metadata in ({"spacing": 2.0}, {"spacing": 0.256, "unit": "um"}):
        stated = open_volume(tmp_path / tiff(tmp_path, imagej=True, metadata=metadata)).stated
        np.testing.assert_allclose(geometry.settle(stated, (0.128,))[0], TALL)
    assert geometry.settle(Stated((1.0, 1.0, 1.0), None, "x"), (0.2,))[0].tolist() == [0.2] * 3


@pytest.mark.parametrize("number", [1.0, 10.0, 1e-12, 3e7])
def test_numbers_without_a_unit_that_could_be_two_are_asked_for(number):
    with pytest.raises(InputError, match="without a unit; add --voxel-size UM"):
        geometry.settle(Stated((number,) * 3, None, "NRRD spacings"), None)


@pytest.mark.parametrize("option", [(0.0,), (-0.4,), (float("nan"),), (0.1, 0.2)])
def test_sizes_that_are_none_are_refused(option):
    with pytest.raises(InputError, match="voxel size: found"):
        geometry.settle(None, option)


def test_flat_voxels_and_half_stated_sizes():
    with pytest.raises(InputError, match="within a factor of 10"):
        geometry.settle(Stated((2.0, 0.1, 0.1), 1.0, "x"), None)
    found, notes = geometry.settle(Stated((None, 0.1, 0.1), 1.0, "x"), None)
    assert found.tolist() == [0.1] * 3 and "no size along z" in notes[-1].text
    with pytest.raises(InputError, match="--geometry: found 'both'"):
        geometry.settle(None, (0.1,), "both")


def test_attributes_that_are_no_sizes_say_nothing():
    for names in (
        {"resolution_level": 2.0},
        {"voxel_size": [1.0, 2.0]},
        {"voxel_size": "none"},
        {"pixel_size_um": -1.0},
    ):
        assert stated_by(names, "x") is None
    assert unit_um("voxel") is None
    assert stated_by({"voxel_size": "0.2 0.1 0.1", "unit": b"um"}, "x") == Stated((0.2, 0.1, 0.1), 1.0, "x voxel_size")


def test_attributes_that_are_lists_or_references_are_not_read(tmp_path, monkeypatch):
    """HDF5 itself may crash on damaged ones; what a file says beside them counts."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data, lists = file.create_dataset("volume", data=VALUES), np.empty(1, object)
        lists[0] = np.arange(3)
        data.attrs.create("DIMENSION_LIST", [data.ref], dtype=h5py.ref_dtype)
        data.attrs.create("voxel_size", lists, dtype=h5py.vlen_dtype(np.int64))
        data.attrs["element_size_um"] = [0.5, 0.5, 0.5]
    reads, read = [], h5py.AttributeManager.__getitem__
    monkeypatch.setattr(h5py.AttributeManager, "__getitem__", lambda self, name: reads.append(name) or read(self, name))
    assert open_volume(path).stated.size == (0.5, 0.5, 0.5)
    assert set(reads) == {"element_size_um"}
