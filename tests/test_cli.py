"""The program `nmcfast` as its user sees it: what it prints, where, and the exit code."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from test_generate import SMALL, tree

from nmcfast import load_model
from nmcfast.bulk import generate_library
from nmcfast.cli import main
from nmcfast.export.files import json_bytes
from nmcfast.export.shards import recipe_digest

PROGRAM = [sys.executable, "-m", "nmcfast"]


def call(capsys, *arguments):
    """Exit code, stdout and the lines of stderr of one command."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as end:  # argparse
        code = end.code
    out, err = capsys.readouterr()
    return code, out, err.strip().splitlines()


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    path.write_bytes(SMALL.to_bytes())
    return path


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("libraries") / "lib.zarr"
    generate_library(path, SMALL, count=6, seed=3, shard_size=2)
    return path


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("models",),
        ("generate",),
        ("verify",),
        ("info",),
        ("export",),
        ("release",),
        ("reproduce",),
        ("calibrate", "shells"),
        ("calibrate", "grains"),
    ],
)
def test_every_command_has_help_with_an_example(capsys, command):
    code, out, _ = call(capsys, *command, "--help")
    assert code == 0
    assert not command or f"example:\n  nmcfast {' '.join(command)}" in out


def test_models(capsys):
    code, out, _ = call(capsys, "models", "--json")
    assert code == 0 and json.loads(out)["nmc811"]["sha256"] == load_model("nmc811").digest
    code, text, _ = call(capsys, "models")
    card = (Path(__file__).parents[1] / "docs" / "model_card.md").read_text(encoding="utf-8")
    for name, said in json.loads(out).items():
        assert f"{name}\n  good for: {said['good_for']}\n  verdict: {said['verdict']}\n" in text
        assert f"| `{name}` | {said['good_for']} |" in card  # the card and the program say the same
    assert "d_max" in json.loads(out)["nmc-ct"]["verdict"] and "never compared" in json.loads(out)["nmc811"]["verdict"]


def test_generate_verify_info(capsys, tmp_path, model_file):
    out_path = tmp_path / "lib.zarr"
    options = ("--model", model_file, "--count", 4, "--seed", 9, "--shard-size", 2, "--json")
    code, out, err = call(capsys, "generate", out_path, *options)
    made = json.loads(out)
    assert (code, made["shards"], made["of"]) == (0, 2, 2) and len(err) == 1 and "verdict: none" in err[0]
    code, out, _ = call(capsys, "verify", out_path, "--json")
    assert code == 0 and json.loads(out)["ok"] and json.loads(out)["complete"]
    code, out, _ = call(capsys, "info", out_path, "--json")
    assert code == 0 and json.loads(out)["recipe"]["seed"] == 9
    code, out, _ = call(capsys, "generate", out_path, *options)
    assert code == 0 and json.loads(out)["shards_made"] == 0
    assert json.loads(out)["root_sha256"] == made["root_sha256"]


def test_options_from_a_file_yield_to_those_of_the_command(capsys, tmp_path, model_file):
    (tmp_path / "run.toml").write_text(f'count = 3\nseed = 4\nno_labels = true\nmodel = "{model_file}"\n')
    code, *_ = call(capsys, "generate", tmp_path / "lib", "--config", tmp_path / "run.toml", "--seed", 5)
    assert code == 0
    code, out, _ = call(capsys, "info", tmp_path / "lib", "--json")
    recipe = json.loads(out)["recipe"]
    assert (recipe["count"], recipe["seed"], recipe["labels"]) == (3, 5, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cuont = 3", "cuont is not an option"),
        ("count = 'x'", "count = 'x', expected int"),
        ("count =", "not TOML"),
    ],
)
def test_a_wrong_config_is_refused(capsys, tmp_path, text, said):
    (tmp_path / "run.toml").write_text(text)
    code, _, err = call(capsys, "generate", tmp_path / "lib", "--config", tmp_path / "run.toml")
    assert code == 2 and len(err) == 1 and said in err[0] and "run.toml" in err[0]
    assert not (tmp_path / "lib").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "nmc999"), "'nmc999' is neither a file nor a model"),
        (("--voxel-size", "0"), "voxel_size: found 0.0"),
        (("--voxel-size", "-1"), "voxel_size: found -1.0"),
        (("--count", "0"), "count: found 0"),
        (("--format", "jpeg"), "format 'jpeg' is not known"),
        (("--workers", "many"), "--workers: found 'many'"),
        (("--shards", "3"), "--shards: found '3'"),
        (("--count", "5", "--shards", "0:6"), "shards: found 0:6, the library has 5"),
    ],
)
def test_bad_options_are_one_line_exit_2_and_nothing_written(capsys, tmp_path, arguments, said):
    code, out, err = call(capsys, "generate", tmp_path / "lib", *arguments)
    assert code == 2 and not out and len(err) == 1 and said in err[0]
    assert not any(tmp_path.iterdir())


