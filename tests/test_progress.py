"""What a long run says of itself: a line a minute off a terminal, what it will take, counted from what is there."""

import argparse
import re
import shutil
from pathlib import Path

import pytest
from test_generate import SMALL

from nmcfast.bulk import generate_library
from nmcfast.cli import bars, main
from nmcfast.export.verify import verify
from nmcfast.library.check import verify_library
from nmcfast.plan import Plan
from nmcfast.progress import human_bytes, human_time

OPTIONS = argparse.Namespace(quiet=False)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("half") / "lib"
    generate_library(path, SMALL, count=8, seed=3, shard_size=2, labels=False, shard_range=range(2))
    return path


def test_a_plan_knows_what_is_there_and_what_it_weighs(half: Path, tmp_path: Path) -> None:
    path, plans = shutil.copytree(half, tmp_path / "lib"), list[Plan]()
    given = {"count": 8, "seed": 3, "shard_size": 2, "labels": False, "begun": plans.append}
    told: list[int] = []
    generate_library(path, SMALL, **given, shard_range=range(1, 3), progress=lambda index, _: told.append(index))
    assert [(p.particles, p.there) for p in plans] == [(4, 2)] and told == [4, 5]
    stored = sum(p.stat().st_size for p in (path / "shards").rglob("*/*") if p.is_file())
    assert plans[0].bytes_each() == stored / 6
    assert Plan(path.parent, {}, 1, 0).path == path.parent


def test_a_run_says_what_it_will_take_and_then_a_line_a_minute(half: Path, monkeypatch, capsys) -> None:
    now = [0.0]
    monkeypatch.setattr("nmcfast.progress.EVERY", 0.0)
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    recipe = {"count": 8, "first": 0, "shard_size": 2}
    with bars.ParticleBar(OPTIONS, None) as bar:
        bar.begin(Plan(half, recipe, 1000, 400))
        for index in range(4):
            now[0] += 4.0
            bar(index, 1)
    lines = capsys.readouterr().err.splitlines()
    foreseen = [line for line in lines if "more and" in line]
    each = Plan(half, recipe, 1000, 400).bytes_each() or 0.0
    size = human_bytes(1000 * each)
    said = f"nmcfast: about 40 min more and {size} in all: 1000 particles, 0.25 a second, 400 were there before"
    assert foreseen == [said]  # (1000 − 400 − 3) / 0.25 s, and once only
    last = next(line for line in reversed(lines) if line.startswith("nmcfast: generating: "))
    assert last.startswith("nmcfast: generating: 404 of 1000 particles, ") and "40 %" in last
    assert re.search(r"particles/s|s/particles", last) and " left, rejected=4" in last
    assert f"stored={human_bytes(404 * each)} of {size}" in last


def test_a_short_run_says_nothing(half: Path, capsys) -> None:
    with bars.ParticleBar(OPTIONS, None) as bar:
        bar.begin(Plan(half, {"count": 8, "first": 0, "shard_size": 2}, 8, 4))
        for index in range(4):
            bar(index, 0)
    assert not capsys.readouterr().err


def test_a_quick_rate_foresees_no_long_run(half: Path, monkeypatch, capsys) -> None:
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    with bars.ParticleBar(OPTIONS, None) as bar:
        bar.begin(Plan(half, {"count": 8, "first": 0, "shard_size": 2}, 8, 4))
        for index in range(4):
            now[0] += 11.0
            bar(index, 0)
    assert not capsys.readouterr().err


def test_people_are_told_in_units_they_use() -> None:
    assert [human_bytes(n) for n in (0, 999, 1_234_000, 4.1e10, 2.64e14)] == [
        "0 B",
        "999 B",
        "1.23 MB",
        "41 GB",
        "264 TB",
    ]
    assert [human_time(s) for s in (7, 89, 90, 7_200, 130_000)] == ["7 s", "89 s", "1.5 min", "2 h", "1.5 days"]


def test_verify_on_two_workers_finds_the_same(half: Path, tmp_path: Path, capsys) -> None:
    path = shutil.copytree(half, tmp_path / "lib")
    seen: list[tuple[int, int]] = []
    assert verify_library(path, lambda *told: seen.append(told), workers=2) == verify(path)
    assert seen == [(1, 2), (2, 2)]
    data = path / "shards/000001/grains/offset/c/0"
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    assert verify_library(path, workers=2) == verify(path) and verify(path).damaged == (1,)
    assert main(["verify", str(path), "--workers", "2"]) == 3
    assert "shard 000001, grains/offset/c/0: SHA-256 differs" in capsys.readouterr().out
