"""Tables and plot of the closure study's runs, from the JSON files that closure.py leaves."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from nmcfast.calibration.shells.plots import new_figure

ORDER = ("isotropic", "radial 2:1", "radial 4:1", "tangential pancakes", "nmc811", "mixed")
OTHER = ("mixed",)  # architectures that no plain law of the start is like
UNITS = {
    "volume": "volume, px³",
    "elongation": "elongation",
    "angle": "angle to the radius, rad",
    "neighbours": "neighbours",
    "intensity": "grains per px³",
    "area": "area, px²",
    "alpha": "α, rad",
    "chord": "chord, px",
    "grains": "grains per section",
}
MEAN_WITHIN, W1_WITHIN = 0.10, 2.0  # what is to be reached
COLOURS = ("tab:blue", "tab:orange", "tab:green")


def table(rows: dict[str, dict[str, float]]) -> list[str]:
    """Markdown table of one run: mean ± spread of truth and recovered, W₁ and its floor."""
    lines = ["| statistic | truth | recovered | ratio of means | W₁ | floor |", "|---|---|---|---|---|---|"]
    for name, row in rows.items():
        truth, found = (f"{row[k]:.4g} ± {row[k + '_spread']:.4g}" for k in ("truth", "found"))
        ratio = row["found"] / row["truth"]
        lines.append(f"| {UNITS[name]} | {truth} | {found} | {ratio:.3f} | {row['w1']:.4g} | {row['floor']:.4g} |")
    return lines


def one_run(run: dict) -> list[str]:
    """Section of runs.md."""
    mu = run["mu"]
    held = ", ".join(f"{name} {value:.2f}" for name, value in run["held_out"].items())
    start = run["start"]
    law = ", ".join(f"{name} {value:.4g}" for name, value in start.get("law", {}).items())
    found = [f"Start from moments: χ² {start['chi2']:.1f} for {start['freedom']}; {law}."] if law else []
    return [
        f"## {run['architecture']}, training seed {run['seed']}",
        "",
        f"{run['sections']} maps, whose 2D fits agree with {run['agreement']:.1%} of the points.",
        f"{len(run['history'])} epochs of {run['steps']} steps, kept: {run['kept']}; {run['seconds'] / 60:.1f} min.",
        *found,
        f"μ = {mu['found']:.6f} px⁻³ from {mu['start']}, truth {mu['truth']}.",
        f"Held-out cutouts, W₁ over floor: {held}.",
        "",
        *table(run["3d"]),
        "",
        "Whole sections, without noise:",
        "",
        *table(run["2d"]),
        "",
    ]


def spread(values: list[float], form: str = ".3f") -> str:
    """Mean over seeds, and least to greatest."""
    text = f"{np.mean(values):{form}}"
    return text if len(values) == 1 else f"{text} ({min(values):{form}} – {max(values):{form}})"


def verdict(values: list[float], limit: float) -> str:
    """Whether all seeds stay within a limit, or how many."""
    good = sum(v <= limit for v in values)
    return "reached" if good == len(values) else f"**not reached** ({good} of {len(values)} seeds)"


def means_3d(runs: dict[str, list[dict]]) -> list[str]:
    """Rows of the 3D means: within a tenth of the truth?"""
    lines = [
        "| architecture | statistic | truth | recovered over truth | W₁ | floor | mean within 10 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, group in runs.items():
        for key in group[0]["3d"]:
            rows = [run["3d"][key] for run in group]
            ratios = [row["found"] / row["truth"] for row in rows]
            apart = spread([row["w1"] for row in rows], ".3g")
            cells = [
                name,
                UNITS[key],
                f"{rows[0]['truth']:.4g}",
                spread(ratios),
                apart,
                f"{rows[0]['floor']:.3g}",
                verdict([abs(r - 1) for r in ratios], MEAN_WITHIN),
            ]
            lines.append("| " + " | ".join(cells) + " |")
        ratios = [run["mu"]["found"] / run["mu"]["truth"] for run in group]
        lines.append(f"| {name} | μ | {group[0]['mu']['truth']:.4g} | {spread(ratios)} | | | |")
    return lines


def by_run(runs: dict[str, list[dict]]) -> list[str]:
    """Rows of each run: from which μ to which, and the worst of its 3D means."""
    lines = [
        "| architecture | seed | μ, options → found, px⁻³ | χ² of the start | worst 3D mean over truth | spread of"
        " volume | kept epoch | minutes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, group in runs.items():
        for run in group:
            ratios = {key: row["found"] / row["truth"] for key, row in run["3d"].items()}
            worst = max(ratios, key=lambda key: abs(ratios[key] - 1))
            volume = run["3d"]["volume"]
            cells = [
                name,
                str(run["seed"]),
                f"{run['mu']['start']:g} → {run['mu']['found']:.5f}",
                f"{run['start']['chi2']:.1f}" if "chi2" in run["start"] else "",
                f"{UNITS[worst]} {ratios[worst]:.3f}",
                f"{volume['found_spread'] / volume['truth_spread']:.3f}",
                str(run["kept"]),
                f"{run['seconds'] / 60:.1f}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def distances_2d(runs: dict[str, list[dict]]) -> list[str]:
    """Rows of the 2D distances: within twice the floor?"""
    lines = [
        "| architecture | statistic | recovered over truth | W₁ over floor, whole clean sections | ≤ 2 |"
        " W₁ over floor, held-out cutouts | ≤ 2 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, group in runs.items():
        for key in group[0]["2d"]:
            ratios = [run["2d"][key]["found"] / run["2d"][key]["truth"] for run in group]
            clean = [run["2d"][key]["w1"] / run["2d"][key]["floor"] for run in group]
            held = [run["held_out"][key] for run in group]
            cells = [
                name,
                UNITS[key],
                spread(ratios),
                spread(clean, ".2f"),
                verdict(clean, W1_WITHIN),
                spread(held, ".2f"),
                verdict(held, W1_WITHIN),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def tally(runs: dict[str, list[dict]]) -> list[str]:
    """How many of all means and distances reach what was asked."""
    every = [run for group in runs.values() for run in group]
    ratios = [abs(row["found"] / row["truth"] - 1) for run in every for row in run["3d"].values()]
    clean = [row["w1"] / row["floor"] for run in every for row in run["2d"].values()]
    held = [value for run in every for value in run["held_out"].values()]
    again = [value for group in runs.values() for value in group[0]["truth_again_2d"].values()]
    counts = {
        "3D means within 10 % of the truth": np.array(ratios) <= MEAN_WITHIN,
        "3D means within 5 %": np.array(ratios) <= MEAN_WITHIN / 2,
        "2D distances of whole clean sections ≤ 2 floors": np.array(clean) <= W1_WITHIN,
        "2D distances of held-out cutouts ≤ 2 floors": np.array(held) <= W1_WITHIN,
    }
    lines = [f"- {text}: {good.sum()} of {len(good)}, over {len(every)} runs" for text, good in counts.items()]
    return [*lines, f"- the truth itself, four further samples: {min(again):.2f} to {max(again):.2f} floors in 2D"]


def draw(runs: dict[str, list[dict]], path: Path) -> None:
    """Ratios of 3D means, and 2D distances over the floor, a colour for each training seed."""
    figure = new_figure(12, 7)
    upper, lower = figure.subplots(2, 1)
    for axes, part in ((upper, "3d"), (lower, "2d")):
        ticks: list[str] = []
        for group in runs.values():
            for key in group[0][part]:
                for k, run in enumerate(group):
                    row = run[part][key]
                    value = row["found"] / row["truth"] if part == "3d" else row["w1"] / row["floor"]
                    axes.plot(len(ticks), value, "o", color=COLOURS[k % len(COLOURS)], alpha=0.7)
                ticks.append(key)
            axes.axvline(len(ticks) - 0.5, color="0.8", linewidth=0.8)
        axes.set_xticks(range(len(ticks)), ticks, rotation=90, fontsize=7)
    for k, name in enumerate(runs):
        size = len(next(iter(runs.values()))[0]["3d"])
        upper.text(size * (k + 0.5) - 0.5, 1.01, name, transform=upper.get_xaxis_transform(), ha="center")
    for level in (0.9, 1.0, 1.1):
        upper.axhline(level, color="k" if level == 1 else "0.5", linewidth=0.8, linestyle="-" if level == 1 else "--")
    upper.set_ylabel("3D mean, recovered over truth")
    lower.axhline(W1_WITHIN, color="0.5", linewidth=0.8, linestyle="--")
    lower.set_ylabel("2D W₁ over floor, clean sections")
    figure.savefig(path, dpi=90)


def write_summary(folder: Path) -> None:
    """README.md, runs.md and closure.png of all runs in a folder."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    groups: dict[str, list[dict]] = defaultdict(list)
    for run in sorted(found, key=lambda r: (ORDER.index(r["architecture"]), r["seed"])):
        groups[run["architecture"]].append(run)
    draw(groups, folder / "closure.png")
    (folder / "runs.md").write_text("\n".join(["# Runs", "", *(line for r in found for line in one_run(r))]))
    plain = {name: group for name, group in groups.items() if name not in OTHER}
    other = {name: group for name, group in groups.items() if name in OTHER}
    apart = ["", "Of another kind than the start fits (mixed):", "", *tally(other)] if other else []
    text = [
        INTRODUCTION,
        *tally(plain),
        *apart,
        "",
        "![ratios of 3D means and 2D distances over their floor](closure.png)",
        "",
        "## 3D",
        "",
        *means_3d(groups),
        "",
        "## By run",
        "",
        *by_run(groups),
        "",
        "## 2D",
        "",
        *distances_2d(groups),
        "",
    ]
    (folder / "README.md").write_text("\n".join(text))


