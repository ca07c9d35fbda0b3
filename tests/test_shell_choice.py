"""Shells that are chosen: the first of the stream that meets a condition, one at a time as in tables."""

import numpy as np
import pytest
from test_cli import call
from test_generate import SMALL, tree

from nmcfast import generate_particle, load_model, open_library
from nmcfast.bulk import generate_library
from nmcfast.errors import InputError
from nmcfast.generate import particle_digest
from nmcfast.shells.choice import COLUMNS, check_condition, describe, draw_chosen, meets, shell_table
from nmcfast.shells.descriptors import shell_descriptors
from nmcfast.shells.shell import draw_shell, faults

LAW = load_model("nmc811").shell
WHERE = "d_max > 9 and sphericity > 0.8"


def one_by_one(index: int, first: int = 0) -> tuple[np.ndarray, dict[str, int]]:
    """The definition: attempts of a particle in turn, each described as a library describes it."""
    rejected = dict.fromkeys(("size", "radius", "volume", "where"), 0)
    for attempt in range(first, 100_000):
        drawn = LAW.draw(5, index, attempt)
        fault = int(faults(LAW, drawn[None])[0])
        if fault >= 0:
            rejected[("size", "radius", "volume")[fault]] += 1
            continue
        found = shell_descriptors(drawn)
        if np.float32(found["d_max"]) > 9 and np.float32(found["sphericity"]) > 0.8:
            return drawn, rejected
        rejected["where"] += 1
    raise AssertionError("no shell")


@pytest.mark.parametrize(("index", "first"), [(0, 0), (1, 0), (2, 7), (3, 0), (2**63, 0)])
def test_the_first_attempt_that_meets_the_condition_is_taken(index: int, first: int) -> None:
    shell, rejected = draw_chosen(LAW, 5, index, WHERE, first=first)
    wanted, counts = one_by_one(index, first)
    assert np.array_equal(shell.coefficients, wanted) and rejected == counts


def test_a_condition_that_all_meet_changes_no_shell() -> None:
    for index in range(6):
        shell, rejected = draw_chosen(LAW, 5, index, "d_max > 0")
        wanted, counts = draw_shell(LAW, 5, index)
        assert np.array_equal(shell.coefficients, wanted.coefficients)
        assert rejected == {**counts, "where": 0}


def test_rare_shells_are_found_beyond_the_first_batches() -> None:
    shell, rejected = draw_chosen(LAW, 1, 0, "d_max > 25")
    assert shell.descriptors()["d_max"] > 25 and sum(rejected.values()) > 100


def test_many_are_described_as_one_is() -> None:
    table, rejected = shell_table(LAW, 5, 1500, hull=False, threads=2)
    assert table["index"].tolist() == list(range(1500)) and rejected > 0
    for index in (0, 1023, 1024, 1499):
        found = draw_shell(LAW, 5, index)[0].descriptors()
        for name, value in (("d_max", "d_max"), ("shell_volume_um3", "volume"), ("sphericity", "sphericity")):
            assert table[name][index] == table[name].dtype.type(found[value]), name
    part, _ = shell_table(LAW, 5, 1500, where="d_max > 9", threads=1)
    assert part["index"].tolist() == np.flatnonzero(table["d_max"] > 9).tolist()


def test_compactness_is_computed_where_it_is_asked_for() -> None:
    drawn = np.stack([draw_shell(LAW, 5, index)[0].coefficients for index in range(3)])
    assert set(describe(drawn, {"compactness"})) == set(COLUMNS) == {*describe(drawn), "compactness"}
    compact = np.array([shell_descriptors(row)["compactness"] for row in drawn])
    assert meets(drawn, f"compactness > {compact.mean()}").tolist() == (compact > compact.mean()).tolist()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("grains > 100", r"no 'grains' before there are grains, expected some of d_max"),
        ("d_max +", "cannot be read"),
        ("d_max + 1", "gives numbers, expected a condition"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_before_anything_is_made(where, said, tmp_path) -> None:
    with pytest.raises(InputError, match=said):
        check_condition(where)
    with pytest.raises(InputError, match=said):
        generate_library(tmp_path / "lib", SMALL, count=1, where=where)
    with pytest.raises(InputError, match=said):
        generate_particle(SMALL, where=where)
    assert not list(tmp_path.iterdir())


def test_a_condition_that_nothing_meets_says_what_shells_are_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcfast.shells.choice.MOST_DRAWS", 2000)
    with pytest.raises(
        InputError, match=r"none of 2000 shells of particle 3 meets it; the last \d+ have d_max [\d.]+ to"
    ):
        draw_chosen(LAW, 5, 3, "sphericity > 2")


def test_a_library_of_chosen_shells_says_so_and_is_the_same_for_any_workers(tmp_path) -> None:
    where = "aspect_ratio < 1.05"
    for name, workers in (("one", 1), ("two", 2)):
        generate_library(tmp_path / name, SMALL, count=4, seed=3, shard_size=2, where=where, workers=workers)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    library = open_library(tmp_path / "one")
    assert library.recipe["where"] == where and (library.table["aspect_ratio"] < 1.05).all()
    for index in range(4):
        wanted = generate_particle(SMALL, seed=3, index=index, where=where)
        assert particle_digest(library[index]) == particle_digest(wanted)
        assert library.table["rejected_where"][index] == draw_chosen(SMALL.shell, 3, index, where)[1]["where"]
    with pytest.raises(InputError, match="made with where"):
        generate_library(tmp_path / "one", SMALL, count=4, seed=3, shard_size=2)


def test_the_table_of_shells_is_a_parquet_file(capsys, tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path = tmp_path / "shells.parquet"
    code, out, _ = call(capsys, "shells", path, "--count", 2000, "--seed", 5, "--where", "d_max > 9")
    table = parquet.read_table(path)
    wanted, _ = shell_table(LAW, 5, 2000, where="d_max > 9")
    assert code == 0 and f"{len(wanted['index'])} shells of 2000" in out
    assert all(np.array_equal(table[name].to_numpy(), values) for name, values in wanted.items())
    code, _, err = call(capsys, "shells", path)
    assert code == 2 and "exists; choose another name or add --overwrite" in err[0]
