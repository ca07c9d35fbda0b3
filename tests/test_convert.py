"""nmcfast/library/convert.py: what is exported is what generation would have made, and nothing is half there."""

import errno
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from library_toys import record, tree, write_library
from test_generate import SMALL

from nmcfast import export_library, generate_library
from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError, MissingExtraError, NoSpaceError
from nmcfast.export import formats, zarr
from nmcfast.export.formats import BULK
from nmcfast.export.hinges import Mended
from nmcfast.export.verify import verify
from nmcfast.library import convert
from nmcfast.library.open import open_library


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("toys") / "toys.zarr", **zarr.encoders())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "lib.zarr"
    generate_library(path, SMALL, count=5, seed=3, shard_size=2)
    return path


@pytest.mark.parametrize("form", BULK)
def test_there_and_back_again_gives_the_same_library(toys: Path, tmp_path: Path, form: str) -> None:
    there = export_library(open_library(toys), tmp_path / "there", to=form)
    assert (there.made, there.present) == (7, 7)
    assert verify(there.path).ok
    for index in range(7):
        assert np.array_equal(open_library(there.path).labels(index), record(index).labels)
    back = export_library(open_library(there.path), tmp_path / "back.zarr", to="zarr")
    assert tree(back.path) == tree(toys)


@pytest.mark.parametrize("form", BULK)
def test_an_export_is_what_generation_would_have_made(library: Path, tmp_path: Path, form: str) -> None:
    export_library(open_library(library), tmp_path / "exported", to=form, voxel_size=0.07)
    generate_library(tmp_path / "made", SMALL, count=5, seed=3, shard_size=2, format=form, voxel_size=0.07)
    assert tree(tmp_path / "exported") == tree(tmp_path / "made")


def test_labels_are_made_for_a_library_without(tmp_path: Path) -> None:
    generate_library(tmp_path / "bare", SMALL, count=2, seed=3, labels=False)
    bare = open_library(tmp_path / "bare")
    kept = export_library(bare, tmp_path / "kept.h5", to="hdf5")
    assert not open_library(kept.path).recipe["labels"]
    export_library(bare, tmp_path / "labelled", to="zarr", voxel_size=0.05)
    generate_library(tmp_path / "made", SMALL, count=2, seed=3)
    assert tree(tmp_path / "labelled") == tree(tmp_path / "made")
    export_library(bare, tmp_path / "arrays", to="numpy", particles=range(1, 2))
    assert np.array_equal(
        np.load(tmp_path / "arrays/000001/particle.npz")["labels"], open_library(tmp_path / "made").labels(1)
    )


def test_a_slice_keeps_the_numbers_of_its_particles(toys: Path, tmp_path: Path) -> None:
    export_library(open_library(toys), tmp_path / "slice.h5", to="hdf5", particles=range(2, 6))
    assert verify(tmp_path / "slice.h5").ok
    cut = open_library(tmp_path / "slice.h5")
    assert (len(cut), cut.numbers, cut.table["index"].tolist()) == (4, range(2, 6), [2, 3, 4, 5])
    assert np.array_equal(cut.labels(5), record(5).labels)
    for index in (1, 6):
        with pytest.raises(IndexError, match=rf"particle {index} of 4: expected 2 to 5"):
            cut.record(index)
    export_library(cut, tmp_path / "again.zarr", to="zarr", particles=range(3, 5))
    assert open_library(tmp_path / "again.zarr").record(4).index == 4
    with pytest.raises(InputError, match=r"particles: found 1:3, .*slice\.h5 has 2:6"):
        export_library(cut, tmp_path / "other", to="zarr", particles=range(1, 3))


@pytest.mark.parametrize("part", [range(8), range(7, 8), range(3, 3), range(0, 6, 2)])
def test_particles_that_are_not_there_are_refused(toys: Path, tmp_path: Path, part: range) -> None:
    for to in ("hdf5", "numpy"):
        with pytest.raises(InputError, match=rf"particles: found {part.start}:{part.stop}, .* has 0:7"):
            export_library(open_library(toys), tmp_path / "out", to=to, particles=part)
    assert not any(tmp_path.iterdir())


def test_decks_get_labels_of_any_voxel_size_in_a_folder_a_particle(library: Path, tmp_path: Path) -> None:
    done = export_library(open_library(library), tmp_path / "out", to="numpy", particles=range(1, 4), voxel_size=0.08)
    assert (done.made, done.present, done.root_sha256) == (3, 3, None)
    assert sorted(tree(tmp_path / "out")) == [
        "000001/particle.npz",
        "000002/particle.npz",
        "000003/particle.npz",
        "export.json",
    ]
    for index in (1, 2, 3):
        particle, held = open_library(library)[index], np.load(tmp_path / f"out/{index:06d}/particle.npz")
        volume = particle.voxelize(0.08)
        assert np.array_equal(held["labels"], volume.labels)
        assert np.array_equal(held["origin"], volume.origin)
        assert (held["voxel_size"], held["index"]) == (0.08, index)
        assert np.array_equal(held["orientation"], particle.grains.orientation)
        assert held["sphericity"] == particle.facts["sphericity"]


