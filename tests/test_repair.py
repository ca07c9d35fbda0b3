"""generate --repair: what is damaged is made again, the same to the byte; what never was the recipe's is said."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from library_toys import tree
from test_generate import SMALL
from test_verify import reseal

from nmcfast.bulk import generate_library
from nmcfast.cli import main
from nmcfast.errors import InputError
from nmcfast.export import files, root
from nmcfast.export.formats import BULK
from nmcfast.export.verify import verify
from nmcfast.library.repair import repair_library

FIRST, LAST = "shards/000000", "shards/000002"


@pytest.fixture(scope="module", params=BULK)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "lib"
    generate_library(path, SMALL, count=5, seed=3, shard_size=2, format=request.param)
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "lib.zarr"
    generate_library(path, SMALL, count=5, seed=3, shard_size=2)
    return path


@pytest.fixture
def library(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "lib.zarr")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def test_what_is_damaged_is_made_again_and_nothing_else(made: Path, tmp_path: Path) -> None:
    path = shutil.copytree(made, tmp_path / "lib")
    before, middle = tree(path), (path / "shards/000001").stat().st_ino
    assert repair_library(path).problems == () and tree(path) == before
    victim = max((p for p in (path / FIRST).rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    flip(victim)
    shutil.rmtree(path / LAST)
    flip(path / "shards/zarr.json")
    beside = [*path.glob("library.*"), path / "table.npy"]
    for other in beside:
        flip(other)
    done = repair_library(path)
    assert (done.shards, done.problems, done.refused) == ((0, 2), (), ())
    assert done.files == ("shards/zarr.json", *(p.name for p in beside))
    assert done.root_sha256 == json.loads(before["complete.json"])["root_sha256"]
    assert tree(path) == before
    assert (path / "shards/000001").stat().st_ino == middle


def lose(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


def pipe(path: Path) -> None:
    (path / FIRST / "manifest.json").unlink()
    os.mkfifo(path / FIRST / "manifest.json")


def half_of_a_seal(path: Path) -> None:
    os.truncate(path / "complete.json", 90)


def left_over(path: Path) -> None:
    files.temporary(path / FIRST).with_name(f".tmp-{os.uname().nodename}-99999999-0a0b0c0d-000000").mkdir()


@pytest.mark.parametrize(
    "damage",
    [lose(f"{FIRST}/manifest.json"), lose("complete.json"), lose("shards/zarr.json"), pipe, half_of_a_seal, left_over],
)
def test_each_kind_of_damage_goes(library: Path, damage: Callable[[Path], None]) -> None:
    before = tree(library)
    damage(library)
    assert main(["generate", str(library), "--repair", "--quiet"]) == 0
    assert tree(library) == before


def test_recipe_and_model_come_from_the_options_where_they_are_lost(library: Path, tmp_path: Path, capsys) -> None:
    model = tmp_path / "small.safetensors"
    model.write_bytes(SMALL.to_bytes())
    before = tree(library)
    flip(library / "zarr.json")
    flip(library / "model.safetensors")
    command = ["generate", str(library), "--repair", "--quiet"]
    assert main(command) == 3
    assert "complete.json is of another recipe than these options give" in capsys.readouterr().err
    given = ["--seed", "3", "--count", "5", "--shard-size", "2", "--model", str(model)]
    assert main([*command, *given]) == 0
    assert tree(library) == before
    flip(library / "model.safetensors")
    assert main(command) == 3
    assert "or give the model with --model: expected small" in capsys.readouterr().err
    assert main([*command, "--seed", "4"]) == 2
    assert "made with seed = 3, asked for 4" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 2
    assert "--overwrite: cannot be had with --repair" in capsys.readouterr().err


@pytest.mark.parametrize("form", BULK)
def test_a_recipe_that_is_lost_or_of_another_library_is_named_and_written_again(form: str, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("lib", "other")]
    for path, seed in zip(paths, (3, 4), strict=True):
        generate_library(path, SMALL, count=2, seed=seed, shard_size=1, format=form)
    library, before = paths[0], tree(paths[0])
    given = root.read_recipe(library)
    (library / "zarr.json").unlink()
    assert main(["verify", str(library), "--quiet"]) == 3
    assert any("zarr.json: missing" in line for line in verify(library).problems)
    assert repair_library(library, recipe=given, model=SMALL).files == ("zarr.json",) and tree(library) == before
    shutil.copy(paths[1] / "zarr.json", library / "zarr.json")
    assert not verify(library).ok
    done = repair_library(library, recipe=given, model=SMALL)
    assert done.files == ("zarr.json",) and done.shards == () and tree(library) == before
    (library / "zarr.json").unlink()
    (library / "complete.json").unlink()
    with pytest.raises(InputError, match="not an nmcfast library"):
        verify(library)


def test_what_is_foreign_is_left_and_named(library: Path) -> None:
    (library / FIRST / "notes.txt").write_text("mine")
    flip(library / FIRST / "grains/offset/c/0")
    done = repair_library(library)
    assert done.shards == () and (library / FIRST / "notes.txt").read_text() == "mine"
    assert any("shard 000000, notes.txt: foreign" in line for line in done.problems)
    (library / FIRST / "notes.txt").unlink()
    assert repair_library(library).shards == (0,)


def test_a_library_that_is_not_what_its_recipe_gives_is_said_and_left(library: Path, capsys) -> None:
    """Values, manifest and seal were changed alike, and then the shard was damaged."""
    reseal(library / FIRST, "particles/sphericity", lambda a: a.__imul__(0.5))
    (library / "complete.json").unlink()
    assert root.finish_library(library) is not None
    assert verify(library).ok
    flip(library / FIRST / "grains/offset/c/0")
    before = tree(library)
    assert main(["generate", str(library), "--repair"]) == 3
    out, _ = capsys.readouterr()
    assert "shard 000000: left, this library is not what its recipe gives" in out
    assert tree(library) == before


def test_generate_says_that_a_sealed_library_changed_and_leaves_it(library: Path, capsys, tmp_path: Path) -> None:
    (tmp_path / "small.safetensors").write_bytes(SMALL.to_bytes())
    again = ["generate", str(library), "--seed", "3", "--count", "5", "--shard-size", "2"]
    again += ["--model", str(tmp_path / "small.safetensors"), "--quiet"]
    assert main(again) == 0
    reseal(library / FIRST, "particles/sphericity", lambda a: a.__imul__(0.5))
    before = tree(library)
    assert main(again) == 3
    assert "is not what complete.json says" in capsys.readouterr().err
    (library / FIRST / "manifest.json").unlink()
    assert main(again) == 3
    assert "manifest.json: missing or not a file: 'nmcfast generate --repair'" in capsys.readouterr().err
    assert before.keys() - tree(library).keys() == {f"{FIRST}/manifest.json"}
