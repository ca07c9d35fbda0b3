"""Particles are found again by number, and what cannot be found says so in one line."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from library_toys import MODEL, recipe, record, write_library, write_shard

from nmcfast.errors import DamageError, InputError
from nmcfast.export import files, root, schema
from nmcfast.library.open import open_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("library") / "lib.zarr")


def test_every_particle_comes_back(library: Path) -> None:
    opened = open_library(str(library))
    assert len(opened) == 7
    assert opened.complete
    assert opened.recipe == recipe()
    for index in (6, 0, 3, 2, 5, 4, 1):
        made, found = record(index), opened.record(index)
        assert found.index == index
        assert found.scalars == dict(made.scalars)
        assert made.labels is not None
        for name in ("coefficients", "position", "components", "halo_diagonal", "halo_angle", "box_origin"):
            assert np.array_equal(getattr(found, name), getattr(made, name)), name
        assert np.array_equal(opened.labels(index), made.labels)
        assert np.array_equal(opened.label_slice(index, 8), made.labels[8])


def test_the_table_has_one_row_a_particle_in_order(library: Path) -> None:
    table = open_library(library).table
    assert table.dtype == schema.table_dtype()
    assert table["index"].tolist() == list(range(7))
    assert table["halo"].tolist() == [record(i).halo for i in range(7)]
    assert np.array_equal(table["box_origin"], [record(i).box_origin for i in range(7)])


def test_particles_are_made_of_record_and_model(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def model_from_bytes(data: bytes, where: str) -> Any:
        assert (data, where) == (MODEL, f"{library}/model.safetensors")
        return SimpleNamespace(grains=SimpleNamespace(norm="squared"))

    monkeypatch.setattr("nmcfast.model.model_from_bytes", model_from_bytes)
    opened, made = open_library(library), record(5)
    particle = opened[5]
    assert (particle.index, particle.norm) == (5, "squared")
    assert np.array_equal(particle.grains.position, made.position)
    assert np.array_equal(particle.domain, [made.domain_lower, made.domain_upper])
    assert [p.index for p in opened] == list(range(7))


@pytest.mark.parametrize("index", [-1, 7, 10**12])
def test_numbers_out_of_range_say_what_there_is(library: Path, index: int) -> None:
    opened = open_library(library)
    for read in (opened.record, opened.labels, opened.__getitem__):
        with pytest.raises(IndexError, match=rf"particle {index} of 7: expected 0 to 6"):
            read(index)
    with pytest.raises(TypeError):
        opened.record(1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("z", [-1, 99])
def test_planes_out_of_range_say_what_there_is(library: Path, z: int) -> None:
    with pytest.raises(IndexError, match=rf"plane {z} of particle 2, which has \d+: 0 to \d+"):
        open_library(library).label_slice(2, z)


def test_a_box_of_labels_is_part_of_them(library: Path) -> None:
    labels = record(2).labels
    assert labels is not None
    opened, upper = open_library(library), labels.shape
    assert np.array_equal(opened.label_box(2, (1, 2, 3), upper), labels[1:, 2:, 3:])
    assert opened.label_box(2, (4, 4, 4), (4, 6, 6)).shape == (0, 2, 2)
    for lower, stop in (((-1, 0, 0), upper), ((0, 0, 0), (99, 1, 1)), ((2, 0, 0), (1, 1, 1))):
        with pytest.raises(IndexError, match="of particle 2, whose box is"):
            opened.label_box(2, lower, stop)


def test_an_incomplete_library_gives_what_it_has(tmp_path: Path) -> None:
    library, made = tmp_path / "lib.zarr", recipe()
    root.create_library(library, made, MODEL)
    assert len(open_library(library).table) == 0
    write_shard(library, 1, made)
    opened = open_library(library)
    assert not opened.complete
    assert opened.missing_shards == [0, 2]
    assert opened.table["index"].tolist() == [3, 4, 5]
    assert opened.record(4).index == 4
    assert repr(opened) == f"<Library {library}: 7 particles, 1 of 3 shards>"
    with pytest.raises(InputError, match="shard 000002 is missing, 1 of 3 shards: continue with"):
        opened.labels(6)
    write_shard(library, 2, made)
    assert opened.record(6).index == 6


def test_a_shard_missing_from_a_complete_library_is_damage(library: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    shutil.rmtree(copy / "shards/000001")
    with pytest.raises(DamageError, match="shard 000001 is missing, 2 of 3 shards, and the library was complete"):
        open_library(copy).record(3)


def test_a_library_without_labels_says_so(tmp_path: Path) -> None:
    library = write_library(tmp_path / "lib.zarr", labels=False, count=2)
    opened = open_library(library)
    assert opened.record(1).index == 1
    assert not (library / "shards/000000/labels").exists()
    with pytest.raises(InputError, match="holds no labels"):
        opened.labels(1)


def test_shards_stay_readable_beyond_those_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcfast.library.stored._OPEN_SHARDS", 1)
    opened = open_library(write_library(tmp_path / "lib.zarr"))
    assert [opened.record(i).index for i in (0, 6, 3, 0)] == [0, 6, 3, 0]
    assert len(opened._readers) == 1


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("{}")
    foreign = tmp_path / "foreign.zarr"
    (foreign / "shards").mkdir(parents=True)
    (foreign / "zarr.json").write_bytes(files.json_bytes(root.group_document()))
    for name, said in (
        ("nothing", "nothing: no such library"),
        ("folder", "folder: not an nmcfast library"),
        ("file", "file: not an nmcfast library"),
        ("foreign.zarr", "zarr.json: attribute kind is not 'nmcfast library'"),
    ):
        with pytest.raises(InputError, match=said):
            open_library(tmp_path / name)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 10_000, b'{"attributes": 3}'])
def test_a_broken_root_document_is_refused(tmp_path: Path, text: bytes) -> None:
    library = tmp_path / "lib.zarr"
    root.create_library(library, recipe(), MODEL)
    (library / "zarr.json").write_bytes(text)
    with pytest.raises(InputError, match=r"zarr\.json: ") as caught:
        open_library(library)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["NaN", "1e999", r'"\ud800"'])
def test_what_python_reads_beyond_json_is_refused(tmp_path: Path, value: str) -> None:
    library = tmp_path / "lib.zarr"
    root.create_library(library, recipe(), MODEL)
    text = (library / "zarr.json").read_text()
    (library / "zarr.json").write_text(text.replace('"seed": 3', f'"seed": 3, "extra": {value}'))
    with pytest.raises(InputError, match=r"zarr\.json: not a readable JSON file"):
        open_library(library)


def test_a_changed_recipe_is_damage(tmp_path: Path) -> None:
    library = tmp_path / "lib.zarr"
    root.create_library(library, recipe(), MODEL)
    text = (library / "zarr.json").read_text()
    (library / "zarr.json").write_text(text.replace('"seed": 3', '"seed": 4'))
    with pytest.raises(DamageError, match="recipe_sha256 differs"):
        open_library(library)
