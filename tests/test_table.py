"""export/table.py: one file has the rows of all particles, and says nothing that the shards do not."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from library_toys import tree, write_library, write_shard

from nmcfast import open_library
from nmcfast.export import files, formats, root, schema, shards, table
from nmcfast.export.verify import verify


@pytest.fixture(params=["zarr", "hdf5", "vtu"])
def library(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write_library(tmp_path / "lib", format=request.param)


def rows_of_shards(path: Path) -> np.ndarray:
    recipe = root.read_recipe(path)
    reader = formats.bulk_module(recipe["format"]).ShardReader
    return np.concatenate([reader(path, n, recipe).table for n in shards.finished_shards(path, recipe)])


def test_numpy_reads_the_rows_of_all_shards(library: Path) -> None:
    held = np.load(library / table.FILE, allow_pickle=False)
    assert held.dtype == schema.table_dtype() and len(held) == 7
    assert np.array_equal(held, rows_of_shards(library))


def test_the_table_of_a_finished_library_opens_no_shard(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, opened = rows_of_shards(library), open_library(library)
    monkeypatch.setattr(type(opened), "_reader", lambda *_: pytest.fail("opened a shard"))
    assert np.array_equal(opened.table, wanted)
    assert not opened.table.flags.writeable


def flip(path: Path, at: int = -5) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "flip": lambda p: flip(p),
    "header": lambda p: flip(p, 20),
    "cut": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "long": lambda p: p.write_bytes(p.read_bytes() + b"\0"),
    "missing": lambda p: p.unlink(),
    "link": lambda p: (p.rename(p.parents[1] / "away"), p.symlink_to(p.parents[1] / "away")),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_table_is_named_and_not_believed(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    path = write_library(tmp_path / "lib")
    wanted = rows_of_shards(path)
    DAMAGE[kind](path / table.FILE)
    with caplog.at_level(logging.WARNING, "nmcfast"):
        assert np.array_equal(open_library(path).table, wanted)
    assert "every shard is read instead" in caplog.text
    found = verify(path)
    assert found.problems[0].startswith(f"{table.FILE}: ") and found.damaged == ()


def test_rows_of_a_missing_shard_are_not_told(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib")
    (path / "shards/000001").rename(tmp_path / "away")
    assert open_library(path).table["index"].tolist() == [0, 1, 2, 6]


def test_rows_that_are_not_those_of_their_shard_are_found_though_sealed(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib", first=10)
    size = schema.table_dtype().itemsize
    flip(path / table.FILE, -size - 5)  # the last row of shard 1: the last shard has one row
    (path / root.SEAL).write_bytes(
        files.json_bytes(root.seal_document(path, root.read_recipe(path), shards.committed_shards(path)))
    )
    assert verify(path).problems == (f"{table.FILE}: its rows of shard 000001 are not those of the shard",)
    assert verify(path, values=False).problems == ()


def test_a_library_of_format_4_has_none_and_is_read(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib", format_version=4)
    assert not (path / table.FILE).exists() and verify(path).ok
    assert json.loads((path / root.SEAL).read_text())["files"] == {}
    assert np.array_equal(open_library(path).table, rows_of_shards(path))
    assert root.finish_library(path)
    (path / table.FILE).write_bytes(b"x")
    assert verify(path).problems == (f"{table.FILE}: foreign, not part of a library",)


def test_one_that_a_killed_run_left_is_no_damage_and_written_again(tmp_path: Path) -> None:
    """A run may end between the table and the seal; the table it left may be any file."""
    whole = tree(write_library(tmp_path / "whole"))
    path = write_library(tmp_path / "lib")
    (path / root.SEAL).unlink()
    (path / table.FILE).write_bytes(b"half")
    assert verify(path).ok
    assert open_library(path).table["index"].tolist() == [*range(7)]
    root.finish_library(path)
    assert tree(path) == whole


def test_an_unfinished_library_tells_of_what_is_there(tmp_path: Path) -> None:
    recipe = root.read_recipe(write_library(tmp_path / "lib"))
    path = tmp_path / "part"
    root.create_library(path, recipe, b"a model")
    opened = open_library(path)
    assert len(opened.table) == 0
    write_shard(path, 1, recipe)
    assert opened.table["index"].tolist() == [3, 4, 5]
    for number in (0, 2):
        write_shard(path, number, recipe)
    root.finish_library(path)
    assert opened.table["index"].tolist() == [*range(7)]


def test_what_is_written_in_parts_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def parts() -> object:
        yield b"one"
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        files.write_parts(path, parts())
    assert not list(tmp_path.iterdir())
    assert files.write_parts(path, [b"one", b"two"]) and path.read_bytes() == b"onetwo"
    before = path.stat().st_ino
    assert not files.write_parts(path, [b"onetwo"]) and path.stat().st_ino == before
    assert not files.write_parts(path, [b"three"], digest=files.sha256_file(path)) and path.read_bytes() == b"onetwo"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
