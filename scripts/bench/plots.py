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

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, sweep, edge in zip(axes, ("voxels", "seeds"), ("size", "seeds"), strict=True):
        of = [r for r in rows if r["sweep"] == sweep]
        for ratio in sorted({r["ratio"] for r in of}):
            line = [r for r in of if r["ratio"] == ratio]
            axis.plot([r[edge] for r in line], [_ns(r) for r in line], "o-", label=f"D ratio {ratio:g}")
        axis.set(xscale="log", ylim=(0, None), ylabel="ns of processor time a voxel")
        _ticks(axis, sorted({r[edge] for r in of}))
        axis.grid(alpha=0.3)
        axis.legend()
    box = next(r["size"] for r in rows if r["sweep"] == "seeds")
    axes[0].set(title="0.0018 seeds a voxel", xlabel="n of a box of n³ voxels")
    axes[1].set(title=f"box of {box}³ voxels", xlabel="seeds")
    figure.suptitle("Our label kernel, one thread")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def others(path: Path, rows: list[Row]) -> None:
    """Processor time of a voxel of everybody against the size of the box, one panel a kind of case."""
    from matplotlib import pyplot

    kinds = {"gbpd": "Eq. (8), D ratio 3", "voronoi": "Voronoi", "power": "power diagram"}
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 5), sharey=True, layout="constrained")
    for axis, (kind, title) in zip(axes, kinds.items(), strict=True):
        of = [r for r in rows if r["kind"] == kind and not (r["name"] == "kernel" and r["threads"] > 1)]
        for who in dict.fromkeys(r["who"] for r in of):
            line = [r for r in of if r["who"] == who]
            style = {"kernel": "ko-", "label_grid": "kx:", "C": "k+--"}.get(line[0]["name"], "o-")
            axis.plot([r["size"] for r in line], [_ns(r) for r in line], style, label=who.split(" (")[0])
        axis.set(title=title, xscale="log", yscale="log", xlabel="n of a box of n³ voxels")
        _ticks(axis, sorted({r["size"] for r in of}))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    axes[0].set(ylabel="ns of processor time a voxel")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _ticks(axis: Any, values: list[int]) -> None:
    axis.set_xticks(values, [f"{value:,}" for value in values], rotation=30)
    axis.minorticks_off()
