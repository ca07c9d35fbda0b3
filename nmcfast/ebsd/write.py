"""Measured-looking EBSD maps of a known section and their text formats, for closure tests of section 2.5."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nmcfast.ebsd.grid import Grid
from nmcfast.ebsd.map import EbsdMap, Phase

NMC = Phase("NMC811", "-3m")
SCATTER = 0.005  # rad, orientation noise within a grain: about 0.3°
_COLUMNS = (
    "phi1",
    "PHI",
    "phi2",
    "x",
    "y",
    "IQ",
    "CI",
    "Phase index",
    "SEM",
    "FIT",
    "PRIAS Bottom Strip",
    "PRIAS Center Square",
    "PRIAS Top Strip",
    "Custom Value",
)
_LAUE_NUMBER = {
    "-1": 1,
    "2/m": 2,
    "mmm": 3,
    "4/m": 4,
    "4/mmm": 5,
    "-3": 6,
    "-3m": 7,
    "6/m": 8,
    "6/mmm": 9,
    "m-3": 10,
    "m-3m": 11,
}
_EDAX_SYMMETRY = {
    "-1": "1",
    "2/m": "20",
    "mmm": "22",
    "4/m": "4",
    "4/mmm": "42",
    "-3": "3",
    "-3m": "32",
    "6/m": "6",
    "6/mmm": "62",
    "m-3": "23",
    "m-3m": "43",
}


def simulate_map(
    labels: NDArray[np.integer],
    pixel_size: float,
    rng: np.random.Generator,
    grid: Literal["square", "hexagonal"] = "hexagonal",
    step: float = 0.05,
    unindexed: float = 0.05,
    phase: Phase = NMC,
) -> EbsdMap:
    """EBSD map that a microscope would make of a labelled section, section 4.4.

    labels (ny, nx), 0 resin; pixel_size, step µm. Each grain has one random orientation with 0.3° of scatter;
    resin and a random share `unindexed` of all points get EDAX's code, φ = 4π, CI = −1, fit = 180; quality
    falls to half at boundaries.
    """
    x, y, layout = _points((labels.shape[1] * pixel_size, labels.shape[0] * pixel_size), grid, step)
    pixel = (y / pixel_size).astype(int), (x / pixel_size).astype(int)
    grain = labels[pixel]
    indexed = (grain > 0) & (rng.random(len(x)) >= unindexed)
    euler = _random_orientations(int(labels.max()) + 1, rng)[grain] + rng.normal(0, SCATTER, (len(x), 3))
    euler[~indexed] = 4 * np.pi
    edge = _distance_to_boundary(labels)[pixel] * pixel_size / step
    quality = 1000 * (1 - 0.5 * np.exp(-(edge**2))) * np.where(grain > 0, 1, 0.2) + rng.normal(0, 20, len(x))
    return EbsdMap(
        path=Path("simulated"),
        x=x,
        y=y,
        euler=euler,
        indexed=indexed,
        phase=np.zeros(len(x), dtype=np.int32),
        quality=np.maximum(quality, 0),
        confidence=np.where(indexed, rng.uniform(0.1, 1, len(x)), -1.0),
        fit=np.where(indexed, rng.uniform(0.3, 1.5, len(x)), 180.0),
        phases={0: phase},
        layout=layout,
    )


def write_ang(
    m: EbsdMap, path: str | Path, columns: int = 10, version: int | None = None, line_end: str = "\n"
) -> None:
    """EDAX .ang of a map, 6 to 14 columns; version 7 names its columns. Phases are numbered from 1."""
    lines = ["# TEM_PIXperUM          1.000000", "#"]
    for k, phase in enumerate(m.phases.values(), 1):
        code = _EDAX_SYMMETRY[phase.laue] if phase.laue else "?"
        lines += [f"# Phase {k}", f"# MaterialName  \t{phase.name}", f"# Symmetry              {code}", "#"]
    rows = m.layout.shape[0]
    kind = "SqrGrid" if m.grid == "square" else "HexGrid"
    counts = [max(int((m.layout.row % 2 == parity).sum()) // ((rows + 1 - parity) // 2), 1) for parity in (0, 1)]
    lines += [f"# GRID: {kind}", f"# XSTEP: {m.step[0]:.6f}", f"# YSTEP: {m.step[1]:.6f}"]
    lines += [f"# NCOLS_ODD: {counts[0]}", f"# NCOLS_EVEN: {counts[1]}", f"# NROWS: {rows}", "#"]
    if version is not None:
        lines.append(f"# VERSION {version}")
    if version == 7:
        lines += [f"# COLUMN_COUNT: {columns}", "# COLUMN_HEADERS: " + ", ".join(_COLUMNS[:columns])]
    number = {key: k for k, key in enumerate(m.phases, 1)}
    tail = ["0.000000"] * 4
    for k, common in enumerate(_common(m)):
        row = [
            *common,
            f"{m.confidence[k]:6.3f}",
            f"{number[int(m.phase[k])]}",
            "1",
            f"{m.fit[k]:7.3f}",
            *tail,
        ]
        lines.append(" " + " ".join(row[:columns]))
    _write(path, lines, line_end)


def write_grain_export(m: EbsdMap, path: str | Path, line_end: str = "\n") -> None:
    """OIM grain file of type 1 of a map: one row a point, phase name as text, no word on grid or symmetry."""
    lines = [
        "# Header: Project1::section::All data::Grain Size",
        "#",
        "# Column 1-3: phi1, PHI, phi2 (orientation of point in radians)",
        "# Column 4-5: x, y (coordinates of point in microns)",
        "# Column 6:   IQ (image quality)",
        "# Column 7:   CI (confidence index)",
        "# Column 8:   Fit (degrees)",
        "# Column 9:   Grain ID (integer)",
        "# Column 10:  edge (1 for grains at edges of scan and 0 for interior grains)",
        "# Column 11:  phase name",
    ]
    for k, common in enumerate(_common(m)):
        name = m.phases[int(m.phase[k])].name
        lines.append(" ".join([*common, f"{m.confidence[k]:6.3f}", f"{m.fit[k]:7.3f}", "0 0", name]))
    _write(path, lines, line_end)


def write_ctf(m: EbsdMap, path: str | Path, decimal_comma: bool = False, line_end: str = "\r\n") -> None:
    """Oxford .ctf of a map; unindexed points have phase 0 and zeros."""
    rows, columns = m.layout.shape
    lines = ["Channel Text File", "Prj\tsimulated", "Author\t[Unknown]", "JobMode\tGrid"]
    lines += [f"XCells\t{columns}", f"YCells\t{rows}", f"XStep\t{m.step[0]:.4f}", f"YStep\t{m.step[1]:.4f}"]
    lines += ["AcqE1\t0", "AcqE2\t0", "AcqE3\t0", "Euler angles refer to Sample Coordinate system (CS0)!"]
    lines.append(f"Phases\t{len(m.phases)}")
    for phase in m.phases.values():
        lines.append(f"2.875;2.875;14.248\t90;90;120\t{phase.name}\t{_LAUE_NUMBER[phase.laue or '-1']}\t0\t\t\t")
    lines.append("Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS")
    degrees = np.rad2deg(m.euler)
    number = {key: k for k, key in enumerate(m.phases, 1)}
    for k in range(len(m)):
        place = f"{m.x[k]:.4f}\t{m.y[k]:.4f}"
        if m.indexed[k]:
            angles = "\t".join(f"{angle:.4f}" for angle in degrees[k])
            lines.append(f"{number[int(m.phase[k])]}\t{place}\t8\t0\t{angles}\t{m.fit[k]:.4f}\t{m.quality[k]:.0f}\t255")
        else:
            lines.append(f"0\t{place}\t0\t3\t0.0000\t0.0000\t0.0000\t0.0000\t{m.quality[k]:.0f}\t0")
    if decimal_comma:
        lines = [line.replace(".", ",") for line in lines]
    _write(path, lines, line_end)


def _points(
    size: tuple[float, float], kind: Literal["square", "hexagonal"], step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], Grid]:
    """Points of a grid that covers a rectangle (x, y) µm; odd rows of a hexagonal one have one point less."""
    hexagonal = kind == "hexagonal"
    dy = step * np.sqrt(3) / 2 if hexagonal else step
    shape = round(size[1] / dy), round(size[0] / step)
    row, column = (index.ravel() for index in np.indices(shape))
    inside = (not hexagonal) | (row % 2 == 0) | (column < shape[1] - 1)
    row, column = row[inside], column[inside]
    x = (column + 0.5 + 0.5 * (row % 2) * hexagonal) * step
    y = (row + 0.5) * dy
    inside = (x < size[0]) & (y < size[1])
    layout = Grid(kind, (step, dy), shape, row[inside], column[inside], (0.5 * step, 0.5 * dy), 1 if hexagonal else -1)
    return x[inside], y[inside], layout


def _random_orientations(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.stack(
        [
            rng.uniform(0, 2 * np.pi, count),
            np.arccos(rng.uniform(-1, 1, count)),
            rng.uniform(0, 2 * np.pi, count),
        ],
        axis=1,
    )


def _distance_to_boundary(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Pixels from each pixel's centre to the next one of another label, minus half a pixel."""
    boundary = np.zeros(labels.shape, dtype=np.bool_)
    boundary[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    boundary[1:] |= labels[1:] != labels[:-1]
    return ndimage.distance_transform_edt(~boundary) if boundary.any() else np.full(labels.shape, np.inf)


def _common(m: EbsdMap) -> Iterator[list[str]]:
    """The six columns that all EDAX exports begin with."""
    for k in range(len(m)):
        angles = [f"{angle:9.5f}" for angle in m.euler[k]]
        yield [*angles, f"{m.x[k]:12.5f}", f"{m.y[k]:12.5f}", f"{m.quality[k]:9.1f}"]


def _write(path: str | Path, lines: list[str], line_end: str) -> None:
    Path(path).write_text(line_end.join(lines) + line_end, encoding="utf-8", newline="")
