"""Plots of bench.json: how the time for a voxel grows, and how long others take."""

from pathlib import Path
from typing import Any

from timing import median

Row = dict[str, Any]


NAMES = {
    "growth": ("bench_growth.png", "ns a voxel against voxels and seeds"),
    "labels": ("bench_peers.png", "ns a voxel of all programs"),
}


def write(folder: Path, parts: dict[str, Any]) -> None:
    """The plots of the parts that were measured."""
    import matplotlib

    matplotlib.use("Agg")
    for part, draw in (("growth", growth), ("labels", others)):
        if part in parts:
            draw(folder / NAMES[part][0], parts[part]["rows"])


def _ns(row: Row) -> float:
    return median(row["cpu_s"]) / row["voxels"] * 1e9


def growth(path: Path, rows: list[Row]) -> None:
    """Processor time of a voxel against the voxels at one density, and against the seeds in one box."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, sweep, name in zip(axes, ("voxels", "seeds"), ("voxels, 0.0018 seeds each", "seeds"), strict=True):
        of = [r for r in rows if r["sweep"] == sweep]
        for ratio in sorted({r["ratio"] for r in of}):
            line = [r for r in of if r["ratio"] == ratio]
            axis.plot([r[sweep] for r in line], [_ns(r) for r in line], "o-", label=f"D ratio {ratio:g}")
        axis.set(xscale="log", xlabel=name, ylim=(0, None))
        axis.grid(alpha=0.3)
    box = next(r["size"] for r in rows if r["sweep"] == "seeds")
    axes[1].set_title(f"box of {box}³ voxels")
    axes[0].set(ylabel="ns of processor time a voxel, one thread")
    axes[0].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def others(path: Path, rows: list[Row]) -> None:
    """Processor time of a voxel of everybody against the size of the box, one panel a kind of case."""
    from matplotlib import pyplot

    kinds = {"gbpd": "Eq. (8), D ratio 3", "voronoi": "Voronoi", "power": "power diagram"}
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), sharey=True, layout="constrained")
    for axis, (kind, title) in zip(axes, kinds.items(), strict=True):
        of = [r for r in rows if r["kind"] == kind and not (r["name"] == "kernel" and r["threads"] > 1)]
        for who in dict.fromkeys(r["who"] for r in of):
            line = [r for r in of if r["who"] == who]
            style = "k" if who.startswith("nmcfast") else None
            axis.plot([r["size"] for r in line], [_ns(r) for r in line], "o-", color=style, label=who.split(" (")[0])
        axis.set(title=title, xscale="log", yscale="log", xlabel="n of a box of n³ voxels")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    axes[0].set(ylabel="ns of processor time a voxel")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
