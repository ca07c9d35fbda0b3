"""Libraries of chosen particles: indices in files, in recipes, in tables."""

import re
from pathlib import Path

import numpy as np
import pytest
from library_toys import tree
from test_generate import SMALL

from nmcfast import generate_particle, open_library
from nmcfast.bulk import generate_library
from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError
from nmcfast.export import schema
from nmcfast.export.stream import count_in, stream_index, text_of
from nmcfast.export.verify import verify
from nmcfast.generate import particle_digest
from nmcfast.library.convert import export_library
from nmcfast.library.reproduce import reproduce_library

CHOSEN = (7, 3, 20, 21, 22, 2**64 - 1, 0)


def call(capsys: pytest.CaptureFixture, *arguments: object) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err.strip()


def test_chosen_indices_are_text_and_back() -> None:
    text = text_of(CHOSEN)
    assert text == f"7,3,20-22,{2**64 - 1},0" and count_in(text) == len(CHOSEN)
    assert [stream_index({"indices": text}, k) for k in range(len(CHOSEN))] == list(CHOSEN)
    assert [stream_index({"indices": ""}, k) for k in (0, 9)] == [0, 9]
    assert stream_index({"indices": "0-18446744073709551615"}, 2**64 - 1) == 2**64 - 1


@pytest.mark.parametrize("text", ["7,", "-3", "9-3", "1 2", "1-2-3", "18446744073709551616", "٣", "7\n"])
def test_other_text_is_no_list_of_indices(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        count_in(text)


def test_a_library_holds_the_chosen_particles_in_their_order(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        generate_library(tmp_path / name, SMALL, seed=3, indices=CHOSEN, shard_size=3, voxel_size=0.1, workers=workers)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") and verify(tmp_path / "one").ok
    library = open_library(tmp_path / "one")
    assert library.table["index"].tolist() == list(range(7))
    assert library.table["stream_index"].tolist() == list(CHOSEN)
    for number, index in enumerate(CHOSEN):
        wanted = generate_particle(SMALL, 3, index)
        held = library[number]
        assert held.index == number and held.facts["stream_index"] == index
        assert np.array_equal(held.grains.position, wanted.grains.position) and held.facts["d_max"] == np.float32(
            wanted.facts["d_max"]
        )
    done = reproduce_library(tmp_path / "one", tmp_path / "again")
    assert done.made_root_sha256 == done.root_sha256 and not done.differences
    export_library(library, tmp_path / "part", to="hdf5", particles=range(2, 5))
    part = open_library(tmp_path / "part")
    assert part.table["stream_index"].tolist() == [20, 21, 22] and verify(tmp_path / "part").ok
    with pytest.raises(InputError, match="made with indices = '7,3,"):
        generate_library(tmp_path / "one", SMALL, seed=3, count=7, shard_size=3, voxel_size=0.1)


def test_a_whole_library_is_that_of_the_first_indices(tmp_path: Path) -> None:
    digests = []
    for name, how in (("count", {"count": 3}), ("indices", {"indices": [0, 1, 2]})):
        generate_library(tmp_path / name, SMALL, seed=3, labels=False, **how)
        library = open_library(tmp_path / name)
        digests.append([particle_digest(library[k]) for k in range(3)])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("indices", "said"), [((), "found none"), ((4, 5, 4), "4 twice"), ((-1,), "found -1"), ((2**64,), "2⁶⁴")]
)
def test_indices_that_cannot_be(tmp_path: Path, indices: tuple[int, ...], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        generate_library(tmp_path / "lib", SMALL, indices=indices)
    assert not (tmp_path / "lib").exists()


def test_a_recipe_has_an_index_for_each_particle(tmp_path: Path) -> None:
    generate_library(tmp_path / "lib", SMALL, seed=3, indices=[5, 6], labels=False)
    recipe = open_library(tmp_path / "lib").recipe
    for text, said in (("5", "expected those of particles 0 to 1"), ("5,x", "expected numbers and runs")):
        with pytest.raises(InputError, match=said):
            schema.check_recipe({**recipe, "indices": text}, "lib")
    root = tmp_path / "lib" / "zarr.json"
    root.write_text(root.read_text().replace("5-6", "5-7"))
    with pytest.raises(DamageError, match="changed"):
        open_library(tmp_path / "lib")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    path.write_bytes(SMALL.to_bytes())
    return path


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", "# mine\n5, 3\n\n9 # the last\n"), ("a.csv", "d_max,index\n1,5\n2,3\n3,9\n")]
)
def test_indices_from_a_file(capsys, tmp_path: Path, model_file: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    options = ("--model", model_file, "--seed", 3, "--no-labels", "--indices", tmp_path / name)
    code, out, _ = call(capsys, "generate", tmp_path / "lib", *options)
    assert code == 0 and "3 of 3 there" in out
    assert open_library(tmp_path / "lib").table["stream_index"].tolist() == [5, 3, 9]
    assert "of chosen indices" in call(capsys, "info", tmp_path / "lib")[1]
    code, _, err = call(capsys, "generate", tmp_path / "lib", *options, "--count", 4)
    assert code == 2 and err == f"nmcfast: --count: found 4, {tmp_path / name} has 3: leave --count out"


def test_indices_of_the_table_of_shells(capsys, tmp_path: Path, model_file: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table, where = tmp_path / "shells.parquet", "aspect_ratio < 1.02"
    assert call(capsys, "shells", table, "--model", model_file, "--seed", 3, "--count", 300, "--where", where)[0] == 0
    options = ("--model", model_file, "--seed", 3, "--no-labels", "--indices", table)
    assert call(capsys, "generate", tmp_path / "lib", *options)[0] == 0
    library = open_library(tmp_path / "lib")
    assert len(library.table) > 1 and (library.table["aspect_ratio"] < np.float32(1.02)).all()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "3\n4.5\n", "line 2: found '4.5'"),
        ("a.txt", "3\n-4\n", "line 2: found '-4'"),
        ("a.txt", "# none\n", "found none"),
        ("a.csv", "number\n3\n", "no column index"),
        ("a.csv", "index,d\n3,1\n,2\n", "line 3: found ''"),
        ("a.parquet", "PAR1", "not a Parquet file"),
    ],
)
def test_files_that_are_no_indices(capsys, tmp_path: Path, model_file: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    code, _, err = call(capsys, "generate", tmp_path / "lib", "--model", model_file, "--indices", tmp_path / name)
    assert code == 2 and said in err and len(err.splitlines()) == 1 and not (tmp_path / "lib").exists()
    code, _, err = call(capsys, "generate", tmp_path / "lib", "--indices", tmp_path / "missing")
    assert code == 2 and "cannot be read" in err
