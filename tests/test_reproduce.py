"""nmcfast/library/reproduce.py: a library generated again is the same to the byte, and one byte of another is found."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from library_toys import tree
from test_generate import SMALL

from nmcfast import export_library, generate_library, open_library
from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError
from nmcfast.export import files, root
from nmcfast.export.formats import BULK
from nmcfast.export.zarr import encoders
from nmcfast.library.reproduce import reproduce_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "lib.zarr"
    generate_library(path, SMALL, count=5, seed=3, shard_size=2)
    return path


@pytest.fixture(scope="module")
def again(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, generated once for all comparisons."""
    path = tmp_path_factory.mktemp("again") / "lib.zarr"
    assert reproduce_library(library, path).same
    return path


def test_a_library_generated_again_has_every_byte(library: Path, again: Path) -> None:
    done = reproduce_library(library, again)
    assert (done.same, done.made, done.shards) == (True, 0, range(3))
    assert done.compared == sum(name.startswith("shards/0") for name in tree(library))
    assert (
        done.root_sha256 == done.made_root_sha256 == json.loads((library / "complete.json").read_text())["root_sha256"]
    )
    assert tree(again) == tree(library)


@pytest.mark.parametrize("form", BULK)
def test_so_has_a_slice_in_another_format_and_voxel_size(library: Path, tmp_path: Path, form: str) -> None:
    export_library(open_library(library), tmp_path / "cut", to=form, particles=range(1, 4), voxel_size=0.08)
    done = reproduce_library(tmp_path / "cut", tmp_path / "again")
    assert done.same
    assert done.made == 2
    assert tree(tmp_path / "again") == tree(tmp_path / "cut")


def test_recipe_model_and_seal_alone_are_enough(library: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for name in ("zarr.json", "model.safetensors", "complete.json"):
        shutil.copy(library / name, tmp_path / "few" / name)
    part = reproduce_library(tmp_path / "few", tmp_path / "part", shard_range=range(1, 2))
    assert (part.same, part.made, part.compared, part.made_root_sha256) == (True, 1, 1, None)
    assert reproduce_library(tmp_path / "few", tmp_path / "part").made == 2
    assert tree(tmp_path / "part") == tree(library)


def change(path: Path, at: int = -20) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("labels/c/0/0/0/0", "labels of particle 2 cannot be read: "),
        ("grains/position/c/0/0", "grains/position cannot be read: "),
        ("particles/index/zarr.json", "particles/index cannot be read: "),
        ("manifest.json", "every array has the values that the recipe gives: only their encoding differs"),
    ],
)
def test_one_byte_changed_in_a_shard_is_found(
    library: Path, again: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    copy = shutil.copytree(library, tmp_path / "copy")
    change(copy / "shards/000001" / name, 40)
    assert main(["reproduce", str(copy), "--output", str(again)]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert f"{copy}: {len(lines) - 1} difference" in lines[0]
    assert lines[1] == f"shard 000001, {name}: is not what the recipe gives"
    assert lines[2].startswith(f"shard 000001, {said}")
    assert tree(again) == tree(library)


def test_a_doctored_library_whose_checksums_are_right_is_found(library: Path, again: Path, tmp_path: Path) -> None:
    """Values, manifest and complete.json all agree, and `verify` cannot object: only generating it again tells."""
    copy = shutil.copytree(library, tmp_path / "copy")
    folder = copy / "shards/000002"
    array: Any = zarr.open_array(folder / "particles/sphericity", mode="r+")
    array[:] = array[:] + np.float32(0.01)
    document = files.read_json(folder / "manifest.json")
    for entry in document["files"]:
        entry.update(bytes=(folder / entry["path"]).stat().st_size, sha256=files.sha256_file(folder / entry["path"]))
    (folder / "manifest.json").write_bytes(files.json_bytes(document))
    (copy / root.SEAL).unlink()
    root.finish_library(copy)
    done = reproduce_library(copy, again)
    assert done.differences == (
        "shard 000002, manifest.json: is not what the recipe gives",
        "shard 000002, particles/sphericity/c/0: is not what the recipe gives",
        "shard 000002, particles/sphericity: other values than the recipe gives",
        "table.npy: is not what the recipe gives",
    )
    assert done.root_sha256 != done.made_root_sha256


@pytest.mark.parametrize(
    ("name", "at", "kind", "said"),
    [
        ("zarr.json", 200, DamageError, "zarr.json: was changed after the library was made|not a readable JSON"),
        ("model.safetensors", -20, DamageError, "model.safetensors: SHA-256 is not that of the recipe"),
        ("complete.json", -20, DamageError, "complete.json: does not agree with the recipe, or with its own root"),
    ],
)
def test_one_byte_changed_in_what_it_is_made_from_is_refused(
    library: Path, tmp_path: Path, name: str, at: int, kind: type[Exception], said: str
) -> None:
    copy = shutil.copytree(library, tmp_path / "copy")
    change(copy / name, at)
    with pytest.raises((kind, InputError), match=said):
        reproduce_library(copy, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("complete.json", "has no complete.json: finish it with 'nmcfast generate'"),
        ("model.safetensors", "model.safetensors: missing: a library is generated again from"),
        ("zarr.json", "zarr.json: missing: a library is generated again from"),
    ],
)
def test_what_is_missing_is_named(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    copy = shutil.copytree(library, tmp_path / "copy")
    (copy / name).unlink()
    assert main(["reproduce", str(copy), "--output", str(tmp_path / "again")]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_missing_shards_and_files_are_differences(library: Path, again: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(library, tmp_path / "copy")
    shutil.rmtree(copy / "shards/000000")
    (copy / "shards/000001/halo/angle/c/0").unlink()
    differences = reproduce_library(copy, again).differences
    assert differences[0] == "shard 000000: missing"
    assert differences[1] == "shard 000001, halo/angle/c/0: is not what the recipe gives"


def test_other_versions_are_told_where_bytes_differ(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmcfast.export.zarr.encoders", lambda: {"numcodecs": "99"})
    assert reproduce_library(library, tmp_path / "again").other_versions == (
        f"numcodecs 99, the recipe says {encoders()['numcodecs']}",
    )
    copy = shutil.copytree(library, tmp_path / "copy")
    change(copy / "shards/000001/labels/c/0/0/0/0")
    assert main(["reproduce", str(copy), "--output", str(tmp_path / "again")]) == 3
    assert "nmcfast: numcodecs 99, the recipe says" in capsys.readouterr().err


def test_an_interrupted_run_goes_on(library: Path, tmp_path: Path) -> None:
    def stop(index: int, rejected: int) -> None:
        if index == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce_library(library, tmp_path / "again", progress=stop)
    done = reproduce_library(library, tmp_path / "again")
    assert (done.same, done.made) == (True, 2)


def test_the_output_is_no_library_of_something_else(library: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/thesis.tex").write_text("years")
    with pytest.raises(InputError, match="thesis"):
        reproduce_library(library, tmp_path / "thesis")
    with pytest.raises(InputError, match="is the library itself"):
        reproduce_library(library, library)
    with pytest.raises(InputError, match="shards: found 1:9, the library has 3"):
        reproduce_library(library, tmp_path / "out", shard_range=range(1, 9))


def test_the_command(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["reproduce", str(library), "--output", str(tmp_path / "again")]
    assert main([*arguments, "--shards", "0:1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["same"], said["shards"], said["shards_made"], said["made_root_sha256"]) == (True, [0, 1], 1, None)
    assert main([*arguments, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{library}: as its recipe gives it, root hash {said['root_sha256']}, 2 shards generated")
    assert not err
