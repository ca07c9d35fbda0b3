"""CT volumes with the traits of public bug reports through `nmcfast calibrate shells`: what the command says of each.

    python scripts/checks/ct_rows.py --output docs/results/ct_rows.md

64 turned ellipsoids of equivalent radius 7.78 voxels and sphericity 0.990, each trait in a file of its own; a row gives
the exit code, particles, their mean equivalent radius and sphericity, and what was decided or refused.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from ct_toys import bytes_of, ellipsoids

EDGE = 4
VOXEL = "0.128"
HEAD = ("case", "options", "exit", "particles", "radius µm", "sphericity", "said")
Case = tuple[str, str, list[str]]


def imagej(path: Path, values: np.ndarray, spacing: float, size: float = 0.128) -> None:
    said = {"spacing": spacing, "unit": "um", "axes": "ZYX"}
    tifffile.imwrite(path, values, imagej=True, resolution=(1 / size, 1 / size), metadata=said)


def geometry(folder: Path, values: np.ndarray) -> Iterator[Case]:
    """What the file says of sizes, against the option."""
    imagej(folder / "every_second.tif", values[::2], 0.256)
    imagej(folder / "half.tif", values, 0.064, 0.064)
    imagej(folder / "cubic.tif", values, 0.128)
    yield "ImageJ spacing twice the size in a slice", "every_second.tif", []
    yield "the file says 0.064 µm, the option 0.128", "half.tif", ["--voxel-size", VOXEL]
    yield "nm in place of µm", "cubic.tif", ["--voxel-size", "128"]
    yield "m in place of µm", "cubic.tif", ["--voxel-size", "1.28e-7"]
    yield "size in the file alone", "cubic.tif", []


def order(folder: Path, values: np.ndarray) -> Iterator[Case]:
    """Slices, series, pages."""
    (folder / "slices").mkdir()
    for number, plane in enumerate(values, 1):
        tifffile.imwrite(folder / "slices" / f"slice_{number}.tif", plane)
    (folder / "slices" / "._slice_1.tif").write_bytes(b"\x00\x05\x16\x07")
    with tifffile.TiffWriter(folder / "overview.tif") as file:
        file.write(values[50, ::4, ::4], photometric="minisblack")
        file.write(values, photometric="minisblack")
    for plane in values:
        tifffile.imwrite(folder / "pages.tif", plane, append=True, photometric="minisblack")
    yield "slice_1 … without zeros, a ._ file", "slices", ["--voxel-size", VOXEL]
    yield "an overview first", "overview.tif", ["--voxel-size", VOXEL]
    yield "appended page by page", "pages.tif", ["--voxel-size", VOXEL]


def phases(folder: Path, values: np.ndarray, labels: np.ndarray) -> Iterator[Case]:
    """Which phase is particles."""
    size = ["--voxel-size", VOXEL]
    np.save(folder / "dark.npy", 255 - values)
    tifffile.imwrite(folder / "miniswhite.tif", 255 - values, photometric="miniswhite")
    np.save(folder / "void1.npy", (labels == 0).astype(np.uint8))
    np.save(folder / "instances.npy", labels)
    yield "dark particles", "dark.npy", size
    yield "dark particles, said", "dark.npy", [*size, "--invert"]
    yield "MinIsWhite", "miniswhite.tif", size
    yield "a mask, 1 = void", "void1.npy", [*size, "--segmented"]
    yield "a mask, 1 = void, said", "void1.npy", [*size, "--segmented", "--invert"]
    yield "instance labels, not said", "instances.npy", size
    yield "instance labels, said", "instances.npy", [*size, "--instances"]
    domains = ndimage.gaussian_filter(np.random.default_rng(4).normal(size=labels.shape), 4)
    for share in (10, 45):
        binder = (labels == 0) & (domains > np.quantile(domains[labels == 0], 1 - share / 100))
        three = np.where(labels > 0, 200.0, np.where(binder, 100.0, 20.0))
        noise = np.random.default_rng(5).normal(0, 6, three.shape)
        np.save(folder / f"binder{share}.npy", (ndimage.gaussian_filter(three, 0.7) + noise).clip(0, 255).astype("u1"))
        yield f"binder in {share} % of the rest", f"binder{share}.npy", size


def others(folder: Path, values: np.ndarray, labels: np.ndarray) -> Iterator[Case]:
    """Outliers, pores, fields of view, files of other kinds."""
    rng, size = np.random.default_rng(6), ["--voxel-size", VOXEL]
    specks = values.astype(np.uint16)
    specks[tuple(rng.integers(0, n, 40) for n in specks.shape)] = 65535
    pores = (labels > 0).astype(np.uint8)
    inside = np.argwhere(ndimage.binary_erosion(pores, iterations=3))
    pores[tuple(inside[rng.choice(len(inside), int(0.007 * pores.sum()), replace=False)].T)] = 0
    y, x = np.indices(values.shape[1:]) - (values.shape[1] - 1) / 2
    round_view = np.where(np.hypot(y, x) < values.shape[1] / 2, values, 0)
    blank = np.concatenate([np.zeros_like(values[:12]), values, np.zeros_like(values[:9])])
    np.save(folder / "half.npy", values.astype(np.float16))
    (folder / "v.raw").write_bytes(values.tobytes())
    (folder / "v.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = {' '.join(map(str, values.shape[::-1]))}\n"
        "ElementType = MET_UCHAR\nElementSpacing = 0.128 0.128 0.128\nElementDataFile = v.raw\n"
    )
    for name, array in {"specks": specks, "pores": pores, "view": round_view, "blank": blank}.items():
        np.save(folder / f"{name}.npy", array)
    yield "40 specks at full scale", "specks.npy", size
    yield "closed pores, 0.7 %", "pores.npy", [*size, "--segmented"]
    yield "a cylinder's view", "view.npy", size
    yield "blank slices", "blank.npy", size
    yield "float16", "half.npy", size
    yield ".mhd and .raw", "v.mhd", size


def row(case: Case, folder: Path) -> str:
    """The command on one case."""
    name, file, options = case
    command = [
        sys.executable,
        "-m",
        "nmcfast",
        "calibrate",
        "shells",
        str(folder / file),
        *options,
        "--quiet",
        "--json",
    ]
    done = subprocess.run([*command, "--output", str(folder / "m.safetensors"), "--overwrite"], **_PIPES)
    shown: list[Any] = [name, " ".join(options), done.returncode]
    if done.returncode:
        shown += ["", "", "", done.stderr.strip().splitlines()[-1].replace(str(folder) + "/", "")]
    else:
        report = json.loads(done.stdout)
        stars = report["star_shapes"]
        radius = stars["mean_equivalent_radius"] * report["input"]["voxel_size_um"]
        measured = f"{radius:.3f}", f"{stars['mean_sphericity_shell']:.3f}"
        shown += [stars["shapes"], *measured, "; ".join(report["decisions"])]
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in shown) + " |"


_PIPES: dict[str, Any] = {"capture_output": True, "text": True, "check": False}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    values, labels = bytes_of(EDGE), ellipsoids(EDGE)
    rows = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [*geometry(folder, values), *order(folder, values), *phases(folder, values, labels)]
        for case in [*cases, *others(folder, values, labels)]:
            rows.append(row(case, folder))
            print(rows[-1], flush=True)
    if options.output:
        head = ["# CT volumes as they may come, through the command", "", "    python scripts/checks/ct_rows.py", ""]
        truth = f"{EDGE**3} ellipsoids of equivalent radius {7.78 * 0.128:.3f} µm, sphericity 0.990."
        options.output.write_text("\n".join([*head, truth, "", *rows, ""]))


if __name__ == "__main__":
    main()
