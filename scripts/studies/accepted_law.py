"""What the rejections make of Table 1: drawn and accepted shells of a model side by side.

python scripts/studies/accepted_law.py --output docs/results/accepted_law.md
"""

import argparse
from pathlib import Path

import numpy as np

from nmcfast import load_model
from nmcfast.shells.shell import REASONS, draw_shell


def spread(values: np.ndarray) -> str:
    """Median and 90 % range."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.3g} ({low:.3g}, {high:.3g})"


def table(drawn: np.ndarray, accepted: np.ndarray) -> list[str]:
    """One row an order: Z_00, and the root mean square of Z_lm over m for l ≥ 1."""
    rows = ["| order | drawn: median (5 %, 95 %) µm | accepted |", "|---|---|---|"]
    rows.append(f"| a_00 | {spread(drawn[:, 0])} | {spread(accepted[:, 0])} |")
    for l in range(1, 10):  # noqa: E741
        part = slice(l * l, (l + 1) ** 2)
        size = [np.sqrt((a[:, part] ** 2).mean(axis=1)) for a in (drawn, accepted)]
        rows.append(f"| rms of l = {l} | {spread(size[0])} | {spread(size[1])} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nmc811")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    law = load_model(options.model).shell
    found = [draw_shell(law, 0, index) for index in range(options.count)]
    accepted = np.array([shell.coefficients for shell, _ in found])
    drawn = np.array([law.draw(0, index, 0) for index in range(options.count)])
    rejected = {reason: sum(counts[reason] for _, counts in found) for reason in REASONS}
    attempts = options.count + sum(rejected.values())
    first = [index for index in range(options.count) if sum(found[index][1].values())]
    size = drawn[:, 0]
    volume = np.array([shell.descriptors()["volume"] for shell, _ in found])
    lines = [
        f"# The law of accepted shells, {options.model}",
        "",
        f"    python scripts/studies/accepted_law.py --model {options.model} --count {options.count}",
        "",
        f"{attempts} shells drawn for {options.count} particles; rejected: "
        + ", ".join(f"{name} {n} ({n / attempts:.1%})" for name, n in rejected.items())
        + ".",
        f"Median a_00 of rejected first attempts {np.median(size[first]):.3g} µm, of accepted ones"
        f" {np.median(np.delete(size, first)):.3g} µm: rejections fall on small shells.",
        f"Volume of accepted shells: mean {volume.mean():.4g} µm³, median (5 %, 95 %) {spread(volume)} µm³.",
        "",
        *table(drawn, accepted),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.output:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
