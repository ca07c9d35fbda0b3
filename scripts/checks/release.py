"""Releases a library in each bulk format and lets the programs it is released for judge it; prints the table of
docs/results/release.md.

python scripts/checks/release.py [--particles 6] [--roc-python PYTHON]

roc-validator runs in a Python of its own, see scripts/checks/validate_crate.py.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import mlcroissant
from rocrate.rocrate import ROCrate

from nmcfast import export_library, generate_library, load_model, open_library
from nmcfast.export.formats import BULK
from nmcfast.export.verify import verify
from nmcfast.library.reproduce import reproduce_library
from nmcfast.release.release import release_library

SAID = {"title": "Virtual NMC811 particles", "creators": ["Doe, Jane"], "url": "https://example.org/particles"}


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip().splitlines()
    return "accepted" if done.returncode == 0 else f"REFUSED: {' '.join(said[-2:])}"


def croissant(path: Path) -> str:
    dataset = mlcroissant.Dataset(path / "croissant.json")
    issues = dataset.metadata.ctx.issues
    index, records = open_library(path).index(), list(dataset.records("particles"))
    same = [r["particles/d_max"] for r in records] == index["d_max"].tolist()
    said = f"{len(issues.errors)} errors, {len(issues.warnings)} warnings"
    return f"{said}, {len(records)} records, {'as' if same else 'NOT AS'} the index"


def crate(path: Path) -> str:
    entities = ROCrate(path).get_entities()
    missing = [e.id for e in entities if e.type == "File" and not (path / e.id).is_file()]
    return f"{len(list(entities))} entities read, {len(missing)} files missing"


def roc(python: str | None, path: Path) -> str:
    if python is None:
        return "skipped: no --roc-python"
    script = str(Path(__file__).with_name("validate_crate.py"))
    done = subprocess.run([python, script, str(path)], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"FAILED: {done.stderr.strip().splitlines()[-1:]}"


def one_byte(path: Path) -> str:
    """Whether sha256sum, verify and reproduce find one changed byte in the largest file of the last shard."""
    copy = Path(shutil.copytree(path, path.with_name("copy")))
    shard = sorted((copy / "shards").glob("0*"))[-1]
    victim = max((p for p in shard.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    found = {
        "sha256sum": run("sha256sum", "-c", "--quiet", "SHA256SUMS", cwd=copy) != "accepted",
        "verify": not verify(copy).ok,
        "reproduce": not reproduce_library(copy, path.with_name("again")).same,
    }
    shutil.rmtree(copy)
    return ", ".join(f"{name} {'finds it' if seen else 'DOES NOT SEE IT'}" for name, seen in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=6)
    parser.add_argument("--roc-python")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nmcfast-release-"))
    generate_library(folder / "source", load_model("nmc811"), count=options.particles, seed=1, shard_size=2)
    source = open_library(folder / "source")
    print(
        f"{options.particles} particles of nmc811, seed 1, 2 a shard; mlcroissant {version('mlcroissant')}, "
        f"rocrate {version('rocrate')}, cffconvert {version('cffconvert')}, Python {sys.version.split()[0]}\n"
    )
    print("| format | check | result |\n|---|---|---|")
    for form in BULK:
        path = folder / form / "lib"
        path.parent.mkdir()
        export_library(source, path, to=form)
        done = release_library(path, date="2026-11-25", **SAID)
        checks = {
            "sha256sum -c --strict": run("sha256sum", "-c", "--strict", "SHA256SUMS", cwd=path),
            "mlcroissant": croissant(path),
            "mlcroissant validate": run(
                str(Path(sys.executable).parent / "mlcroissant"), "validate", "--jsonld", "croissant.json", cwd=path
            ),
            "rocrate": crate(path),
            "roc-validator": roc(options.roc_python, path),
            "cffconvert --validate": run(str(Path(sys.executable).parent / "cffconvert"), "--validate", cwd=path),
            "nmcfast verify": f"{len(verify(path).problems)} problems",
            "released again": f"{len(release_library(path).written)} files written",
            "nmcfast reproduce": json.dumps(
                reproduce_library(path, path.with_name("again")).made_root_sha256 == done.root_sha256
            ).replace("true", "same root hash, every file the same"),
            "one byte changed": one_byte(path),
        }
        for name, result in checks.items():
            print(f"| {form} | {name} | {result} |", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