INTRODUCTION = """# Closure: what the trainer recovers of architectures it never sees in 3D

    python scripts/studies/closure.py --maps 24 --seeds 0 --mu 0.0015 --output docs/results/closure
    python scripts/studies/closure.py --maps 24 --seeds 1 --mu 0.0022 --output docs/results/closure
    python scripts/studies/closure.py --maps 24 --seeds 2 --mu 0.0018 --output docs/results/closure
    python scripts/studies/closure.py --maps 24 --architectures mixed --seeds 0 --mu 0.0015 --output \\
        docs/results/closure
    python scripts/studies/closure.py --summary --output docs/results/closure

Each architecture is 24 simulated EBSD maps (.ang, hexagonal, 50 nm, 5 % of points unindexed), read, segmented,
fitted and trained on with the fast schedule: a plain law is fitted to the moments of 18 whole sections, G imitates it,
and the game goes on from there. The epoch with the best score on the six held-out maps is kept, 0 being the start: 2D
alone chooses. 3D: a sample is 12 cubes of 96 px, 4 at each of 3 places; there are eight independent samples of the
truth and four of the recovered law. W₁ is the mean distance between one of each, the floor that between two of the
truth. 2D: samples of eight whole clean sections in the same way; and cutouts of the held-out fits, whose floor is the
mean distance between halves of the maps. Figures are means over training seeds (least – greatest); *reached* means by
every seed. Each run's own table: [runs.md](runs.md).

**What this shows and what not.** Four of these architectures are, but for a uniform r, laws of the kind that the start
fits (`nmcfast.moment_fit`): it is shown that the numbers of such a law are found from noisy sections, not that any law
is. "mixed" is of another kind, two sorts of grain side by side. [Calibration](../../calibration.md) says what was
looked at when moments and priors were chosen.
"""