def test_an_interrupted_export_goes_on(library: Path, tmp_path: Path) -> None:
    def stop(index: int) -> None:
        if index == 3:
            raise KeyboardInterrupt

    for to, whole in (("numpy", tmp_path / "whole"), ("hdf5", tmp_path / "whole.h5")):
        export_library(open_library(library), whole, to=to)
        parts = whole.with_name(f"parts of {to}")
        with pytest.raises(KeyboardInterrupt):
            export_library(open_library(library), parts, to=to, progress=stop)
        assert not list(tmp_path.rglob(".tmp-*"))
        done = export_library(open_library(library), parts, to=to)
        assert done.made < done.present
        assert tree(parts) == tree(whole)


def test_an_output_of_something_else_is_left_alone(library: Path, tmp_path: Path) -> None:
    opened = open_library(library)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years")
    (tmp_path / "file").write_text("x")
    for name in ("thesis", "file"):
        for to in ("numpy", "hdf5"):
            for overwrite in (False, True):
                with pytest.raises(InputError, match=name):
                    export_library(opened, tmp_path / name, to=to, overwrite=overwrite)
    with pytest.raises(InputError, match="is the library itself"):
        export_library(opened, library, to="numpy", overwrite=True)
    export_library(opened, tmp_path / "out", to="numpy", particles=range(2))
    with pytest.raises(InputError, match=r"out: exists and is not this export .* or --overwrite"):
        export_library(opened, tmp_path / "out", to="numpy", particles=range(3))
    export_library(opened, tmp_path / "out", to="numpy", particles=range(3, 4), overwrite=True)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000003", "export.json"]
    assert (tmp_path / "thesis" / "thesis.tex").read_text() == "years"


def test_a_damaged_or_unfinished_library_says_so(library: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    data = copy / "shards/000001/labels/c/0/0/0/0"
    content = bytearray(data.read_bytes())
    content[10] ^= 4
    data.write_bytes(content)
    for to in ("hdf5", "numpy"):
        with pytest.raises(DamageError, match=r"000001/labels/.* is damaged"):
            export_library(open_library(copy), tmp_path / to, to=to)
    (copy / "complete.json").unlink()
    shutil.rmtree(copy / "shards/000001")
    with pytest.raises(InputError, match="shard 000001 is missing"):
        export_library(open_library(copy), tmp_path / "numpy", to="numpy")
    assert sorted(p.name for p in (tmp_path / "numpy").iterdir()) == ["000000", "000001", "export.json"]
    assert not list(tmp_path.rglob(".tmp-*"))


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"another model")])
def test_a_model_file_that_is_not_the_recipes_is_damage(library: Path, tmp_path: Path, damage: Any) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.zarr")
    damage(copy / "model.safetensors")
    for to, options in (("hdf5", {}), ("numpy", {"voxel_size": 0.2})):  # copied; needed for the labels
        with pytest.raises(DamageError, match=r"copy\.zarr/model\.safetensors: .*: restore it from a copy"):
            export_library(open_library(copy), tmp_path / to, to=to, **options)
    with pytest.raises(DamageError, match=r"model\.safetensors"):
        generate_library(copy, SMALL, count=5, seed=3, shard_size=2)


@pytest.mark.parametrize("to", sorted({*formats.DECKS} - {"parquet", "pybamm"}))
def test_voxels_too_large_to_lie_in_the_particle_are_refused(library: Path, tmp_path: Path, to: str) -> None:
    with pytest.raises(InputError, match=r"particle 1: no voxel of 100 µm has its centre in it: choose smaller"):
        export_library(open_library(library), tmp_path / "out", to=to, particles=range(1, 2), voxel_size=100.0)
    assert not any(tmp_path.iterdir()), "a refused export leaves nothing"


def test_a_refused_export_leaves_a_folder_that_was_there_empty(library: Path, tmp_path: Path) -> None:
    for to in ("gmsh", "hdf5"):
        (tmp_path / to).mkdir()
        with pytest.raises(InputError):
            export_library(open_library(library), tmp_path / to, to=to, particles=range(1, 2), voxel_size=1e-4)
        assert not list((tmp_path / to).glob("*")) if (tmp_path / to).exists() else to == "hdf5"


