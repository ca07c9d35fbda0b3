"""`verify` finds each kind of damage and names shard, file and particle; it is quiet about what is sound."""

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from library_toys import MODEL, recipe, record, write_library, write_shard

from nmcfast.errors import FormatVersionError, InputError
from nmcfast.export import files, root, shards
from nmcfast.export.verify import verify
from nmcfast.export.zarr import ShardWriter

SMALL = {"count": 4, "shard_size": 2}
FIRST, LAST = "shards/000000", "shards/000001"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("library") / "lib.zarr", **SMALL)


@pytest.fixture
def library(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "lib.zarr")


def problems(path: Path) -> tuple[str, ...]:
    found = verify(path).problems
    assert all("\n" not in line for line in found)
    return found


def test_a_sound_library_has_no_problem(sound: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(sound, progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert report.sealed
    assert (report.shards, report.expected_shards, report.particles) == (2, 2, 4)
    inside = [p for p in (sound / "shards").rglob("*/*") if p.is_file()]
    assert (report.files, report.bytes) == (len(inside), sum(p.stat().st_size for p in inside))
    assert seen == [(1, 2), (2, 2)]


def test_unfinished_work_is_not_damage(tmp_path: Path) -> None:
    library, made = tmp_path / "lib.zarr", recipe(**SMALL)
    root.create_library(library, made, MODEL)
    write_shard(library, 1, made)
    files.temporary(library / FIRST).mkdir()
    report = verify(library)
    assert report.ok
    assert not report.sealed
    assert (report.shards, report.expected_shards) == (1, 2)


def test_one_flipped_bit_in_any_file_is_found(tmp_path: Path) -> None:
    """A random bit in each of the 74 files of a library of one particle, and 30 more anywhere."""
    library, rng = write_library(tmp_path / "lib.zarr", count=1, shard_size=1), random.Random(5)
    files = sorted(p for p in library.rglob("*") if p.is_file())
    for path in [*files, *rng.choices(files, k=30)]:
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        found = problems(library)
        name = path.relative_to(library)
        shard = f"shard {name.parts[1]}, {Path(*name.parts[2:])}" if len(name.parts) > 2 else str(name)
        assert any(shard in line for line in found), (name, found)
        path.write_bytes(content)
    assert verify(library).ok


def test_a_damaged_label_chunk_names_its_particle(library: Path) -> None:
    data = library / LAST / "labels/c/0/0/0/0"
    content = bytearray(data.read_bytes())
    content[10] ^= 4
    data.write_bytes(content)
    assert problems(library) == (
        "shard 000001, labels/c/0/0/0/0: SHA-256 differs from the manifest",
        f"shard 000001, particle 2: labels cannot be read: {data}: chunk (0, 0, 0, 0) is damaged: "
        "its checksum is wrong",
    )


def change_json(path: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(path.read_bytes())
    path.write_bytes(files.json_bytes(change(document) or document))


def swap(a: Path, b: Path) -> None:
    aside = a.parent / "aside"
    a.rename(aside)
    b.rename(a)
    aside.rename(b)


def truncate(library: Path) -> None:
    os.truncate(library / FIRST / "grains/offset/c/0", 9)


def link(library: Path) -> None:
    target = library / FIRST / "grains/offset/c/0"
    shutil.copy(target, library.parent / "elsewhere")
    target.unlink()
    target.symlink_to(library.parent / "elsewhere")


def link_shard(library: Path) -> None:
    (library / LAST).rename(library.parent / "elsewhere")
    (library / LAST).symlink_to(library.parent / "elsewhere")


def lead_outside(library: Path) -> None:
    (library.parent / "secret").write_text("x")
    entry = {"path": "../../../secret", "bytes": 1, "sha256": "0" * 64}
    change_json(library / FIRST / "manifest.json", lambda d: d["files"].insert(0, entry))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "shard 000000, grains/offset/c/0: 9 bytes, the manifest says"),
        (link, "shard 000000, grains/offset/c/0: not a regular file"),
        (lead_outside, "shard 000000, ../../../secret: foreign to the manifest"),
        (lambda p: (p / FIRST / "halo/angle/c/0").unlink(), "shard 000000, halo/angle/c/0: missing"),
        (
            lambda p: (p / FIRST / "notes.txt").touch(),
            "shard 000000, notes.txt: foreign, not in the manifest",
        ),
        (lambda p: (p / "notes.txt").touch(), "notes.txt: foreign"),
        (lambda p: (p / "shards/000007").mkdir(), "shards/000007: foreign, expected 000000 to 000001"),
        (lambda p: (p / "shards/1").mkdir(), "shards/1: foreign"),
        (link_shard, "shards/000001: foreign"),
        (
            lambda p: change_json(p / FIRST / "manifest.json", lambda d: d["files"].append(d["files"][-1])),
            "file twice",
        ),
        (lambda p: shutil.rmtree(p / LAST), "shard 000001: missing from a library that was complete"),
        (lambda p: swap(p / FIRST, p / LAST), "shard 000000, manifest.json: says shard = 1, expected 0"),
        (lambda p: (p / FIRST / "manifest.json").unlink(), "shard 000000, manifest.json:"),
        (lambda p: (p / FIRST / "manifest.json").write_text("{}"), "manifest.json: is not a manifest"),
        (lambda p: (p / FIRST / "manifest.json").write_text("[" * 9_999), "manifest.json: "),
        (
            lambda p: change_json(p / FIRST / "manifest.json", lambda d: d["files"].append(3)),
            "an entry that is not",
        ),
        (
            lambda p: change_json(p / FIRST / "manifest.json", lambda d: d["files"].__delitem__(0)),
            "missing from the manifest",
        ),
        (lambda p: (p / "model.safetensors").write_bytes(b"other"), "model.safetensors: SHA-256 is not"),
        (lambda p: (p / "model.safetensors").unlink(), "model.safetensors: SHA-256 is not"),
        (lambda p: (p / "complete.json").write_text("?"), "complete.json: does not agree"),
        (
            lambda p: change_json(p / "complete.json", lambda d: d.update(particles=5)),
            "complete.json: does not agree",
        ),
        (lambda p: (p / "zarr.json").write_text("?"), "zarr.json: not a readable JSON file"),
        (
            lambda p: change_json(p / "zarr.json", lambda d: d["attributes"]["recipe"].update(seed=4)),
            "recipe_sha256",
        ),
    ],
)
def test_damage_is_named(library: Path, damage: Callable[[Path], Any], said: str) -> None:
    damage(library)
    found = problems(library)
    assert any(said in line for line in found), found


