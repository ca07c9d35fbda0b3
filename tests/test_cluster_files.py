"""The job files of docs/clusters share every shard out once, with commands that the program takes."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from nmcfast.cli import build_parser

FILES = Path(__file__).parents[1] / "docs/clusters"
PARSER = build_parser()
SHARDS = 1563  # of 100,000 particles, 64 each
SAY = '#!/bin/sh\necho "$@"\n'  # in place of nmcfast: a dry run


@pytest.fixture
def dry(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "nmcfast").write_text(SAY)
    (tmp_path / "nmcfast").chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def shards_of(said: str) -> list[int]:
    options = PARSER.parse_args(said.split())
    assert (options.count, options.shard_size, options.seed) == (100_000, 64, 1)
    first, _, last = options.shards.partition(":")
    return [*range(int(first), int(last))]


def said_by(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_tasks_of_the_slurm_array_make_every_shard_once(dry: dict[str, str]) -> None:
    subprocess.run(["bash", "-n", FILES / "slurm.sh"], check=True)
    found = []
    for task in range(7):
        given = {**dry, "SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "7"}
        found += shards_of(said_by(["bash", str(FILES / "slurm.sh")], given))
    assert found == [*range(SHARDS)]


def test_the_pods_of_the_kubernetes_job_make_every_shard_once(dry: dict[str, str]) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    job = yaml.safe_load((FILES / "kubernetes.yaml").read_text())["spec"]
    (pod,) = job["template"]["spec"]["containers"]
    assert job["completionMode"] == "Indexed" and f"tasks={job['completions']} " in pod["command"][-1]
    found = []
    for task in range(job["completions"]):
        found += shards_of(said_by(pod["command"], {**dry, "JOB_COMPLETION_INDEX": str(task)}))
    assert found == [*range(SHARDS)]


def test_the_snakefile_makes_every_shard_once() -> None:
    """What stands behind first and last, and the numbers at the top, as Python reads them."""
    text = (FILES / "Snakefile").read_text()
    names: dict[str, int] = {}
    exec("\n".join(re.findall(r"^[A-Z, ]+ = .*$", text, re.MULTILINE)), names)
    first, last = (eval(rule, names) for rule in re.findall(r"(?:first|last)=(lambda .*),", text))
    command = re.findall(r'"nmcfast (generate .*--shards .*)"', text)
    found = []
    for job in range(names["JOBS"]):
        wildcards = type("Wildcards", (), {"job": str(job)})
        given = {"first": first(wildcards), "last": last(wildcards)}
        params = type("Params", (), given)
        found += shards_of(command[0].format(params=params, **names))
    assert found == [*range(SHARDS)]
