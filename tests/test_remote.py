"""Libraries at a URL: fetched shard by shard, checked, and the same as on the disk.

Most tests use fsspec's store in memory; tests/test_remote_servers.py has web servers and S3.
"""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import recipe, record, tree, write_library

from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError
from nmcfast.export import zarr
from nmcfast.export.formats import BULK
from nmcfast.export.shards import recipe_digest
from nmcfast.library.check import verify_library
from nmcfast.library.open import open_library
from nmcfast.library.remote import cache_folder

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
URL = "memory://store/lib"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NMCFAST_CACHE", str(tmp_path / "cache"))
    return cache_folder(URL)


@pytest.fixture
def store() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def put(store: Any, path: Path) -> None:
    for name, data in tree(path).items():
        store.pipe_file(f"/store/lib/{name}", data)


@pytest.mark.parametrize("form", BULK)
def test_a_library_at_a_url_is_the_one_on_the_disk(store: Any, tmp_path: Path, form: str) -> None:
    path = write_library(tmp_path / "lib", format=form)
    put(store, path)
    remote, local = open_library(URL), open_library(path)
    assert (len(remote), remote.complete, repr(remote)) == (7, True, f"<Library {URL}: 7 particles, 3 of 3 shards>")
    for index in (6, 0, 4):
        assert np.array_equal(remote.labels(index), record(index).labels)
        assert np.array_equal(remote.record(index).position, local.record(index).position)
    assert np.array_equal(remote.table, local.table)
    assert remote.query("index > 4").tolist() == [5, 6]


def test_the_table_at_a_url_fetches_no_shard(store: Any, tmp_path: Path, cache: Path) -> None:
    path = write_library(tmp_path / "lib")
    put(store, path)
    assert np.array_equal(open_library(URL).table, open_library(path).table)
    assert not list(cache.glob("shards/0*")) and (cache / "table.npy").is_file()
    (cache / "table.npy").write_bytes(b"other")
    assert len(open_library(URL).table) == 7 and not list(cache.glob("shards/0*"))
    store.rm("/store/lib/table.npy")
    (cache / "table.npy").unlink()
    assert np.array_equal(open_library(URL).table, open_library(path).table)
    assert len(list(cache.glob("shards/0*"))) == 3


def test_a_shard_is_fetched_when_it_is_needed_and_once(store: Any, tmp_path: Path, cache: Path) -> None:
    put(store, write_library(tmp_path / "lib"))
    assert open_library(URL).record(4).index == 4
    assert sorted(p.name for p in (cache / "shards").iterdir()) == ["000001", "zarr.json"]
    store.rm("/store/lib/shards/000001/labels/c/0/0/0/0")
    assert np.array_equal(open_library(URL).labels(4), record(4).labels)
    assert np.array_equal(copy.copy(open_library(URL)).labels(3), record(3).labels)


def test_a_damaged_file_is_refused_and_not_kept(store: Any, tmp_path: Path, cache: Path) -> None:
    put(store, write_library(tmp_path / "lib"))
    name = "/store/lib/shards/000001/labels/c/0/0/0/0"
    store.pipe_file(name, store.cat_file(name)[:-1] + b"x")
    with pytest.raises(DamageError, match=rf"{URL}/shards/000001/labels/c/0/0/0/0: SHA-256 differs from the manifest"):
        open_library(URL).record(4)
    assert [p.name for p in (cache / "shards").iterdir()] == ["zarr.json"]
    assert open_library(URL).record(0).index == 0


@pytest.mark.parametrize("manifest", [b"{", b"{}", b"[]", b'{"recipe_sha256": "x", "files": []}', None])
def test_a_wrong_manifest_is_refused(store: Any, tmp_path: Path, manifest: bytes | None) -> None:
    put(store, write_library(tmp_path / "lib"))
    if manifest is None:
        manifest = json.dumps({"recipe_sha256": recipe_digest(recipe()), "files": [{"path": "../../x"}]}).encode()
    store.pipe_file("/store/lib/shards/000001/manifest.json", manifest)
    with pytest.raises(DamageError, match=r"000001/manifest\.json: is no manifest of this library"):
        open_library(URL).record(4)


def test_a_missing_file_of_a_shard_is_damage(store: Any, tmp_path: Path, cache: Path) -> None:
    put(store, write_library(tmp_path / "lib"))
    store.rm("/store/lib/shards/000001/labels/c/0/0/0/0")
    with pytest.raises(DamageError, match=rf"{URL}/shards/000001/labels/c/0/0/0/0: missing, the manifest of its shard"):
        open_library(URL).record(4)
    store.rm("/store/lib/shards/000000/manifest.json")
    with pytest.raises(DamageError, match=rf"{URL}/shards/000000: manifest\.json is missing: restore the shard"):
        open_library(URL).record(1)
    assert [p.name for p in (cache / "shards").iterdir()] == ["zarr.json"]


def test_a_root_that_is_none_is_named_by_its_url(store: Any, tmp_path: Path) -> None:
    put(store, write_library(tmp_path / "lib"))
    document = store.cat_file("/store/lib/zarr.json")
    store.pipe_file("/store/lib/zarr.json", b"<html>not found, but 200</html>")
    with pytest.raises(InputError, match=rf"^{URL}/zarr\.json: not a readable JSON file"):
        open_library(URL)
    store.pipe_file("/store/lib/zarr.json", document.replace(b'"seed": 3', b'"seed": 4'))
    with pytest.raises(DamageError, match=rf"^{URL}/zarr\.json: was changed after the library was made"):
        open_library(URL)