def loose_ends() -> np.ndarray:
    """A slab of two grains, a voxel that shares a corner with it, one that shares an edge, one far away."""
    labels = np.zeros((6, 6, 9), np.uint16)
    labels[1:3, 1:4, 1:3], labels[1:3, 1:4, 3:5] = 1, 2
    labels[3, 4, 5] = labels[3, 2, 5] = labels[5, 5, 8] = 2
    return labels


@pytest.mark.parametrize("to", sorted(formats.ELEMENTS))
def test_elements_hang_together_and_what_that_took_is_counted(library, tmp_path, monkeypatch, to) -> None:
    made = replace(convert.deck_of(open_library(library), 1, 0.2), labels=loose_ends())
    monkeypatch.setattr(convert, "deck_of", lambda _library, index, _size: replace(made, index=index))
    done = export_library(open_library(library), tmp_path / "mended", to=to, particles=range(1, 3))
    assert done.cells == Mended(loose_parts=6, loose_voxels=6, filled_voxels=0, voxels=48)
    settings = json.loads((tmp_path / "mended" / "export.json").read_text())
    assert settings["loose"] == "mend" and settings["cells"]["loose_voxels"] == 6
    again = export_library(open_library(library), tmp_path / "mended", to=to, particles=range(1, 3))
    assert (again.made, again.cells) == (0, done.cells)
    kept = export_library(open_library(library), tmp_path / "kept", to=to, particles=range(1, 2), loose="keep")
    assert kept.cells is None and not (tmp_path / "kept" / "000001" / "cells.json").exists()
    sizes = [sum(p.stat().st_size for p in (tmp_path / name / "000001").iterdir()) for name in ("mended", "kept")]
    assert sizes[0] != sizes[1]
    with pytest.raises(InputError, match="exists and is not this export"):
        export_library(open_library(library), tmp_path / "kept", to=to, particles=range(1, 2))
    with pytest.raises(InputError, match="--loose: found 'drop', expected one of mend, keep"):
        export_library(open_library(library), tmp_path / "other", to=to, loose="drop")


def use(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    monkeypatch.setitem(formats.DECKS, "made-up", "made_up")
    monkeypatch.setitem(sys.modules, "made_up", SimpleNamespace(**functions))


def test_a_full_disk_is_one_clear_error(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(deck: Any, folder: Path) -> list[Path]:
        (folder / "part").write_text("x")
        raise OSError(errno.ENOSPC, "No space left on device")

    use(monkeypatch, write=write)
    with pytest.raises(NoSpaceError, match=r"out/000000: no space left on the disk; what is finished is intact"):
        export_library(open_library(library), tmp_path / "out", to="made-up")
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def write(deck: Any, folder: Path) -> list[Path]:
        raise MissingExtraError("format 'made-up' needs madeup: pip install 'nmcfast[solvers]'")

    use(monkeypatch, write=write)
    code = main(["export", str(library), "--to", "made-up", "--output", str(tmp_path / "out")])
    assert (code, capsys.readouterr().err) == (
        2,
        "nmcfast: format 'made-up' needs madeup: pip install 'nmcfast[solvers]'\n",
    )


def test_a_format_over_all_particles_gets_their_rows(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    def write_table(table: np.ndarray, folder: Path) -> list[Path]:
        seen.append(table)
        return []

    use(monkeypatch, write_table=write_table)
    export_library(open_library(library), tmp_path / "out", to="made-up", particles=range(1, 4))
    assert np.array_equal(seen[0], open_library(library).index([1, 2, 3]))


def test_the_command(library: Path, tmp_path: Path, capsys) -> None:
    arguments = ["export", str(library), "--particles", "1:3", "--to", "hdf5", "--output", str(tmp_path / "out.h5")]
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert not err
    assert (said["made"], said["particles"], said["format"]) == (2, 2, "hdf5")
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/out.h5: 0 particles written, 2 there, complete, root hash")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "jpeg"), "format 'jpeg' is not known, expected one of"),
        (("--to", "hdf5", "--particles", "1"), "--particles: found '1', expected I:J"),
        (("--to", "hdf5", "--particles", "3:9"), "particles: found 3:9"),
        (("--to", "hdf5", "--voxel-size", "0"), "voxel_size: found 0.0 µm, expected a positive number"),
        (("--to", "numpy", "--voxel-size", "nan"), "voxel_size: found nan µm"),
        (("--to", "numpy", "--voxel-size", "1e-6"), "voxel_size: 1e-06 µm needs"),
    ],
)
def test_bad_options_are_one_line_and_exit_2(
    library: Path, tmp_path: Path, capsys, arguments: tuple[str, ...], said: str
) -> None:
    assert main(["export", str(library), "--output", str(tmp_path / "out"), *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1
    assert said in err
