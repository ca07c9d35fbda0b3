"""The mask of the particles of a scan: a phase as it is, or grey values beyond a threshold, section 2.1."""

from dataclasses import dataclass, field

import numpy as np

from nmcfast.calibration.volumes import grey, phases
from nmcfast.calibration.volumes.peaks import seen_peaks
from nmcfast.calibration.volumes.scan import Scan
from nmcfast.calibration.volumes.volume import Note
from nmcfast.errors import InputError
from nmcfast.options import VolumeOptions


@dataclass
class Solid:
    """The mask of the particles with how it was found; picture, counts, edges only of grey values."""

    mask: np.ndarray
    notes: list[Note] = field(default_factory=list)
    picture: grey.Grey | None = None
    kept: list[np.ndarray] = field(default_factory=list)
    counts: np.ndarray | None = None
    edges: np.ndarray | None = None
    thresholds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    pores: tuple[int, int] = (0, 0)


def solid(found: Scan, choices: VolumeOptions) -> Solid:
    """The mask of particles: a phase as it is, or grey values beyond the threshold; its side checked, pores filled."""
    result = Solid(found.values.copy()) if choices.kind == "phases" else _thresholded(found, choices)
    if choices.kind == "phases" and choices.invert:
        result.mask = ~result.mask if found.view is None else ~result.mask & found.view
        result.notes.append(Note(f"all but phase {choices.phase} is particles", "--invert"))
    if not (choices.invert or choices.no_invert):
        why = phases.void_like(result.mask, found.view)
        if why:
            raise no_particles(choices, why)
    return result


def no_particles(choices: VolumeOptions, why: str) -> InputError:
    """The refusal of a phase that is the space around particles."""
    remedy = f"--invert takes what is not phase {choices.phase}" if choices.segmented else "--invert takes dark ones"
    what = "phase" if choices.segmented else "bright part"
    return InputError(f"found that the {what} is no particles: {why}; {remedy}, --no-invert takes it all the same")


def fill(result: Solid, seen: np.ndarray | None, keep: bool) -> None:
    """Closed pores filled and counted, or only counted."""
    body = result.mask.copy() if keep else result.mask
    solid_voxels = int(body.sum())
    result.pores = phases.fill_pores(body, seen)
    result.notes += phases.pore_notes(*result.pores, solid_voxels, keep)


def _thresholded(found: Scan, choices: VolumeOptions) -> Solid:
    sigma = grey.checked_sigma(choices.sigma)
    limits, notes = grey.clip_limits(found.values, found.view, choices.clip)
    picture = grey.Grey(found.values, found.view, limits, sigma, -1 if choices.invert else 1)
    if choices.invert:
        notes.append(Note("particles are dark: grey values turned over", "--invert"))
    counts, edges, kept = grey.histogram(picture)
    tops = seen_peaks(picture)
    classes, more = _classes(tops, choices)
    cuts = grey.multi_otsu(counts, edges, classes) if classes > 2 else [grey.otsu(counts, edges)[0]]
    number = number_of(choices.threshold)
    if number is not None:
        cuts = [picture.sign * number]
        more = [Note(f"threshold {number:g} as --threshold says", "--threshold otsu")]
    mask = grey.above(picture, cuts[-1], kept)
    if not mask.any():
        raise InputError(f"--threshold: found no voxel beyond {cuts[-1]:g}, values reach {edges[-1]:g}")
    signed = [picture.sign * cut for cut in cuts]
    return Solid(mask, notes + more, picture, kept, counts, edges, signed, [picture.sign * top for top in tops])


def number_of(threshold: str) -> float | None:
    if threshold in ("otsu", "unbiased"):
        return None
    try:
        number = float(threshold)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"--threshold: found {threshold!r}, expected otsu, unbiased or a grey value")
    return number


def _classes(tops: list[float], choices: VolumeOptions) -> tuple[int, list[Note]]:
    """Number of classes: as asked, else as many as the histogram has peaks, 2 at least and 3 at most."""
    shown = ", ".join(f"{abs(top):.4g}" for top in tops)
    if choices.classes is not None:
        if not 2 <= choices.classes <= 5:
            raise InputError(f"--classes: found {choices.classes}, expected 2 to 5")
        more = len(tops) > choices.classes
        return choices.classes, [
            Note(f"the histogram has peaks at {shown}, more than classes", "--classes")
        ] if more else []
    if len(tops) <= 2:
        return 2, []
    words = f"the histogram has {len(tops)} peaks, at {shown}: 3 classes by multi-Otsu, the brightest is particles"
    return 3, [Note(words, "--classes 2 for Otsu")]