def test_files_swapped_between_shards_are_found(library: Path) -> None:
    for name in ("grains/position/c/0/0", "labels/c/0/0/0/0"):
        swap(library / FIRST / name, library / LAST / name)
    found = problems(library)
    for shard in ("000000", "000001"):
        assert any(line.startswith(f"shard {shard}, grains/position/c/0/0") for line in found)
        assert any(line.startswith(f"shard {shard}, labels/c/0/0/0/0") for line in found)


def test_a_shard_of_another_recipe_is_found(library: Path, tmp_path: Path) -> None:
    other = write_library(tmp_path / "other.zarr", **SMALL, seed=4)
    shutil.rmtree(library / FIRST)
    shutil.copytree(other / FIRST, library / FIRST)
    assert any("shard 000000, manifest.json: says recipe_sha256" in line for line in problems(library))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: {"volume": r.volume * np.float32(1.001)}, "particle 3: labels grain "),
        (lambda r: {"components": r.components + 1}, "particle 3: particles/disconnected is 0.0"),
        (lambda r: {"scalars": {**r.scalars, "volume_um3": 1.0}}, "particle 3: particles/volume_um3 is 1.0"),
        (lambda r: {"orientation": -r.orientation}, "particle 3: grains/orientation of grain 0 is"),
    ],
)
def test_a_shard_written_with_wrong_contents_is_found(
    tmp_path: Path, change: Callable[[Any], dict[str, Any]], said: str
) -> None:
    """All checksums are right here: the writer was wrong."""
    library, made = tmp_path / "lib.zarr", recipe(**SMALL)
    root.create_library(library, made, MODEL)
    with ShardWriter(library, 1, 2, made) as shard:
        shard.add(record(2))
        shard.add(replace(record(3), **change(record(3))))
        shard.commit()
    found = problems(library)
    assert found
    assert all(line.startswith("shard 000001, particle 3: ") for line in found)
    assert any(said.replace("0.0", "0") in line for line in found), found