def test_options_are_for_a_url_and_kept_by_copies(store: Any, tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib")
    with pytest.raises(InputError, match="storage_options are for a URL, this is a path"):
        open_library(path, {"anon": True})
    opened = open_library(f"file://{path}", {"auto_mkdir": False})
    assert copy.copy(opened)._options == {"auto_mkdir": False}  # type: ignore[attr-defined]
    assert copy.copy(opened).record(2).index == 2


def test_missing_shards_say_what_they_say_on_the_disk(store: Any, tmp_path: Path) -> None:
    put(store, write_library(tmp_path / "lib"))
    store.rm("/store/lib/shards/000001", recursive=True)
    with pytest.raises(DamageError, match="shard 000001 is missing, 2 of 3 shards, and the library was complete"):
        open_library(URL).record(4)
    store.rm("/store/lib/complete.json")
    opened = open_library(URL)
    assert opened.missing_shards == [1]
    assert opened.table["index"].tolist() == [0, 1, 2, 6]
    with pytest.raises(InputError, match="shard 000001 is missing, 2 of 3 shards: continue"):
        opened.record(4)


def test_another_library_at_the_same_url_is_fetched_anew(store: Any, tmp_path: Path) -> None:
    put(store, write_library(tmp_path / "lib"))
    open_library(URL).record(4)
    put(store, write_library(tmp_path / "other", seed=4))
    assert open_library(URL).recipe["seed"] == 4
    assert open_library(URL).record(4).index == 4


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://store/nothing", "memory://store/nothing/zarr.json: cannot be fetched (no such object)"),
        ("nonsense://x", "nonsense://x: not a URL that fsspec knows"),
    ],
)
def test_what_is_no_library_is_refused(store: Any, url: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        open_library(url)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than this machine has cores
def test_torch_reads_it_in_workers(store: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    path = write_library(tmp_path / "lib")
    dataset = open_library(f"file://{path}").torch(["d_max"])
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert sorted(int(sample["index"]) for sample in loader) == list(range(7))


def test_a_missing_fsspec_is_named() -> None:
    code = (
        "import sys; sys.modules['fsspec'] = sys.modules['fsspec.core'] = None; import nmcfast\n"
        "try:\n    nmcfast.open_library('s3://x/y')\nexcept ImportError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "libraries at a URL need fsspec: pip install 'nmcfast[remote]'" in said


def test_the_commands_take_a_url(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(store, write_library(tmp_path / "lib", **zarr.encoders()))
    assert main(["export", URL, "--to", "zarr", "--output", str(tmp_path / "out")]) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "lib")
    assert main(["info", "memory://nothing"]) == 2
    assert "memory://nothing/zarr.json: cannot be fetched" in capsys.readouterr().err


def test_verify_at_a_url_sees_what_it_sees_on_the_disk(store: Any, tmp_path: Path, cache: Path) -> None:
    """Whole, damaged and released: the same lines, of names at the URL; nothing is taken from the cache of readers."""
    path = write_library(tmp_path / "lib", **zarr.encoders())
    put(store, path)
    whole = verify_library(URL)
    assert whole.ok and (whole.path, whole.files, whole.bytes) == (
        URL,
        verify_library(path).files,
        verify_library(path).bytes,
    )
    open_library(URL).labels(4)
    damaged = path / "shards/000001/labels/c/0/0/0/0"
    damaged.write_bytes(damaged.read_bytes()[:-3])
    (path / "shards/000000/grains/angle/zarr.json").unlink()
    (path / "shards/000002/labels/c/0/0/0/1").write_bytes(b"")
    (path / "shards/000009").mkdir()
    (path / "shards/000009/x").write_bytes(b"")
    (path / "SHA256SUMS").write_bytes(b"")
    store.rm("/store/lib", recursive=True)
    put(store, path)
    there, here = verify_library(URL), verify_library(path)
    assert there.problems == tuple(line.replace(str(path), URL) for line in here.problems) and len(here.problems) > 5
    assert (there.damaged, there.released, there.sealed) == (here.damaged, "yes", True)


def test_verify_at_a_url_counts_shards_that_are_whole(store: Any, tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib", format="hdf5")
    put(store, path)
    store.rm("/store/lib/complete.json")
    store.rm("/store/lib/shards/000001/manifest.json")
    report = verify_library(URL, workers=1, values=False)
    assert report.ok and (report.sealed, report.shards, report.expected_shards) == (False, 2, 3)
    assert open_library(URL).missing_shards == [1]


@pytest.mark.parametrize("name", ["shards/000001/../../../x", "shards/000001/shard.h5/x", "shards/000001//x"])
def test_an_object_that_no_file_can_be_is_refused(store: Any, tmp_path: Path, name: str) -> None:
    put(store, write_library(tmp_path / "lib", format="hdf5"))
    data = store.store["/store/lib/zarr.json"]
    store.store[f"/store/lib/{name}"] = data
    with pytest.raises(InputError) as caught:
        verify_library(URL)
    assert str(caught.value).startswith(f"{URL}: holds an object '{name}'")
    assert len(str(caught.value).splitlines()) == 1 and not (tmp_path.parent / "x").exists()
