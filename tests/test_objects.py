"""Libraries written to S3 (moto's server on 127.0.0.1), through a proxy that fails requests."""

import gc
import importlib
import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from library_toys import tree
from test_generate import SMALL

from nmcfast.bulk import generate_library
from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError, MissingExtraError, NmcfastError, NoSpaceError
from nmcfast.export import shards
from nmcfast.export.formats import BULK
from nmcfast.library.check import verify_library
from nmcfast.library.open import open_library
from nmcfast.objects import bucket as bucket_module
from nmcfast.objects import making, parts
from nmcfast.objects.bucket import Bucket
from nmcfast.objects.store import as_url

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
pytest.importorskip("moto.server", reason="moto is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of servers and clients that are not ours

_SCRIPT = Path(__file__).parents[1] / "scripts/checks/faulty_store.py"
_spec = importlib.util.spec_from_file_location("faulty_store", _SCRIPT)
assert _spec is not None and _spec.loader is not None
faulty = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(faulty)

SESSION = importlib.import_module("aiobotocore.session").AioSession()  # reads descriptions of the API, once
LIBRARY: dict[str, Any] = {"count": 3, "seed": 3, "shard_size": 1, "format": "hdf5", "labels": False}
FORMS: dict[str, dict[str, Any]] = {  # zarr has 80 objects a shard: one of them
    "zarr": {"count": 1},
    "hdf5": {"labels": True},
    "vtu": {"labels": True},
}
Choose = Callable[[str, str, int], str | None]


class Place:
    """A bucket, seen through a proxy whose faults a test chooses."""

    def __init__(self, server: tuple[str, int], stack: ExitStack) -> None:
        self.choose: Choose = lambda *_: None
        self.name = faulty.new_bucket(server)
        self.proxy = stack.enter_context(faulty.proxy(server, lambda *asked: self.choose(*asked), stall=2.5))
        config = {"read_timeout": 1.5}
        self.options = {"endpoint_url": self.proxy.url, "config_kwargs": config, "session": SESSION}
        self.url = f"s3://{self.name}/deep/lib"
        self.direct = s3fs.S3FileSystem(endpoint_url=f"http://{server[0]}:{server[1]}", use_listings_cache=False)

    def make(self, **changes: Any) -> Any:
        return generate_library(self.url, SMALL, **LIBRARY | changes, storage_options=self.options)

    def objects(self) -> dict[str, bytes]:
        below = f"{self.name}/deep/lib/"
        held = [path for path in self.direct.find(below) if path.startswith(below) and path != below]
        return {path.removeprefix(below): data for path, data in self.direct.cat(held).items()} if held else {}

    def put(self, name: str, data: bytes) -> None:
        self.direct.pipe_file(f"{self.name}/deep/lib/{name}", data)

    def remove(self, name: str) -> None:
        self.direct.rm(f"{self.name}/deep/lib/{name}", recursive=True)

    def uploads(self) -> list[str]:
        return [u["Key"] for u in self.direct.call_s3("list_multipart_uploads", Bucket=self.name).get("Uploads", [])]

    def came(self, method: str) -> list[str]:
        """Names of objects in the order of the requests for them."""
        start = f"/{self.name}/deep/lib/"
        return [path.removeprefix(start) for asked, path in self.proxy.requests if asked == method]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    before = dict(os.environ)
    with faulty.moto() as address:
        yield address
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def place(server: tuple[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    monkeypatch.setenv("NMCFAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(bucket_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(making.tempfile, "tempdir", str(tmp_path))
    with ExitStack() as stack:
        yield Place(server, stack)
        assert not list(tmp_path.glob(".tmp-*")), "a draft was left"
        s3fs.S3FileSystem.clear_instance_cache()
        gc.collect()


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The same library in a folder, also in each of the formats."""
    folder, made = tmp_path_factory.mktemp("disk"), dict[str, Path]()

    def path(form: str = "") -> Path:
        if form not in made:
            made[form] = folder / f"{form}lib"
            generate_library(made[form], SMALL, **LIBRARY | ({"format": form, **FORMS[form]} if form else {}))
        return made[form]

    return path


@pytest.mark.parametrize("form", BULK)
def test_a_library_made_through_faults_is_the_one_on_the_disk(place: Place, on_disk: Any, form: str) -> None:
    place.choose = faulty.share(0.05 if form == "zarr" else 0.25, seed=45)
    told: list[int] = []
    made = place.make(format=form, **FORMS[form], progress=lambda index, _: told.append(index))
    shards_made = FORMS[form].get("count", 3)
    assert place.objects() == tree(on_disk(form))
    assert (made.made, made.present, told) == (shards_made, shards_made, [*range(shards_made)])
    assert made.repeated > 4 and len(place.proxy.faults) > 3
    place.choose = lambda *_: None
    again = place.make(format=form, **FORMS[form])
    assert (again.made, again.repeated, again.root_sha256) == (0, 0, made.root_sha256)
    place.choose, before = faulty.share(0.2, seed=21), place.proxy.faults.total()
    opened = open_library(place.url, place.options)
    assert opened.complete and opened.record(0).index == 0 and len(opened.table) == shards_made
    if form == "hdf5":  # of few objects
        assert verify_library(place.url, storage_options=place.options).ok
    assert place.proxy.faults.total() > before


def test_the_manifest_of_a_shard_comes_last_and_the_seal_after_all(place: Place) -> None:
    place.make()
    put = place.came("PUT")
    assert put[:3] == ["zarr.json", "model.safetensors", "shards/zarr.json"]
    for number in range(3):
        name = f"shards/{shards.shard_name(number)}/"
        assert [n for n in put if n.startswith(name)][-1] == name + "manifest.json"
    assert put[-1] == "complete.json" and len(put) == len(set(put)) == len(place.objects())


def test_a_store_that_fails_for_good_ends_in_one_line_and_the_same_again_continues(
    place: Place, on_disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = "shards/000001/manifest.json"
    monkeypatch.setattr(bucket_module, "TRIES", 3)
    place.choose = lambda method, path, _: "slow down" if method == "PUT" and path.endswith(failing) else None
    with pytest.raises(NmcfastError) as caught:
        place.make()
    said = f"{place.url}/{failing}: the store failed 3 times (SlowDown: "
    assert str(caught.value).startswith(said) and caught.value.exit_code == 1
    assert str(caught.value).endswith("run the same command again to continue")
    assert place.proxy.faults["slow down"] == 3
    held = place.objects()
    assert failing not in held and "complete.json" not in held
    opened = open_library(place.url, place.options)
    assert opened.missing_shards == [1, 2] and len(opened.table) == 1
    with pytest.raises(InputError, match="shard 000001 is missing, 1 of 3 shards: continue"):
        opened.record(1)
    assert verify_library(place.url, storage_options=place.options).shards == 1
    place.choose = lambda *_: None
    assert place.make().made == 2 and place.objects() == tree(on_disk())


def test_an_interruption_is_continued_and_leaves_nothing_half_done(place: Place, on_disk: Any) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.make(progress=interrupt)
    assert sorted(place.objects()) == ["model.safetensors", "shards/zarr.json", "zarr.json"]
    place.choose = lambda method, path, before: "slow down" if path.endswith("5") and before < 2 else None
    place.options["config_kwargs"] = {}  # time enough, however busy this machine is
    made = place.make()
    assert (made.made, made.repeated, place.proxy.faults.total()) == (3, 8, 8)  # three shards and library.h5, twice
    assert place.objects() == tree(on_disk())


def test_writers_at_once_and_jobs_of_some_shards_make_the_same(place: Place, on_disk: Any) -> None:
    assert place.make(shard_range=range(2, 3)).root_sha256 is None
    with ThreadPoolExecutor(2) as pool:
        both = [*pool.map(lambda _: place.make(), range(2))]
    assert {made.root_sha256 for made in both} == {generate_library(on_disk(), SMALL, **LIBRARY).root_sha256}
    assert place.objects() == tree(on_disk())


def test_nothing_there_is_ever_replaced(place: Place) -> None:
    """An object of other bytes, cut off or of the same length, is an error that names it; so is another manifest."""
    whole = place.make(shard_range=range(1)) and place.objects()
    for name, data, count in (
        ("shards/000001/shard.h5", b"other", 2),
        ("shards/000000/manifest.json", whole["shards/000000/manifest.json"][:-9], 1),
        ("shards/000000/manifest.json", b"{}", 1),
    ):
        place.put(name, data)
        with pytest.raises(DamageError) as caught:
            place.make(shard_range=range(count))
        assert str(caught.value).startswith(f"{place.url}/{name}: is ") and "remove" in str(caught.value)
        assert place.objects()[name] == data
        place.remove(name)


def test_no_library_is_sealed_over_a_shard_that_is_not_whole(place: Place) -> None:
    """Of a shard that another run sent, what the table is made from is fetched and looked at."""
    place.make(shard_range=range(1))
    name = "shards/000000/shard.h5"
    for data, said in ((b"other", "SHA-256 differs from the manifest"), (None, "missing")):
        place.remove(name) if data is None else place.put(name, data)
        with pytest.raises(DamageError) as caught:
            place.make()
        assert str(caught.value).startswith(f"{place.url}/{name}: {said}: remove the folder shards/000000")
    assert "complete.json" not in place.objects() and "shards/000002/manifest.json" in place.objects()
    place.remove("shards/000000")
    assert place.make().root_sha256


@pytest.mark.parametrize("held", [None, "manifest"])
def test_what_an_interrupted_upload_left_is_taken_where_it_is_right(
    place: Place, on_disk: Any, held: str | None
) -> None:
    """Without the note of its SHA-256 it is read, with it it is not; a shard of data alone is no shard."""
    data = tree(on_disk())["shards/000001/shard.h5"]
    if held is None:
        place.put("zarr.json", tree(on_disk())["zarr.json"])
        place.put("shards/000001/shard.h5", data)
    else:
        place.make(shard_range=range(1, 2))
        place.remove("shards/000001/manifest.json")
    assert place.make().made == 3
    read = [n for n in place.came("GET") if n == "shards/000001/shard.h5"]
    assert len(read) == (1 if held is None else 0) and place.objects() == tree(on_disk())
    data = data[:-1] + b"x"
    place.put("shards/000001/shard.h5", data)
    place.remove("shards/000001/manifest.json")
    place.remove("complete.json")
    with pytest.raises(DamageError, match=r"shards/000001/shard.h5: is there, not as the recipe gives it"):
        place.make()


def test_another_recipe_or_something_else_there_is_refused_and_nothing_changed(place: Place) -> None:
    place.make(shard_range=range(1))
    before = place.objects()
    with pytest.raises(InputError) as caught:
        place.make(seed=4)
    assert str(caught.value) == (
        f"{place.url}: made with seed = 3, asked for 4: use the same parameters to continue it, or another URL"
    )
    place.put("zarr.json", b'{"zarr_format": 3}')
    with pytest.raises(InputError, match=r"lib/zarr.json: attribute kind is not"):
        place.make()
    place.put("zarr.json", before["zarr.json"])
    assert place.objects() == before
    place.url = place.url.removesuffix("/lib")  # a folder in which something lies
    with pytest.raises(InputError, match="not an nmcfast library, and something is there: choose another URL"):
        place.make()


def test_a_missing_or_damaged_object_is_named_by_verify_and_made_again(place: Place, on_disk: Any) -> None:
    place.make(labels=True)
    wrong = {"shards/000000/shard.h5": None, "shards/000001/shard.xmf": b"cut", "table.npy": None}
    for name, data in wrong.items():
        place.remove(name) if data is None else place.put(name, data)
    place.remove("shards/000002")
    place.put("shards/000001/foreign", b"x")
    place.put("notes.txt", b"x")
    place.put("", b"")  # as web consoles mark a folder
    report = verify_library(place.url, storage_options=place.options)
    said = " | ".join(report.problems)
    for line in (
        "shard 000000, shard.h5: missing",
        "shard 000001, shard.xmf: 3 bytes, the manifest says",
        "shard 000001, foreign: foreign",
        "shard 000002: missing from a library that was complete",
        "table.npy: missing, but in complete.json",
        "notes.txt: foreign",
    ):
        assert line in said, line
    assert report.damaged == (0, 1, 2) and "/nmcfast-verify" not in said
    with pytest.raises(DamageError, match=r"shards/000000/shard.h5: missing, the manifest of its shard lists it"):
        open_library(place.url, place.options).record(0)
    for name in ("shards/000000", "shards/000001", "notes.txt"):
        place.remove(name)
    with pytest.raises(DamageError, match=r"is not what complete.json says"):  # the table is still missing
        place.make(labels=True)
    place.remove("complete.json")
    assert place.make(labels=True).made == 0 and place.objects() == tree(on_disk("hdf5"))


def test_workers_send_their_shards(
    place: Place, on_disk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command line; a third of what they ask first fails."""
    place.choose = lambda method, path, before: "internal error" if before == 0 and len(path) % 3 == 0 else None
    monkeypatch.setenv("AWS_ENDPOINT_URL", place.proxy.url)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "model").write_bytes(SMALL.to_bytes())
    words = ["--count", "3", "--seed", "3", "--shard-size", "1", "--format", "hdf5", "--no-labels"]
    assert main(["generate", place.url, *words, "--model", str(tmp_path / "model"), "--workers", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{place.url}: 3 shards made, 3 of 3 there, complete, root hash ")
    assert f"nmcfast: {place.proxy.faults.total()} requests to the store failed and did not when made again" in err
    assert place.objects() == tree(on_disk())
    assert main(["verify", place.url, "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(f"{place.url}: complete, 3 of 3 shards, 3 particles, 6 files")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--overwrite"],
            "overwrite is for libraries on a disk; nobody can be kept from writing there meanwhile: remove",
        ),
        (["--repair"], "--repair: not at a URL: remove the shards that 'nmcfast verify s3://"),
        (["--count", "-1"], "count: found -1"),
        ([], "/zarr.json: no such bucket"),
    ],
)
def test_what_a_store_cannot_have_is_one_line(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", place.proxy.url)
    assert main(["generate", "s3://no-such-bucket/lib", "--no-labels", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and len(err.splitlines()) == 1
    with pytest.raises(InputError, match="libraries are written to a path or to s3://"):
        Bucket("gs://bucket/lib")
    with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="executor is for libraries on a disk; have"):
        generate_library(Path("s3://bucket/lib"), SMALL, executor=pool)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("full", NoSpaceError, "/zarr.json: no space left in the store (XMinioStorageFull: "),
        (
            "forbidden",
            InputError,
            "/zarr.json: the store refused (AccessDenied: injected): check the URL, the credentials",
        ),
    ],
)
def test_a_store_that_refuses_is_not_asked_again(place: Place, fault: str, error: type[Exception], said: str) -> None:
    place.choose = lambda method, path, _: fault if method == "PUT" else None
    with pytest.raises(error) as caught:
        place.make()
    assert str(caught.value).startswith(place.url + said) and place.proxy.faults[fault] == 1


def test_a_full_disk_of_this_machine_is_said_as_such(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any) -> None:
        raise NoSpaceError("a path of the draft")

    monkeypatch.setattr(making, "make_and_send", full)
    with pytest.raises(
        NoSpaceError, match=f"^{tmp_path}: no space left for a shard on its way to {place.url};.*TMPDIR"
    ):
        place.make()


def test_a_client_that_would_drop_the_condition_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: Bucket) -> bool:
        return False

    monkeypatch.setattr(Bucket, "_knows_conditions", never)
    with pytest.raises(MissingExtraError, match=r"needs aiobotocore 2\.15 or later: pip install"):
        Bucket(place.url, place.options)


def test_urls_are_told_from_paths() -> None:
    """Also where pathlib has made one of two slashes."""
    assert as_url(Path("s3://bucket/lib")) == as_url("s3://bucket/lib/") == "s3://bucket/lib"
    assert [as_url(path) for path in ("lib.zarr", "/data/s3:/lib", "C:/lib", "a:b", "")] == [None] * 5


# objects in parts


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of three parts."""
    monkeypatch.setattr(parts, "PART", 5 * 2**20)
    monkeypatch.setattr(parts, "LARGEST_WHOLE", 2**20)
    (tmp_path / "notes").mkdir()
    path = tmp_path / "large"
    path.write_bytes(b"0123456789" * 2**20 + b"end")
    return path


def bucket_of(place: Place, tmp_path: Path) -> Bucket:
    return Bucket(place.url, place.options, tmp_path / "notes")


@pytest.mark.parametrize("fault", ["lost answer", "reset"])
def test_a_large_object_goes_up_in_parts_through_faults(place: Place, large: Path, tmp_path: Path, fault: str) -> None:
    """Each first request fails: of what is begun twice, as its answer got lost, nothing stays."""
    place.choose = lambda method, path, before: fault if before == 0 and method in ("PUT", "POST") else None
    bucket = bucket_of(place, tmp_path)
    assert bucket.create("object", large) and place.objects() == {"object": large.read_bytes()}
    assert bucket.repeated > 0 and place.proxy.faults.total() == 5  # some requests are made again below us
    assert bucket.create("object", large) and place.uploads() == []
    large.write_bytes(large.read_bytes()[:-1])
    assert not bucket.create("object", large) and place.uploads() == []
    assert not any((tmp_path / "notes").iterdir())


def test_an_upload_that_ended_though_its_answer_got_lost_is_the_object(
    place: Place, large: Path, tmp_path: Path
) -> None:
    place.choose = lambda method, path, _: "gone" if method == "POST" and "uploadId=" in path else None
    assert bucket_of(place, tmp_path).create("object", large) and place.proxy.faults["gone"] == 1
    assert place.objects() == {"object": large.read_bytes()} and place.uploads() == []


@pytest.mark.parametrize("failing", ["partNumber=2", "uploadId="])
def test_an_upload_that_does_not_end_is_aborted(
    place: Place, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setattr(bucket_module, "TRIES", 2)
    place.choose = lambda method, path, _: "reset" if method in ("PUT", "POST") and failing in path else None
    with pytest.raises(NmcfastError, match="lib/object: the store failed 2 times"):
        bucket_of(place, tmp_path).create("object", large)
    assert place.objects() == {} and place.uploads() == [] and not any((tmp_path / "notes").iterdir())


def test_an_interruption_aborts_an_upload(
    place: Place, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a part hangs: not after all tries, and nothing is pending where the store has the time to answer."""
    monkeypatch.setattr("nmcfast.objects.bucket._CLEAN_UP", 60.0)

    def hang(method: str, path: str, before: int) -> str | None:
        if "partNumber=2" in path and before == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return "stalled" if "partNumber=2" in path else None

    place.choose = hang
    with pytest.raises(KeyboardInterrupt):
        bucket_of(place, tmp_path).create("object", large)
    assert place.objects() == {} and place.uploads() == [] and not any((tmp_path / "notes").iterdir())


def test_what_a_killed_process_was_at_is_aborted_by_its_note_or_by_who_comes_next(
    place: Place, large: Path, tmp_path: Path
) -> None:
    for key in ("deep/lib/noted", "deep/lib/object", "deep/lib/object2"):
        begun = place.direct.call_s3("create_multipart_upload", Bucket=place.name, Key=key)
        if key.endswith("noted"):
            parts._note(tmp_path / "notes", {"Key": key, "UploadId": begun["UploadId"]})
    bucket = bucket_of(place, tmp_path)
    bucket.abort_noted()
    assert place.uploads() == ["deep/lib/object", "deep/lib/object2"] and not any((tmp_path / "notes").iterdir())
    assert bucket.create("object", large) and place.uploads() == ["deep/lib/object2"]