def test_a_voxel_size_too_small_for_the_memory_says_what_it_needs(capsys, tmp_path, model_file):
    code, _, err = call(capsys, "generate", tmp_path / "lib", "--model", model_file, "--voxel-size", "1e-4")
    assert code == 2 and len(err) == 1 and "GiB" in err[0] and "or more" in err[0]


def test_a_model_file_cut_short(capsys, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(SMALL.to_bytes()[:-10])
    code, _, err = call(capsys, "generate", tmp_path / "lib", "--model", tmp_path / "cut.safetensors")
    assert code == 2 and len(err) == 1 and "cut.safetensors: not a whole safetensors file" in err[0]


@pytest.mark.parametrize("command", ["verify", "info"])
def test_what_is_no_library(capsys, tmp_path, command):
    (tmp_path / "file").write_text("hello")
    for path in (tmp_path, tmp_path / "file", tmp_path / "missing"):
        code, _, err = call(capsys, command, path)
        assert code == 2 and len(err) == 1 and str(path) in err[0]


@pytest.mark.parametrize("command", ["verify", "info", "release"])
def test_a_library_of_an_older_format_is_bad_input(capsys, library, tmp_path, command):
    copy = shutil.copytree(library, tmp_path / "copy")
    document = json.loads((copy / "zarr.json").read_text())
    attributes = document["attributes"]
    attributes["recipe"]["format_version"] = 3
    attributes["recipe_sha256"] = recipe_digest(attributes["recipe"])
    (copy / "zarr.json").write_bytes(json_bytes(document))
    code, out, err = call(capsys, command, copy)
    assert (code, out, len(err)) == (2, "", 1)
    assert f"{copy / 'zarr.json'}: format version 3, this program reads 4 to 5: made by an earlier one" in err[0]


def test_damage_is_exit_3_and_named(capsys, library, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(library, copy)
    victim = copy / "shards" / "000001" / "grains" / "position" / "c" / "0" / "0"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 4
    victim.write_bytes(data)
    code, out, _ = call(capsys, "verify", copy)
    assert code == 3 and "000001" in out and "grains/position" in out


def test_one_problem_is_a_problem(capsys, library, tmp_path):
    copy = shutil.copytree(library, tmp_path / "copy")
    (copy / "notes.txt").touch()
    code, out, _ = call(capsys, "verify", copy)
    assert code == 3 and out.splitlines()[0].endswith(" bytes: 1 problem")
    (copy / "more.txt").touch()
    assert call(capsys, "verify", copy)[1].splitlines()[0].endswith(" bytes: 2 problems")


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "URL", "--watch"),
        ("release", "URL"),
        ("reproduce", "URL", "--output", "again"),
        ("reproduce", "LIBRARY", "--output", "URL"),
        ("export", "LIBRARY", "--to", "hdf5", "--output", "URL"),
    ],
)
def test_a_url_where_a_path_is_needed_is_refused(capsys, library, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)  # where pathlib would have made a folder "s3:"
    given = {"URL": "s3://bucket/lib", "LIBRARY": library}
    code, out, err = call(capsys, *(given.get(a, a) for a in arguments))
    assert (code, out, len(err)) == (2, "", 1)
    assert err[0].startswith("nmcfast: s3://bucket/lib: is a URL, expected a path")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [("export", "lib", "--particles", "-1:2"), ("release",), ("verify", "a", "b"), ()]
)
def test_a_wrong_command_line_is_one_line(capsys, arguments):
    code, out, err = call(capsys, *arguments)
    assert (code, out, len(err)) == (2, "", 1)
    assert "--help" in err[0]


