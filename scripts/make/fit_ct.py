"""Make the model `nmc-ct`: shells of law `joint` fitted to a real CT volume, grains of `nmc811`.

    python scripts/make/fit_ct.py ../shared/data/ct/nmc-1-cal_generatedCBD_bridge.tif \\
        --output nmcfast/models/nmc-ct.safetensors --results docs/results/nmc_ct.md

The volume itself is not part of the model, its law's parameters are. Also writes a page with the descriptors of the
particles beside those of both models' shells. --keep as in scripts/studies/joint_shells.py.
"""

import argparse
import shlex
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))
from joint_shells import star_coefficients

from nmcfast import __version__
from nmcfast.calibration.shells.compare import (
    COMPARED,
    HELD_OUT,
    descriptor_table,
    distance_floor,
    fit_law,
    held_out,
    simulate,
)
from nmcfast.model import Model, load_model

VOXEL_UM = 0.398
SOURCE = {
    "file": "nmc-1-cal_generatedCBD_bridge.tif",
    "repository": "NREL/MATBOX_Microstructure_analysis_toolbox",
    "commit": "904b8de59df362adc37ad3351961b27516a067b0",
    "folder": "Data_example/From computed tomography with additives numerically generated",
    "licence": "BSD-2-Clause",
    "what": "calendered NMC cathode, segmented X-ray micro-CT, voxel 398 nm; not nano-CT, not NMC811",
}
Table = dict[str, np.ndarray]


def provenance(count: int, verdict: dict[str, float], base: Model, command: str) -> dict[str, object]:
    """Where shells and grains come from, as the model file says it."""
    taken = ("grains", "grains_caution", "texture")
    return {name: base.provenance[name] for name in taken} | {
        "shell": f"law joint (ours, not the paper's) fitted to {count} whole particles of {SOURCE['file']}: "
        f"{SOURCE['what']}; from {SOURCE['repository']}, {SOURCE['licence']}",
        "shell_source": SOURCE,
        "shell_held_out": verdict,
        "grains_from": {"model": base.name, "sha256": base.digest},
        "command": command,
        "nmcfast": __version__,
    }


def spread(values: np.ndarray) -> str:
    """Median with the range of nine in ten."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def page(tables: dict[str, Table], verdict: dict[str, float], command: str) -> str:
    """Descriptors of the particles and of both models' shells, and the distances held out, in Markdown."""
    lines = [
        "# Shells of `nmc-ct` beside the particles they are fitted to",
        "",
        f"    {command}",
        "",
        f"{SOURCE['what']}; {SOURCE['repository']} @ {SOURCE['commit'][:10]}, {SOURCE['licence']}.",
        "Median (5 to 95 %) of all whole particles and of as many shells of each model, lengths in µm:",
        "",
        "| | d_max | γ | A_R | Ψ |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {' | '.join(spread(table[key]) for key in COMPARED)} |" for name, table in tables.items()]
    shown = ", ".join(f"{name} {value}" for name, value in verdict.items())
    lines += [
        "",
        f"Fitted to a random half of the particles, against the other half, mean of {HELD_OUT}, in floors (1: as far",
        f"apart as two halves of the particles): {shown}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("volume")
    parser.add_argument("--phase", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="file for the star shapes, read where it exists")
    parser.add_argument("--output", type=Path, required=True, help="model file")
    parser.add_argument("--results", type=Path, required=True, help="page to write")
    options = parser.parse_args()
    command = (
        f"python scripts/make/fit_ct.py {shlex.quote(options.volume)} --output {options.output} "
        f"--results {options.results}"
    )
    coefficients, base = star_coefficients(options), load_model("nmc811")
    data = descriptor_table(coefficients * VOXEL_UM)
    floor = distance_floor(data, 0)
    apart = held_out(coefficients, data, "joint", VOXEL_UM, 0)
    verdict = {name: round(apart[name] / floor[name], 2) for name in COMPARED}
    law = fit_law(coefficients, "joint", VOXEL_UM).law
    model = Model("nmc-ct", law, base.grains, provenance(len(coefficients), verdict, base, command))
    options.output.write_bytes(model.to_bytes())
    tables = {"CT": data} | {
        f"`{one.name}`": descriptor_table(simulate(one.shell, len(coefficients), 0)[0]) for one in (model, base)
    }
    text = page(tables, verdict, command)
    options.results.write_text(text, encoding="utf-8")
    print(text, model.digest)


if __name__ == "__main__":
    main()
