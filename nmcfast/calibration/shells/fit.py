"""A shell law from a CT volume: sections 2.1 and 2.3 whole, with the distance correlation of Fig. 3."""

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast import parameters
from nmcfast.calibration.shells.compare import LAWS, compare_laws
from nmcfast.calibration.shells.star_shapes import StarShapes, restored, smoothing_share, star_shapes
from nmcfast.errors import InputError
from nmcfast.options import ShellOptions, VolumeOptions
from nmcfast.shells.descriptors import shell_descriptors, sphericity
from nmcfast.shells.law import Law

MAX_PAIRED = 2000  # particles in a distance correlation, whose memory grows with the square


@dataclass(frozen=True)
class ShellCalibration:
    """What a CT volume says about shells, section 2.3: the law taken, and the report as plain values."""

    law: Law
    report: dict[str, Any]


def calibrate_shells(
    path: str | os.PathLike[str],
    voxel_size_um: float | tuple[float, ...] | None = None,
    *,
    seed: int = ShellOptions.seed,
    law: str = ShellOptions.law,
    restore: bool = ShellOptions.restore,
    report_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **choices: Any,
) -> ShellCalibration:
    """The shell law of a CT volume with the report of every step, sections 2.1 and 2.3.

    path as `volumes.read.open_volume`; voxel_size_um None takes what the file states; choices as `VolumeOptions`:
    segmented, phase, sigma and what else is decided of a volume; law "auto" takes the best (`compare.compare_laws`),
    "independent", "relative" or "joint" that one; restore: undo what the Gaussian takes from fine waves
    (`star_shapes.restored`), without it a systematic error that the report states by order under "smoothing";
    report_dir: folder for Figs. 3, 4 and 10a and the slices as PNG. Raises InputError on any input that cannot be a CT
    volume.
    """
    from nmcfast.calibration.shells.particles import find_particles  # here: only images need the imaging extra

    _check_law(law)
    chosen = VolumeOptions(**choices)
    if restore and chosen.kind != "grey":
        raise InputError("restore: a segmented volume is not smoothed here, so there is nothing to restore")
    size = (voxel_size_um,) if isinstance(voxel_size_um, float | int) else voxel_size_um
    found = find_particles(path, size, chosen, progress)
    labels, sigma = found.labels, chosen.sigma if chosen.kind == "grey" else 0.0
    try:
        shapes = star_shapes(labels, seed)
        smoothing = _smoothing_summary(shapes, sigma)
        if restore:
            shapes, smoothing["raised_to_limit"] = restored(shapes, sigma)
        fits, comparison = compare_laws(shapes.coefficients, found.voxel_um, seed=seed)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    taken = comparison["taken"] if law == "auto" else law
    report = {
        "input": {"file": Path(path).name, "voxel_size_um": found.voxel_um, **found.facts},
        "options": {**asdict(chosen), "seed": seed, "law": law, "restore": restore},
        "decisions": [str(note) for note in found.notes],
        "segmentation": found.counts,
        "star_shapes": _star_summary(shapes, labels),
        "smoothing": smoothing,
        "size_dependence": size_dependence(shapes.coefficients, seed).tolist(),
        "comparison": {**comparison, "taken": taken},
    }
    if report_dir is not None:
        from nmcfast.calibration.shells.outlines import write_sections
        from nmcfast.calibration.shells.plots import write_shell_report

        write_shell_report(report_dir, shapes.coefficients, fits[taken], report)
        write_sections(report_dir, found, shapes.label)
    return ShellCalibration(fits[taken].law, report)


def _smoothing_summary(shapes: StarShapes, sigma: float) -> dict[str, Any]:
    """Share of the waves of each order that the Gaussian has left, mean over the shapes."""
    order = np.arange(1, parameters.ORDER + 1)
    share = smoothing_share(order, shapes.coefficients[:, :1] / np.sqrt(4.0 * np.pi), sigma)
    return {"sigma": sigma, "share_left_by_order": share.mean(axis=0).round(3).tolist()}


def _star_summary(shapes: StarShapes, labels: np.ndarray) -> dict[str, Any]:
    """Counts and means that compare with published analyses of the same volume, lengths in voxels."""
    from nmcfast.calibration.shells.tomography import surface_area

    table = [shell_descriptors(row) for row in shapes.coefficients]
    voxel = sphericity(shapes.volume, surface_area(labels)[shapes.label])
    return {
        **shapes.counts,
        "volume_share": float(shapes.share.mean()),
        "volume_share_of_all": float((shapes.share * shapes.volume).sum() / shapes.volume.sum()),
        "mean_equivalent_radius": float(((0.75 / np.pi * shapes.volume) ** (1 / 3)).mean()),
        "mean_sphericity_shell": float(np.mean([row["sphericity"] for row in table])),
        "mean_sphericity_voxels": float(np.mean(voxel)),
    }


def _check_law(law: str) -> None:
    if law not in ("auto", *LAWS):
        raise InputError(f"law: found {law!r}, expected auto, {', '.join(LAWS[:-1])} or {LAWS[-1]}")


def distance_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Distance correlation of two samples (n,), Székely et al. (2007), Fig. 3; 0 if one is constant."""
    return _correlate(_centred_distances(x), _centred_distances(y))


def _centred_distances(x: np.ndarray) -> np.ndarray:
    distance = np.abs(x[:, None] - x[None])
    mean = distance.mean(axis=0)
    return distance - mean - mean[:, None] + mean.mean()


def _correlate(a: np.ndarray, b: np.ndarray) -> float:
    variances = float((a * a).mean()) * float((b * b).mean())
    if variances <= 0.0:
        return 0.0
    return math.sqrt(max(float((a * b).mean()), 0.0) / math.sqrt(variances))


def size_dependence(coefficients: np.ndarray, seed: int = 0) -> np.ndarray:
    """Distance correlation of a_00 with every other coefficient, Fig. 3 -> ((L + 1)² − 1,).

    coefficients (n, (L + 1)²). Of more than 2,000 particles a random 2,000 are taken. Independent samples of
    n = 1,000 give about 0.05, not 0.
    """
    if len(coefficients) > MAX_PAIRED:
        chosen = np.random.default_rng(seed).choice(len(coefficients), MAX_PAIRED, replace=False)
        coefficients = coefficients[chosen]
    size = _centred_distances(coefficients[:, 0])
    return np.array([_correlate(size, _centred_distances(column)) for column in coefficients.T[1:]])