def test_an_existing_folder_is_left_alone(capsys, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").write_text("mine")
    code, _, err = call(capsys, "generate", tmp_path / "own", "--count", 1)
    assert code == 2 and len(err) == 1
    assert [p.name for p in (tmp_path / "own").iterdir()] == ["file"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_is_exit_5_and_the_run_can_be_continued(tmp_path, model_file, workers):
    command = [
        *PROGRAM,
        "generate",
        str(tmp_path / "lib"),
        "--model",
        str(model_file),
        "--count",
        "32",
        "--seed",
        "3",
        "--shard-size",
        "4",
        "--workers",
        workers,
    ]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    deadline = time.monotonic() + 400
    while not list(tmp_path.glob("lib/shards/0*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 5, err
    assert err.strip().splitlines()[-1] == "nmcfast: interrupted; run the same command again to continue"
    assert not list(tmp_path.rglob(".tmp-*"))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    generate_library(tmp_path / "whole", SMALL_OF(model_file), count=32, seed=3, shard_size=4)
    assert tree(tmp_path / "lib") == tree(tmp_path / "whole")


def SMALL_OF(model_file):
    """The model as the program loads it from the file."""
    return load_model(model_file)


def can_mount():
    probe = ["unshare", "-m", "true"]
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a tmpfs (unshare -m)")
def test_a_full_disk_is_exit_4_and_the_run_can_be_continued(tmp_path, model_file):
    disk = tmp_path / "disk"
    disk.mkdir()
    run = " ".join(
        [
            *PROGRAM,
            "generate",
            str(disk / "lib"),
            "--model",
            str(model_file),
            "--count",
            "40",
            "--seed",
            "3",
            "--shard-size",
            "4",
        ]
    )
    verify = " ".join([*PROGRAM, "verify", str(disk / "lib"), "--json"])
    script = (
        f"mount -t tmpfs -o size=700k none {disk} && {run}; echo exit $?; {verify}; echo exit $?; "
        f"mount -o remount,size=50m {disk} && {run} --quiet --json; echo exit $?; {verify}; echo exit $?"
    )
    result = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    exits = [line for line in result.stdout.splitlines() if line.startswith("exit")]
    assert exits == ["exit 4", "exit 0", "exit 0", "exit 0"], result
    assert "no space left on the disk" in result.stderr and "shards are finished and intact" in result.stderr
    reports = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert reports[0]["ok"] and not reports[0]["complete"] and 0 < reports[0]["shards"] < 10
    assert reports[-1]["ok"] and reports[-1]["complete"] and reports[-1]["shards"] == 10


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        (None, "cannot be read as a volume"),
        (np.full((20, 20, 20), 7, np.uint8), "found the value 7 everywhere"),
        (np.arange(400, dtype=np.uint8).reshape(20, 20) % 2, "dimensions"),
    ],
)
def test_a_ct_volume_that_is_none(capsys, tmp_path, volume, said):
    path, output = tmp_path / "ct.tif", tmp_path / "model.safetensors"
    if volume is None:
        path.write_bytes(b"")
    else:
        tifffile.imwrite(path, volume)
    code, _, err = call(capsys, "calibrate", "shells", path, "--voxel-size", 0.128, "--output", output)
    assert code == 2 and len(err) == 1 and "ct.tif" in err[0] and said in err[0], err
    assert not output.exists()


def write_section(path, rng, cut=None):
    """A square .ang map of 8 × 8 grains of 10 × 10 points, or its first `cut` lines."""
    from nmcfast.ebsd.write import simulate_map, write_ang

    labels = (np.arange(80) // 10)[:, None] * 8 + np.arange(80) // 10 + 1
    write_ang(simulate_map(labels, 0.05, rng), path)
    if cut is not None:
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:cut]))


def test_sections_that_cannot_be_used(capsys, tmp_path):
    rng = np.random.default_rng(0)
    write_section(tmp_path / "good.ang", rng)
    write_section(tmp_path / "short.ang", rng, cut=300)
    np.save(tmp_path / "labels.npy", np.ones((9, 9), int))
    cases = {
        "short.ang": r"short\.ang, line \d+: ",
        "missing.ang": "missing.ang",
        "labels.npy": "give --pixel-size",
        "good.ang": "calibration needs 2 or more",
    }
    for name, said in cases.items():
        output = tmp_path / "model.safetensors"
        code, _, err = call(capsys, "calibrate", "grains", tmp_path / name, "--output", output)
        assert code == 2 and re.search(said, err[-1]), err
        assert len(err) == (2 if name == "good.ang" else 1), "what the reader noted of a good map comes first"
        assert not output.exists()


def test_ctrl_c_within_compiled_code_is_an_interruption_too(capsys, monkeypatch):
    def compiled(options):
        wrapped = SystemError("_numba_unpickle returned a result with an exception set")
        wrapped.__cause__ = KeyboardInterrupt()
        raise SystemError("CPUDispatcher returned a result with an exception set") from wrapped

    monkeypatch.setattr("nmcfast.cli.models.run", compiled)
    code, out, err = call(capsys, "models")
    assert code == 5 and not out and "interrupted" in err[0]
