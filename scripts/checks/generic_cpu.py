"""Are particles the same to the bit when the kernels are compiled for a generic processor, and without FMA in glibc?

    python scripts/checks/generic_cpu.py --output docs/results/generic_cpu.md

Each case runs in a process of its own with a kernel cache of its own; two cases compile everything anew.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PARTICLES = 12
CASES = {
    "this processor": {},
    "generic x86-64 kernels": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    "glibc without FMA and AVX2": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-AVX512VL"},
}
CODE = f"""
import hashlib, json
import numpy as np
from nmcfast import load_model
from nmcfast.generate import _grow, particle_digest
from nmcfast.surface import Surface
model, out = load_model("nmc811"), []
for index in range({PARTICLES}):
    particle, found = _grow(model, 11, index, Surface())
    labels = found.volume.labels.tobytes()
    out.append([particle_digest(particle), hashlib.sha256(labels).hexdigest(), len(particle.grains)])
print(json.dumps(out))
"""


def run(environment: dict[str, str]) -> list[list]:
    with tempfile.TemporaryDirectory() as cache:
        full = {**os.environ, "NUMBA_CACHE_DIR": cache, **environment}
        return json.loads(
            subprocess.run([sys.executable, "-c", CODE], env=full, stdout=subprocess.PIPE, check=True).stdout
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    output = parser.parse_args().output
    found = {name: run(environment) for name, environment in CASES.items()}
    reference = found["this processor"]
    lines = [
        "# The same bits from other machine code",
        "",
        "    python scripts/checks/generic_cpu.py --output docs/results/generic_cpu.md",
        "",
        f"{PARTICLES} particles of nmc811, seed 11, {sum(row[2] for row in reference)} grains; equal to the first row:",
        "",
        "| case | particles | label volumes |",
        "|---|---|---|",
    ]
    for name, rows in found.items():
        same = [sum(a[k] == b[k] for a, b in zip(rows, reference, strict=True)) for k in (0, 1)]
        lines.append(f"| {name} | {same[0]} of {PARTICLES} | {same[1]} of {PARTICLES} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if output:
        output.write_text(text)


if __name__ == "__main__":
    main()
