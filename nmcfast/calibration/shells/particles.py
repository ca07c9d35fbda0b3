"""The particles of a CT file: from the file to labels, section 2.1, every decision a note that names its option."""

import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from nmcfast import parameters
from nmcfast.calibration.shells import tomography
from nmcfast.calibration.shells.parting import part_particles
from nmcfast.calibration.volumes import geometry, grey, kinds, phases, view
from nmcfast.calibration.volumes.bias import Bias, bias_of
from nmcfast.calibration.volumes.read import open_volume
from nmcfast.calibration.volumes.volume import Ask, Note, Volume
from nmcfast.errors import InputError

SIZES_UM = (0.1, 500.0)  # free: particles of another diameter are refused unless asked for
FULL = 1.0  # free: enclosed space of more than this share of the solid is no closed pores


@dataclass(frozen=True)
class Choices:
    """What the user says of a volume; the defaults look for themselves."""

    segmented: bool = False
    instances: bool = False
    phase: int = 1
    sigma: float = parameters.SMOOTHING
    classes: int | None = None
    threshold: str = "otsu"
    invert: bool | None = None
    keep_pores: bool = False
    mask: str | None = None
    clip: float | None = None
    grey: bool = False
    any_size: bool = False
    geometry: str = "agree"
    ask: Ask = Ask()  # noqa: RUF009, frozen

    @property
    def kind(self) -> str:
        return "instances" if self.instances else "phases" if self.segmented else "grey"

    def to_dict(self) -> dict[str, Any]:
        """The choices as plain values."""
        return asdict(self)


@dataclass
class Scan:
    """A volume in cubes: grey values, bool where one phase is the particles, or int32 labels; view None means all."""

    values: np.ndarray
    voxel_um: float
    view: np.ndarray | None
    notes: list[Note]
    stored: tuple[int, ...]


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


@dataclass(frozen=True)
class Section:
    """A slice through the middle for a picture: axis, index, values, and the labels of all parts."""

    axis: int
    index: int
    values: np.ndarray
    parts: np.ndarray


@dataclass
class Particles:
    """Labelled particles of a CT file, lengths in voxels, with what was decided."""

    labels: np.ndarray
    voxel_um: float
    counts: dict[str, float]
    notes: list[Note]
    facts: dict[str, Any]
    sections: list[Section]
    particle: np.ndarray
    fate: np.ndarray


def scan(path: str | os.PathLike[str], voxel_size: tuple[float, ...] | None, choices: Choices) -> Scan:
    """A CT file as a volume of cubic voxels with its field of view."""
    if choices.instances and choices.segmented:
        raise InputError("--instances: found --segmented too, expected one of them")
    volume = open_volume(path, choices.ask)
    with _naming(path):
        sizes, notes = geometry.settle(volume.stated, voxel_size, choices.geometry)
        notes = [*volume.notes, *notes, *_white(volume, choices.kind)]
        seen, more = _view(volume, choices)
        notes += more
        if choices.kind == "phases" or (choices.kind == "grey" and choices.classes is None and not choices.grey):
            kinds.refuse_labels(volume.values, choices.segmented)
        if choices.kind == "grey" and kinds.is_two_valued(volume.values):
            notes.append(
                Note("two values only, smoothed as grey ones are", "--segmented --phase N takes them as they are")
            )
        return _cubic(volume.values, sizes, seen, notes, choices)


