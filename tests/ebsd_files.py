"""Text files of one small map, square, 16 rows of 20 points, four grains of 80 points, with any trait put in."""

import gzip

import numpy as np

ROWS, COLUMNS, STEP = 16, 20, 0.1
GRAINS = np.deg2rad([[20, 30, 10], [110, 60, 50], [200, 45, 80], [330, 45, 20]])
HOLE = (slice(5, 9), slice(7, 13))  # 24 points in the middle, in all four grains


def points(noise: float = 0.2) -> dict[str, np.ndarray]:
    """Columns (320,), radians and µm, with noise in degrees."""
    row, column = (index.ravel() for index in np.indices((ROWS, COLUMNS)))
    rng = np.random.default_rng(3)
    euler = GRAINS[2 * (row // 8) + column // 10] + np.deg2rad(noise) * rng.standard_normal((320, 3))
    hole = np.zeros((ROWS, COLUMNS), dtype=bool)
    hole[HOLE] = True
    full = {"x": column * STEP, "y": row * STEP, "hole": hole.ravel(), "quality": 1000.0 + row, "bands": 8, "error": 0}
    full |= {"phi1": euler[:, 0], "Phi": euler[:, 1], "phi2": euler[:, 2], "confidence": 0.8, "fit": 0.9, "phase": 1}
    return {name: np.broadcast_to(value, 320).astype(float) for name, value in full.items()}


def marked(**marks: float) -> dict[str, np.ndarray]:
    """The columns with other values in the 24 points of the hole; euler stands for all three angles."""
    data = points()
    if "euler" in marks:
        marks |= dict.fromkeys(("phi1", "Phi", "phi2"), marks.pop("euler"))
    for name, value in marks.items():
        data[name] = np.where(data["hole"] > 0, value, data[name])
    return data


def ang(data: dict[str, np.ndarray], symmetry: str = "32", degrees: bool = False, decimals: int = 5, **header) -> str:
    """An .ang of 10 columns; header: other values of its grid lines."""
    grid = {"GRID": "SqrGrid", "XSTEP": STEP, "YSTEP": STEP, "NCOLS_ODD": COLUMNS, "NCOLS_EVEN": COLUMNS, "NROWS": ROWS}
    lines = ["# TEM_PIXperUM 1.0", "#", "# Phase 1", "# MaterialName NMC811", f"# Symmetry {symmetry}", "#"]
    lines += [f"# {key}: {value}" for key, value in (grid | header).items()] + ["#"]
    factor = 180 / np.pi if degrees else 1.0
    for k in range(len(data["x"])):
        angles = " ".join(f"{data[name][k] * factor:.5f}" for name in ("phi1", "Phi", "phi2"))
        place = f"{data['x'][k]:.{decimals}f} {data['y'][k]:.{decimals}f}"
        rest = f"{data['quality'][k]:.1f} {data['confidence'][k]:.3f} {data['phase'][k]:.0f} 1 {data['fit'][k]:.3f}"
        lines.append(f"{angles} {place} {rest}")
    return "\n".join(lines) + "\n"


def ctf(data: dict[str, np.ndarray], phases: str = "", degrees: bool = True) -> str:
    """A .ctf, points without a phase as they are."""
    phases = phases or "2.87;2.87;14.21\t90;90;120\tNMC811\t7\t166"
    lines = ["Channel Text File", "Prj\ta", "Author\tb", "JobMode\tGrid", f"XCells\t{COLUMNS}", f"YCells\t{ROWS}"]
    lines += [f"XStep\t{STEP}", f"YStep\t{STEP}", "AcqE1\t0", "AcqE2\t0", "AcqE3\t0", "Euler angles refer to CS0!"]
    lines += [f"Phases\t{phases.count(chr(10)) + 1}", *phases.split("\n")]
    lines.append("Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS")
    factor = 180 / np.pi if degrees else 1.0
    for k in range(len(data["x"])):
        angles = "\t".join(f"{data[name][k] * factor:.5g}" for name in ("phi1", "Phi", "phi2"))
        head = f"{data['phase'][k]:.0f}\t{data['x'][k]:.4f}\t{data['y'][k]:.4f}"
        rest = f"{data['bands'][k]:.0f}\t{data['error'][k]:.0f}\t{angles}\t{data['fit'][k]:.4f}"
        lines.append(f"{head}\t{rest}\t{min(data['quality'][k], 255):.0f}\t255")
    return "\n".join(lines) + "\n"


def plain(
    data: dict[str, np.ndarray],
    names: str = "phi1 Phi phi2 phase x y",
    separator: str = " ",
    degrees: bool = True,
    header: str | None = None,
) -> str:
    """Columns of text; header: the line that names them, if not by their names."""
    factor = 180 / np.pi if degrees else 1.0
    columns = names.split()
    lines = [header if header is not None else separator.join(columns)]
    scale = {name: factor if name in ("phi1", "Phi", "phi2") else 1.0 for name in columns}
    lines += [separator.join(f"{data[n][k] * scale[n]:.5f}" for n in columns) for k in range(len(data["x"]))]
    return "\n".join(line for line in lines if line) + "\n"


PACKED = {
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be with mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-8 with mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip of utf-16": lambda text: gzip.compress(text.encode("utf-16")),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "both line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "doubled carriage returns": lambda text: text.replace("\n", "\r\r\n").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "blank lines behind": lambda text: (text + "\n \n\n").encode(),
    "comment behind": lambda text: (text + "# end of data\n\n# 320 points\n").encode(),
}