@pytest.mark.parametrize(("version", "said"), [(2, "generate it again"), (99, "update nmcfast")])
def test_another_version_of_the_format_is_no_damage_unless_its_digest_differs(
    library: Path, version: int, said: str
) -> None:
    def as_then(document: Any) -> None:  # with fields of its own
        old = document["attributes"]["recipe"]
        document["attributes"]["recipe"] = {**{k: v for k, v in old.items() if k != "first"}, "format_version": version}
        document["attributes"]["recipe_sha256"] = shards.recipe_digest(document["attributes"]["recipe"])

    sound = (library / "zarr.json").read_bytes()
    change_json(library / "zarr.json", as_then)
    with pytest.raises(FormatVersionError, match=rf"zarr\.json: format version {version}, .*{said}$"):
        verify(library)
    (library / "zarr.json").write_bytes(sound)
    change_json(library / "zarr.json", lambda d: d["attributes"]["recipe"].update(format_version=version))
    assert "recipe_sha256 differs" in problems(library)[0]


def reseal(folder: Path, name: str, change: Callable[[np.ndarray], None]) -> None:
    """Change an array with zarr-python and make size and SHA-256 of its file right again in the manifest."""
    array: Any = zarr.open_array(folder / name, mode="r+")
    values = array[:]
    change(values)
    array[:] = values

    def refresh(document: Any) -> None:
        for entry in document["files"]:
            path = folder / entry["path"]
            entry.update(bytes=path.stat().st_size, sha256=files.sha256_file(path))

    change_json(folder / "manifest.json", refresh)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("particles/index", lambda a: a.__iadd__(1), "particles/index: not 2 to 3 in order"),
        (
            "particles/grain_start",
            lambda a: a.__setitem__(1, 0),
            "grain_start: not the running sum of particles/grains",
        ),
        ("particles/grain_start", lambda a: a.__setitem__(1, 2**63), "grain_start: not the running sum"),
        ("particles/halo", lambda a: a.__iadd__(1), "halo_start: not the running sum of particles/halo"),
        ("particles/box_shape", lambda a: a.__isub__(1), "labels: uint16"),
        (
            "grains/angle",
            lambda a: a.__setitem__(0, np.nan),
            "grains/angle: holds a value that is not finite",
        ),
        (
            "labels",
            lambda a: a.__setitem__((1, 5, 5, 5), 6),
            "particle 3: labels reach 6, the particle has 5 grains",
        ),
        ("labels", lambda a: a[1].__setitem__(a[1] == 2, 3), "particle 3: labels grain 1 has 0 voxels"),
    ],
)
def test_wrong_contents_with_right_checksums_are_found(
    library: Path, name: str, change: Callable[[np.ndarray], None], said: str
) -> None:
    reseal(library / LAST, name, change)
    found = [line for line in problems(library) if not line.startswith("complete.json")]
    assert any(said in line for line in found), found


def test_labels_outside_the_box_are_found(library: Path) -> None:
    boxes = [record(i).box_shape for i in (2, 3)]
    row, axis = next((r, a) for r in (0, 1) for a in range(3) if boxes[r][a] < boxes[1 - r][a])
    at = [row, 0, 0, 0]
    at[1 + axis] = int(boxes[row][axis])
    reseal(library / LAST, "labels", lambda a: a.__setitem__(tuple(at), 1))
    assert any(f"particle {2 + row}: labels outside the box are not 0" in line for line in problems(library))


def test_what_is_no_library_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file", tmp_path / "nothing"):
        with pytest.raises(InputError):
            verify(path)
