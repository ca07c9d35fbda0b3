"""Issue-sized evidence: a library of 1,000 particles on two processes, verified and described, for two models.

python scripts/checks/library_1000.py --models nmc811 /tmp/ct.safetensors --output docs/results/library_1000.md
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(arguments: list[str]) -> tuple[float, dict]:
    """Wall seconds and the JSON result of one command."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "nmcfast", *arguments, "--json"], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - start, json.loads(done.stdout)


def describe(model: str, count: int, folder: Path) -> list[str]:
    path = str(folder / f"{Path(model).stem}.zarr")
    command = ["generate", path, "--count", str(count), "--seed", "1", "--workers", "2", "--model", model]
    seconds, made = run(command)
    checked, report = run(["verify", path])
    _, info = run(["info", path])
    said = [*command[:1], "lib.zarr", *command[2:7], "2", "--model", Path(model).name]
    rows = {
        **info["median (5 %, 95 %)"],
        **info["shells drawn"],
        **{f"grains {k}": v for k, v in info["grains"].items()},
    }
    return [
        f"## {Path(model).stem}",
        f"`nmcfast {shlex.join(said)}`: {seconds:.0f} s, {count / seconds:.2f} particles a second, root hash"
        f" {made['root_sha256'][:16]}…",
        f"`nmcfast verify lib.zarr`: {checked:.0f} s, ok = {report['ok']}, complete = {report['complete']},"
        f" {report['shards']} shards, {report['bytes'] / count / 1024:.0f} KiB a particle",
        "\n| `nmcfast info lib.zarr` | median (5 %, 95 %) or number |\n|---|---|\n"
        + "\n".join(
            f"| {name} | {value if isinstance(value, str) else format(value, '.6g')} |" for name, value in rows.items()
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["nmc811"])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    lines = [
        f"# Libraries of {options.count} particles on two processes",
        "    " + shlex.join(["python", "scripts/checks/library_1000.py", *sys.argv[1:]]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            lines += describe(model, options.count, Path(folder))
            text = "\n\n".join(lines) + "\n"
            print(text)
            if options.output:
                options.output.write_text(text)


if __name__ == "__main__":
    main()