class _naming:
    """Errors within name the file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, InputError) and not str(error).startswith(self._path):
            raise InputError(f"{self._path}: {error}") from error


def _white(volume: Volume, kind: str) -> list[Note]:
    """Values turned where 0 is white, in place, so that bright is large as on a screen."""
    if not volume.white_is_zero:
        return []
    values = volume.values
    if kind != "grey" and not kinds.is_two_valued(values):
        return [Note("the file says that 0 is white; phases and labels are left as they are")]
    low, high = values.min(), values.max()
    top = low + high if kind != "grey" or high <= 1 or values.dtype.kind != "u" else np.iinfo(values.dtype).max
    np.subtract(values.dtype.type(top), values, out=values)
    return [Note("the file says that 0 is white: values turned over", "--invert")]


def _view(volume: Volume, choices: Choices) -> tuple[np.ndarray | None, list[Note]]:
    found, notes = view.field_of_view(volume.values)
    if choices.mask is None:
        return found, notes
    given = view.given_view(open_volume(choices.mask).values, volume.values.shape)
    words = f"field of view of {choices.mask}, {100 * given.mean():.1f} % of the volume"
    return given if found is None else given & found, [*notes, Note(words, "--mask")]


def _cubic(values: np.ndarray, sizes: np.ndarray, seen: np.ndarray | None, notes: list[Note], choices: Choices) -> Scan:
    stored = values.shape
    shape, factor, more = geometry.resampling(stored, sizes)
    if choices.kind == "instances":
        values, background = kinds.instance_labels(values)
        if background:
            more.append(Note(f"label 0 is absent: {background}, the most frequent, is what lies between the particles"))
        values = values if shape == stored else geometry.cubic_labels(values, shape, factor)
    elif choices.kind == "phases":
        values = tomography.phase_mask(values, choices.phase)
        values = values if shape == stored else geometry.cubic_mask(values, shape, factor)
    else:
        values = geometry.cubes(values, shape)
    seen = None if seen is None else geometry.nearest(seen, shape)
    return Scan(values, float(sizes.min()), seen, [*notes, *more], stored)


def solid(found: Scan, choices: Choices) -> Solid:
    """The mask of particles: a phase as it is, or grey values beyond the threshold; its side checked, pores filled."""
    result = Solid(found.values.copy()) if choices.kind == "phases" else _thresholded(found, choices)
    if choices.kind == "phases" and choices.invert:
        result.mask = ~result.mask if found.view is None else ~result.mask & found.view
        result.notes.append(Note(f"all but phase {choices.phase} is particles", "--invert"))
    if choices.invert is None:
        why = phases.void_like(result.mask, found.view)
        if why:
            remedy = (
                f"--invert takes what is not phase {choices.phase}" if choices.segmented else "--invert takes dark ones"
            )
            raise InputError(
                f"found that the {'phase' if choices.segmented else 'bright'} is no particles: {why}; "
                f"{remedy}, --no-invert takes it all the same"
            )
    return result


def _fill(result: Solid, seen: np.ndarray | None, keep: bool) -> None:
    """Closed pores filled and counted, or only counted."""
    body = result.mask.copy() if keep else result.mask
    solid_voxels = int(body.sum())
    result.pores = phases.fill_pores(body, seen)
    result.notes += phases.pore_notes(*result.pores, solid_voxels, keep)


def _thresholded(found: Scan, choices: Choices) -> Solid:
    sigma = grey.checked_sigma(choices.sigma)
    limits, notes = grey.clip_limits(found.values, found.view, choices.clip)
    picture = grey.Grey(found.values, found.view, limits, sigma, -1 if choices.invert else 1)
    if choices.invert:
        notes.append(Note("particles are dark: grey values turned over", "--invert"))
    counts, edges, kept = grey.histogram(picture)
    tops = grey.seen_peaks(picture)
    classes, more = _classes(tops, choices)
    cuts = grey.multi_otsu(counts, edges, classes) if classes > 2 else [grey.otsu(counts, edges)[0]]
    number = _number(choices.threshold)
    if number is not None:
        cuts = [picture.sign * number]
        more = [Note(f"threshold {number:g} as --threshold says", "--threshold otsu")]
    mask = grey.above(picture, cuts[-1], kept)
    if not mask.any():
        raise InputError(f"--threshold: found no voxel beyond {cuts[-1]:g}, values reach {edges[-1]:g}")
    signed = [picture.sign * cut for cut in cuts]
    return Solid(mask, notes + more, picture, kept, counts, edges, signed, [picture.sign * top for top in tops])


def _number(threshold: str) -> float | None:
    if threshold in ("otsu", "unbiased"):
        return None
    try:
        number = float(threshold)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"--threshold: found {threshold!r}, expected otsu, unbiased or a grey value")
    return number


def _classes(tops: list[float], choices: Choices) -> tuple[int, list[Note]]:
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


def find_particles(
    path: str | os.PathLike[str],
    voxel_size: tuple[float, ...] | None,
    choices: Choices = Choices(),
) -> Particles:
    """Labelled whole particles of a CT file, section 2.1, with notes on every decision.

    voxel_size: µm, one number or z, y, x; None takes the file's. Raises InputError on what cannot be a CT volume of
    particles, naming the option that decides.
    """
    found = scan(path, voxel_size, choices)
    with _naming(path):
        return _labelled(found, choices)


def _labelled(found: Scan, choices: Choices) -> Particles:
    facts: dict[str, Any] = {
        "stored_shape": list(found.stored),
        "shape": list(found.values.shape),
        "kind": choices.kind,
    }
    if choices.instances:
        share = float((found.values > 0).mean())
        pictures = _pictures(found.values)
        done = tomography.cleaned(found.values, found.view, merge=False)
        return _finish(found, done, pictures, share, [], {**facts}, choices)
    body = solid(found, choices)
    pictures = _pictures(found.values)
    if choices.threshold != "unbiased":  # grey values have done their work: room for labels
        found, body.picture, body.kept = replace(found, values=np.empty(0)), None, []
    done, share = _parted(body, found, choices)
    bias = _bias(done, share, choices, body)
    if bias is not None and choices.threshold == "unbiased":
        _unbiased(body, bias)
        done, share = _parted(body, found, choices)
    notes = body.notes + _bias_notes(bias, choices)
    facts |= {
        "thresholds": body.thresholds,
        "peaks": body.peaks,
        "closed_pores": body.pores[0],
        "closed_pore_voxels": body.pores[1],
    }
    if bias is not None:
        facts["otsu"] = {"volume_bias": bias.volume, "unbiased_between_class_means": bias.unbiased}
    return _finish(found, done, pictures, share, notes, facts, choices)


def _parted(body: Solid, found: Scan, choices: Choices) -> tuple[tomography.Cleaned, float]:
    _fill(body, found.view, choices.keep_pores)
    seen = body.mask.size if found.view is None else int(found.view.sum())
    share = float(body.mask.sum()) / seen
    return tomography.cleaned(part_particles(body.mask), found.view), share


def _bias(done: tomography.Cleaned, share: float, choices: Choices, body: Solid) -> Bias | None:
    """Bias of Otsu's threshold for the particles found; None where it was not Otsu's two classes that made the mask."""
    if choices.kind != "grey" or len(body.thresholds) != 1 or _number(choices.threshold) is not None:
        return None
    volume = tomography.sizes(done.parts)
    whole = np.bincount(done.particle, weights=volume)[1:]
    return bias_of((0.75 / np.pi * whole) ** (1 / 3), share, choices.sigma) if whole.size else None


def _unbiased(body: Solid, bias: Bias) -> None:
    """The mask made again at the unbiased threshold."""
    assert body.picture is not None and body.counts is not None and body.edges is not None
    sign = body.picture.sign
    low, high = grey.class_means(body.counts, body.edges, sign * body.thresholds[0])
    cut = low + bias.unbiased * (high - low)
    body.mask = grey.above(body.picture, cut, body.kept)
    body.thresholds = [sign * cut]
    body.notes = [note for note in body.notes if "closed pores" not in note.text]


def _bias_notes(bias: Bias | None, choices: Choices) -> list[Note]:
    if bias is None:
        return []
    if choices.threshold == "unbiased":
        return [
            Note(
                f"threshold at {bias.unbiased:.2f} between the class means, at which balls of these sizes keep "
                f"their volume; Otsu's gives {100 * bias.volume:+.1f} %",
                "--threshold otsu",
            )
        ]
    words = (
        f"Otsu's threshold after σ = {choices.sigma:g} makes balls of these sizes {100 * bias.volume:+.1f} % in volume"
    )
    return [Note(words, "--threshold unbiased")]


def _pictures(values: np.ndarray) -> list[Section]:
    """Middle slices of the values along each axis; labels come later."""
    return [
        Section(axis, values.shape[axis] // 2, np.take(values, values.shape[axis] // 2, axis).copy(), np.empty(0))
        for axis in range(3)
    ]


def _finish(
    found: Scan,
    done: tomography.Cleaned,
    pictures: list[Section],
    share: float,
    notes: list[Note],
    facts: dict[str, Any],
    choices: Choices,
) -> Particles:
    tomography.refuse_empty(tuple(facts["shape"]), done.counts)
    sections = [replace(one, parts=np.take(done.parts, one.index, one.axis).copy()) for one in pictures]
    labels = tomography.relabelled(done.parts, done.particle)
    _refuse_size(labels, found.voxel_um, choices.any_size)
    counts = {"foreground_share": share, **done.counts}
    return Particles(labels, found.voxel_um, counts, found.notes + notes, facts, sections, done.particle, done.fate)


def _refuse_size(labels: np.ndarray, voxel_um: float, any_size: bool) -> None:
    diameter = float(np.median((6.0 / np.pi * tomography.sizes(labels)[1:]) ** (1 / 3))) * voxel_um
    if not any_size and not SIZES_UM[0] <= diameter <= SIZES_UM[1]:
        raise InputError(
            f"voxel size: found {voxel_um:g} µm, which makes particles of {diameter:.3g} µm, expected "
            f"{SIZES_UM[0]:g} to {SIZES_UM[1]:g} µm; is it in µm? --any-size takes it"
        )
