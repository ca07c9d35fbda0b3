"""Pictures of a shell calibration, Figs. 3, 4 and 10a. matplotlib is loaded on first use."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcfast.calibration.shells.compare import COMPARED, LawFit, described, descriptor_table, distances, simulate
from nmcfast.calibration.shells.families import log_density
from nmcfast.errors import MissingExtraError
from nmcfast.shells.harmonics import degree_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DATA, MODEL = "0.6", "tab:red"
EXAMPLES = (1, 2, 5, 9)  # orders l of the scatter plots of Fig. 3, m = 0
SYMBOLS = {
    "independent": ("$a_{00}$ / voxel", "$a_{lm}$ / voxel"),
    "relative": ("$a_{00}$ / voxel", "$a_{lm} / a_{00}$"),
    "joint": (r"$\rho$ / voxel", r"$\log E_l$"),
}
AXES = {
    "d_max": r"$d_\mathrm{max}$ / µm",
    "compactness": r"$\gamma$",
    "aspect_ratio": r"$A_\mathrm{R}$",
    "sphericity": r"$\Psi$",
}


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of width × height inches, outside pyplot's global state."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'nmcfast[imaging]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def write_shell_report(
    folder: str | os.PathLike[str], coefficients: np.ndarray, fit: LawFit, report: dict[str, Any]
) -> None:
    """Figs. 3, 4 and 10a of a calibration as PNG files in a folder, made if need be.

    coefficients (n, (L + 1)²) in units of fit.law.unit_um; report of `fit.calibrate_shells`.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    data = descriptor_table(coefficients * fit.law.unit_um)
    drawn, _ = simulate(fit.law, len(coefficients), report["options"]["seed"])
    pictures = {
        "fig3": figure_3(coefficients, np.array(report["size_dependence"])),
        "fig4": figure_4(coefficients, fit),
        "fig10a": figure_10a(data, descriptor_table(drawn), report["comparison"]["floor"]),
    }
    for name, figure in pictures.items():
        figure.savefig(target / f"{name}.png", dpi=90)


def figure_3(coefficients: np.ndarray, dependence: np.ndarray) -> "Figure":
    """Distance correlation of a_00 with each a_lm by order l, and scatter plots of examples, Fig. 3.

    coefficients (n, (L + 1)²) voxels, dependence ((L + 1)² − 1,) of `fit.size_dependence`.
    """
    figure = new_figure(10.0, 4.5)
    grid = figure.add_gridspec(2, 4)
    axes = figure.add_subplot(grid[:, :2])
    axes.plot(degree_of(coefficients.shape[1])[1:], dependence, "o", color=MODEL, alpha=0.5)
    axes.set(xlabel="order l", ylabel=r"distance correlation of $a_{00}$ and $a_{lm}$", ylim=(0, None))
    shown = [order for order in EXAMPLES if (order + 1) ** 2 <= coefficients.shape[1]]
    for place, order in enumerate(shown):
        axes = figure.add_subplot(grid[place // 2, 2 + place % 2])
        index = order * order + order
        x, y = coefficients[:, 0], coefficients[:, index]
        axes.plot(x, y, ".", color="0.3", markersize=2)
        pearson = np.corrcoef(x, y)[0, 1]
        axes.set_title(f"{dependence[index - 1]:.2f}, {pearson:.2f}", fontsize=9)
        axes.set(xlabel="$a_{00}$ / voxel", ylabel=f"$a_{{{order},0}}$ / voxel")
    return figure


def figure_4(coefficients: np.ndarray, fit: LawFit) -> "Figure":
    """Histogram of the coefficients of each order with the fitted density, Fig. 4.

    coefficients (n, (L + 1)²) voxels; with the relative law, orders l ≥ 1 show a_lm / a_00, with the joint one log E_l.
    """
    values = described(coefficients, fit.law.law)
    figure = new_figure(12.0, 4.8)
    first, symbol = SYMBOLS[fit.law.law]
    columns = (len(fit.law.orders) + 1) // 2
    for order, law in enumerate(fit.law.orders):
        axes = figure.add_subplot(2, columns, order + 1)
        x = values[order].ravel()
        low, high = np.quantile(x, [0.002, 0.998])
        edges = np.linspace(low, high, 41)
        share = np.full(x.size, 40 / (x.size * (high - low)))
        axes.hist(x, edges.tolist(), weights=share, histtype="stepfilled", color=DATA)
        line = np.linspace(low, high, 300)
        axes.plot(line, np.exp(log_density(law.family, law.parameters, line)), color=MODEL)
        named = ", ".join(f"{value:.3g}" for value in law.parameters)
        axes.set_title(f"l = {order}: {law.family} ({named})", fontsize=8)
        axes.set_xlabel(first if order == 0 else symbol)
    return figure


def figure_10a(data: dict[str, np.ndarray], simulated: dict[str, np.ndarray], floor: dict[str, float]) -> "Figure":
    """Descriptors of measured and of simulated shells side by side, Fig. 10a.

    data, simulated: arrays by name as of `shell_compare.descriptor_table`; floor: Wasserstein distance of two
    halves of the data.
    """
    figure = new_figure(12.0, 3.2)
    apart = distances(data, simulated)
    for place, name in enumerate(COMPARED):
        axes = figure.add_subplot(1, 4, place + 1)
        _two_histograms(axes, data[name], simulated[name])
        axes.set_xlabel(AXES[name])
        axes.set_title(f"W = {apart[name]:.3g} (floor {floor[name]:.2g})", fontsize=9)
    axes.legend(fontsize=8)
    return figure


def _two_histograms(axes: "Axes", data: np.ndarray, simulated: np.ndarray) -> None:
    both = np.concatenate([data, simulated])
    low, high = np.quantile(both, [0.002, 0.998])
    edges = np.linspace(low, high, 36)
    for values, colour, label in ((data, DATA, "CT"), (simulated, MODEL, "simulated")):
        share = np.full(values.size, 1.0 / values.size)
        axes.hist(values, edges.tolist(), weights=share, histtype="stepfilled", color=colour, alpha=0.6, label=label)
    axes.set_yticks([])
