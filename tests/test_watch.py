"""nmcfast/library/watch.py: a library in the making, seen from outside."""

import json
import os
import time
from pathlib import Path

import pytest
from library_toys import empty_library, write_shard

from nmcfast.cli import info, main
from nmcfast.export import root
from nmcfast.library.watch import Look, look_at, said, watch


def test_a_look_tells_what_is_there_and_how_fast_it_comes(tmp_path: Path) -> None:
    path, made = empty_library(tmp_path, count=10)
    assert said(look_at(path)) == "0 of 10 particles (0%), 0 of 4 shards, 0 in work"
    now = time.time()
    for number, age in ((0, 300.0), (2, 200.0), (3, 100.0)):
        write_shard(path, number, made)
        os.utime(path / f"shards/00000{number}", (now - age, now - age))
    (path / "shards/.tmp-host-1-00000000-000001").mkdir()
    look = look_at(path)
    assert (look.shards, look.of_shards, look.particles, look.of_particles, look.drafts) == (3, 4, 7, 10, 1)
    assert look.rate == pytest.approx(7 / 3 * 2 / 200.0) and look.age == pytest.approx(100.0, abs=20.0)
    assert look.bytes_each is not None and not look.sealed
    line = said(look)
    assert line.startswith("7 of 10 particles (70%), 3 of 4 shards, ")
    assert "1 in work, 0.0233 a second, 2.1 min left, the last " in line


def test_watching_ends_when_the_library_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = empty_library(tmp_path, count=4, shard_size=2)
    steps = [lambda: write_shard(path, 0, made), lambda: write_shard(path, 1, made), lambda: root.finish_library(path)]
    monkeypatch.setattr("nmcfast.library.watch.time.sleep", lambda _: steps.pop(0)())
    looks: list[Look] = [*watch(path, 60.0)]
    assert [(look.particles, look.sealed) for look in looks] == [(0, False), (2, False), (4, False), (4, True)]
    assert said(looks[-1]).endswith(", complete")


def test_the_command_says_each_look_and_then_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path, _ = empty_library(tmp_path, count=4)
    looks = [Look(1, 2, 3, 4, 0, None, None, None, False), Look(2, 2, 4, 4, 0, None, None, None, True)]
    monkeypatch.setattr("nmcfast.library.watch.watch", lambda library, every: iter(looks) if every > 2.0 else None)
    monkeypatch.setattr("nmcfast.library.summary.summarise", lambda _: {"path": "lib"})
    monkeypatch.setattr("nmcfast.library.summary.short_lines", lambda _: ["the summary"])
    assert main(["info", str(path), "--watch"]) == 0
    out, err = capsys.readouterr()
    assert out == "the summary\n"
    assert err.splitlines()[0] == "nmcfast: 3 of 4 particles (75%), 1 of 2 shards, 0 in work"
    assert main(["info", str(path), "--watch", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("particles") for line in lines] == [3, 4, None]
    assert info._ELSEWHERE == 60.0


def test_only_what_is_here_can_be_watched(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["info", "s3://bucket/lib", "--watch"]) == 2
    assert main(["info", str(tmp_path / "none"), "--watch"]) == 2
    assert all(len(line) < 200 for line in capsys.readouterr().err.splitlines())
