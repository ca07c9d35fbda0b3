"""release: what is released is opened by the readers it is made for, and changed by nobody unseen."""

import errno
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import tree
from test_generate import SMALL

from nmcfast import generate_library
from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError, NoSpaceError
from nmcfast.export import files, formats, release, schema
from nmcfast.export.formats import BULK
from nmcfast.export.verify import verify
from nmcfast.library.open import open_library
from nmcfast.release.release import release_library

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

SAID: dict[str, Any] = {
    "title": 'Particles, "small" & round',
    "version": "1.2.0",
    "date": "2026-11-25",
    "creators": ["Doe, Jane", "A Lab: of Particles"],
    "url": "https://example.org/a",
    "doi": "10.1234/abc.d",
}


@pytest.fixture(scope="module", params=BULK)
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("released") / "lib"
    generate_library(path, SMALL, count=12, seed=3, shard_size=5, format=request.param)
    release_library(path, **SAID)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "lib.zarr"
    generate_library(path, SMALL, count=4, seed=3, shard_size=2)
    return path


@pytest.fixture
def library(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "lib.zarr")


def test_the_checksums_of_another_release_are_named_instead_of_every_file(released: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(released, tmp_path / "lib")
    text = (copy / "SHA256SUMS").read_text()
    (copy / "SHA256SUMS").write_text("".join(f"{'0' * 64}{line[64:]}\n" for line in text.splitlines()))
    number = len(text.splitlines())
    said = f"SHA256SUMS: differs from {number} of {number} files: is of another release"
    assert verify(copy).problems == (said,)


def test_sha256sum_accepts_every_file(released: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=released, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    checked = {line.removesuffix(": OK") for line in done.stdout.splitlines()}
    assert checked == set(tree(released)) - {"SHA256SUMS"}


def test_the_index_has_every_column_with_its_unit(released: Path) -> None:
    index, table = open_library(released).index(), parquet.read_table(released / "index.parquet")
    assert table.column_names == [v.leaf for v in (*schema.TABLE, *schema.INDEX)] == list(index.dtype.names or ())
    for variable in (*schema.TABLE, *schema.INDEX):
        assert table[variable.leaf].to_pylist() == index[variable.leaf].tolist()
        metadata = table.schema.field(variable.leaf).metadata
        assert metadata[b"unit"].decode() == variable.unit
        assert metadata[b"description"].decode() == variable.prose
    said = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
    assert json.loads(said["recipe"]) == open_library(released).recipe
    assert said["root_sha256"] == json.loads((released / "complete.json").read_text())["root_sha256"]
    assert (said["Source"], said["Voxel_size"], said["Cathode_material"]) == ("Generated", "0.05 µm", "small")
    assert said["Article_DOI"] == "10.1038/s43246-024-00728-5"
    names = {"Type", "Scale", "Numerical_generation_method", "Particle_morphology"}
    assert all(said[name] for name in names)


@pytest.mark.filterwarnings("ignore")  # mlcroissant's own
def test_croissant_is_valid_and_gives_the_rows_of_the_index(released: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    dataset = mlcroissant.Dataset(released / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert (dataset.metadata.name, dataset.metadata.version) == (SAID["title"], SAID["version"])
    index, records = open_library(released).index(), list(dataset.records("particles"))
    assert len(records) == len(index) == 12
    for row, record in zip(index, records, strict=True):
        for name in index.dtype.names or ():
            value = record[f"particles/{name}"]
            value = value.decode() if isinstance(value, bytes) else value
            assert np.array_equal(value, row[name]), name
    assert [r["splits/name"] for r in dataset.records("splits")] == ["train", "val", "test"]


def test_croissant_names_each_file_with_its_bytes(released: Path) -> None:
    document = json.loads((released / "croissant.json").read_text())
    entries = {e["@id"]: e for e in document["distribution"]}
    shards = entries.pop("shards")
    assert entries.keys() == {p.name for p in released.iterdir() if p.is_file()} - {
        "SHA256SUMS",
        "croissant.json",
        "ro-crate-metadata.json",
    }
    for name, entry in entries.items():
        data = (released / name).read_bytes()
        assert (entry["sha256"], entry["contentSize"]) == (files.sha256_file(released / name), f"{len(data)} B")
    assert any(
        p.is_file()
        for p in released.glob(f"{shards['includes']}/*" if "**" in shards["includes"] else shards["includes"])
    )


@pytest.mark.filterwarnings("ignore")  # rocrate's own
def test_rocrate_reads_the_crate(released: Path) -> None:
    rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed")
    crate = rocrate.ROCrate(released)
    assert (crate.name, crate.root_dataset["license"].id) == (
        SAID["title"],
        "https://creativecommons.org/licenses/by/4.0/",
    )
    parts = {e.id for e in crate.root_dataset["hasPart"]}
    assert parts == {p.name for p in released.iterdir() if p.is_file()} - {"ro-crate-metadata.json"} | {"shards/"}
    assert [a["name"] for a in crate.root_dataset["author"]] == ["Jane Doe", "A Lab: of Particles"]
    run = crate.get("#generation")
    recipe = {e["name"]: e["value"] for e in run["object"] if e.type == "PropertyValue"}
    assert recipe == open_library(released).recipe
    attributes = {e["name"]: e["value"] for e in crate.root_dataset["additionalProperty"]}
    assert attributes["Source"] == "Generated"
    linked = json.loads((released / "ro-crate-metadata.json").read_text())["@graph"]
    assert len({e["@id"] for e in linked}) == len(linked)


def test_the_citation_is_valid(released: Path) -> None:
    program = shutil.which("cffconvert", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("cffconvert is not installed")
    done = subprocess.run([program, "--validate"], cwd=released, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = subprocess.run([program, "-f", "bibtex"], cwd=released, capture_output=True, text=True, check=True).stdout
    assert all(part in made for part in ("Doe, Jane", "A Lab: of Particles", "10.1234/abc.d", SAID["title"]))


def test_the_card_says_what_the_model_file_says(tmp_path: Path) -> None:
    said = {
        "shell": "fitted to ct.tif | law independent",
        "grains": "guessed by the cat",
        "caution": "not for eating",
        "material": "NMC622",
    }
    generate_library(tmp_path / "lib", replace(SMALL, provenance=said), count=2, seed=3)
    release_library(tmp_path / "lib")
    card = (tmp_path / "lib/README.md").read_text()
    assert "| outer shell | fitted to ct.tif / law independent |" in card
    assert "| grains | guessed by the cat |" in card
    assert "| crystal orientations | **the model file does not say** |" in card
    assert "| caution | not for eating |" in card
    assert "| Cathode_material | NMC622 |" in card
    assert "| 0 | lognormal: shape 0.1, location 0, scale 23 | estimated |" in card
    assert "NMC811" not in card


def test_verify_finds_each_change_of_a_released_file(released: Path, tmp_path: Path) -> None:
    path = shutil.copytree(released, tmp_path / "lib")
    report = verify(path)
    assert (report.ok, report.released) == (True, "yes")
    for name in release.FILES:
        data = (path / name).read_bytes()
        flipped = bytearray(data)
        flipped[len(data) // 3] ^= 1
        (path / name).write_bytes(flipped)
        assert any(name in line for line in verify(path).problems), name
        (path / name).unlink()
        found = verify(path)
        if name != release.SUMS:
            assert found.problems == (f"{name}: missing, SHA256SUMS lists it",)
        else:  # lost: nothing says that a release was interrupted
            said = "SHA256SUMS: missing from a library that was released: 'nmcfast release' writes it again"
            assert (found.problems, found.released) == ((said,), "yes")
        (path / name).write_bytes(data)
    with (path / "SHA256SUMS").open("a") as sums:
        sums.write("0" * 64 + "  ../secret\n")
    assert verify(path).problems == ("SHA256SUMS: lists '../secret', which is not of the release",)


def test_verify_still_finds_damage_below(released: Path, tmp_path: Path) -> None:
    path = shutil.copytree(released, tmp_path / "lib")
    victim = max((p for p in (path / "shards/000001").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 8
    victim.write_bytes(data)
    found = verify(path).problems
    assert found[0] == f"shard 000001, {victim.relative_to(path / 'shards/000001')}: SHA-256 differs from the manifest"
    (path / "shards/000001/manifest.json").write_text("{")
    assert all("shard 000001" in line or "000001" in line for line in verify(path).problems)


def test_a_release_repeated_writes_nothing_and_keeps_what_was_said(library: Path) -> None:
    first = release_library(library, **SAID)
    assert first.written == release.FILES
    before = tree(library)
    again = release_library(library)
    assert (again.written, again.settings) == ((), first.settings)
    assert tree(library) == before
    changed = release_library(library, license="CC0-1.0")
    assert changed.settings == replace(first.settings, license="CC0-1.0")
    assert "index.parquet" not in changed.written
    assert verify(library).ok
    assert release_library(library, license="CC-BY-4.0").path == library
    assert tree(library) == before


@pytest.mark.parametrize("stop", range(len(release.FILES) + 1))
def test_an_interrupted_release_is_unfinished_and_goes_on(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    whole = shutil.copytree(library, tmp_path / "whole")
    release_library(whole, **SAID)
    write, calls = files.write_file, []

    def interrupted(final: Path, data: bytes) -> None:
        calls.append(final)
        if len(calls) > stop:
            raise KeyboardInterrupt
        write(final, data)

    monkeypatch.setattr("nmcfast.release.release.files.write_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release_library(library, **SAID)
    monkeypatch.undo()
    report = verify(library)
    assert (report.problems, report.released) == ((), "unfinished" if stop else "no")
    release_library(library, **SAID)
    assert tree(library) == tree(whole)


def test_lost_checksums_are_written_again_unless_a_file_is_another_one(library: Path) -> None:
    release_library(library, **SAID)
    before = tree(library)
    (library / "SHA256SUMS").unlink()
    (library / "SHA256SUMS").symlink_to("README.md")
    assert verify(library).problems[0].startswith("SHA256SUMS: missing")
    assert release_library(library).written == ("SHA256SUMS",)
    assert tree(library) == before
    (library / "SHA256SUMS").unlink()
    (library / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"SHA256SUMS is missing, and README\.md is another one: --overwrite"):
        release_library(library)
    assert (library / "README.md").read_text() == "mine"
    release_library(library, overwrite=True)
    assert tree(library) == before


def test_what_a_damaged_release_json_says_is_not_taken_over(library: Path) -> None:
    release_library(library, **SAID)
    before = tree(library)
    text = (library / "release.json").read_text()
    (library / "release.json").write_text(text.replace(SAID["creators"][0], "Dof, Jane"))
    damaged = tree(library)
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"release\.json: not what SHA256SUMS lists, .* not taken over: restore"):
            release_library(library, overwrite=overwrite)
    assert tree(library) == damaged != before
    (library / "release.json").unlink()
    release_library(library, **SAID, overwrite=True)
    assert tree(library) == before


def test_without_its_recipe_a_release_still_names_what_its_checksums_do_not_know(library: Path) -> None:
    """Two files swapped: both are named, also where one of them is the recipe."""
    release_library(library, **SAID)
    (library / "zarr.json").rename(library / "aside")
    (library / "README.md").rename(library / "zarr.json")
    (library / "aside").rename(library / "README.md")
    with (library / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  ../../etc/passwd\n{'0' * 64}  shards/gone\n")
    found = verify(library).problems
    assert [line.partition(":")[0] for line in found[1:]] == ["README.md", "zarr.json", "shards/gone"]
    assert "zarr.json: not a readable JSON file" in found[0]


def test_a_second_release_interrupted_is_unfinished_not_damaged(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release_library(library, **SAID)
    write = files.write_file

    def interrupted(final: Path, data: bytes) -> None:
        if final.name == release.CITATION:
            raise KeyboardInterrupt
        write(final, data)

    monkeypatch.setattr("nmcfast.release.release.files.write_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release_library(library, version="2.0.0")
    monkeypatch.undo()
    report = verify(library)
    assert (report.problems, report.released) == ((), "unfinished")
    assert release_library(library).settings.version == "2.0.0"
    assert verify(library).released == "yes"


def test_a_full_disk_is_one_clear_error(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(final: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nmcfast.release.release.files.write_file", full)
    with pytest.raises(NoSpaceError, match="no space left on the disk; 2 of 2 shards are finished and intact"):
        release_library(library)


def unfinished(path: Path) -> None:
    (path / "complete.json").unlink()
    shutil.rmtree(path / "shards/000001")


def damaged(path: Path) -> None:
    data = path / "shards/000001/grains/offset/c/0"
    data.write_bytes(data.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (unfinished, InputError, r"lib\.zarr: not released, it is not finished \(1 of 2 shards, no complete\.json\)"),
        (lambda p: shutil.rmtree(p / "shards/000000"), DamageError, "it is damaged: shard 000000: missing"),
        (damaged, DamageError, "damaged: shard 000001, grains/offset/c/0: SHA-256 differs .*: run 'nmcfast verify'"),
        (lambda p: (p / "README.md").write_text("mine"), DamageError, r"damaged: README\.md: foreign"),
        (lambda p: (p / "model.safetensors").write_bytes(b"x"), DamageError, "SHA-256 is not that of the recipe"),
        (lambda p: (p / "release.json").write_text("{}"), InputError, r"release\.json: does not hold title, version"),
        (lambda p: (p / "zarr.json").unlink(), DamageError, r"zarr\.json: missing: restore it"),
    ],
)
def test_what_cannot_be_released_is_refused_and_left(
    library: Path, change: Any, kind: type[Exception], said: str
) -> None:
    change(library)
    before = tree(library)
    with pytest.raises(kind, match=said) as caught:
        release_library(library)
    assert "\n" not in str(caught.value)
    assert tree(library) == before


def test_what_somebody_wrote_into_a_release_is_kept_unless_told_otherwise(library: Path) -> None:
    release_library(library, **SAID)
    before = tree(library)
    with (library / "README.md").open("a") as card:
        card.write("\nA paragraph of thought.\n")
    with pytest.raises(InputError, match=r"changed since it was released \(README\.md: SHA-256 .*\): --overwrite"):
        release_library(library, version="2.0.0")
    assert "A paragraph" in (library / "README.md").read_text()
    release_library(library, overwrite=True)
    assert tree(library) == before


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("title", "", "title: found '', expected a line of text"),
        ("title", "a\nb", "expected a line of text"),
        ("version", "one", "version: found 'one', expected a semantic version such as 1.0.0"),
        ("date", "25.11.2026", "date: found '25.11.2026', expected a day, YYYY-MM-DD"),
        ("date", "2026-13-01", "date: found '2026-13-01', expected a day, YYYY-MM-DD"),
        ("license", "MIT", "license: found 'MIT', expected one of CC-BY-4.0, CC-BY-SA-4.0, CC-BY-NC-4.0, CC0-1.0"),
        ("creator", " ", "creator: found ' ', expected a name"),
        ("url", "example.org", "url: found 'example.org', expected an address"),
        ("doi", "https://doi.org/10.1/x", "doi: found 'https://doi.org/10.1/x', expected a DOI"),
        ("material", "\t", "material: found '\\t', expected a line of text"),
    ],
)
def test_wrong_settings_are_one_line_exit_2(
    library: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    before = tree(library)
    assert main(["release", str(library), f"--{option}", value]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1
    assert said in err
    assert tree(library) == before


def test_the_command(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", str(library), "--json", "--date", "2026-01-02"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert err == "nmcfast: no --creator given: the citation says anonymous\n"
    assert (said["written"], said["files"]) == ([*release.FILES], [*release.FILES])
    assert sum(said["parts"].values()) == 4
    assert main(["release", str(library), "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{library}: nothing to do, released already; ")
    assert not err
    assert main(["verify", str(library)]) == 0
    assert ": complete, released, 2 of 2 shards" in capsys.readouterr().out


def test_a_missing_pyarrow_is_named_and_nothing_written(library: Path) -> None:
    before = tree(library)
    code = "import sys; sys.modules['pyarrow'] = None\nfrom nmcfast.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "release", str(library)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "nmcfast: a release needs pyarrow: pip install 'nmcfast[tables]'\n")
    assert tree(library) == before


def test_names_of_a_release_are_none_of_the_formats() -> None:
    for name in BULK:
        assert not {*release.FILES} & {*formats.bulk_module(name).LIBRARY_FILES}
