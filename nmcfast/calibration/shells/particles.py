"""The particles of a CT file: from the file to labels, section 2.1, every decision a note that names its option."""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nmcfast.calibration.shells import tomography
from nmcfast.calibration.shells.parting import Progress, part_particles
from nmcfast.calibration.volumes import grey, phases
from nmcfast.calibration.volumes.bias import Bias, bias_of
from nmcfast.calibration.volumes.scan import Scan, naming, scan
from nmcfast.calibration.volumes.solid import Solid, fill, no_particles, number_of, solid
from nmcfast.calibration.volumes.volume import Note
from nmcfast.errors import InputError
from nmcfast.options import VolumeOptions
from nmcfast.shells.descriptors import sphericity

LOOKED_AT = 100  # voxels, edge of the middle block whose parts are compared with those between them
SIZES_UM = (0.1, 500.0)  # free: particles of another diameter are refused unless asked for


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


def find_particles(
    path: str | os.PathLike[str],
    voxel_size: tuple[float, ...] | None,
    choices: VolumeOptions = VolumeOptions(),  # noqa: B008, frozen
    progress: Progress | None = None,
) -> Particles:
    """Labelled whole particles of a CT file, section 2.1, with notes on every decision.

    voxel_size: µm, one number or z, y, x; None takes the file's. Raises InputError on what cannot be a CT volume of
    particles, naming the option that decides.
    """
    with naming(path):  # the scan is handed on, not held: its grey values go when the mask is there
        return _labelled(scan(path, voxel_size, choices), choices, progress)


def _labelled(found: Scan, choices: VolumeOptions, progress: Progress | None) -> Particles:
    facts: dict[str, Any] = {
        "stored_shape": list(found.stored),
        "shape": list(found.values.shape),
        "kind": choices.kind,
    }
    if choices.instances:
        share = float((found.values > 0).mean())
        pictures = _pictures(found.values, found.values > 0)
        done = tomography.cleaned(found.values, found.view, merge=False)
        return _finish(found, done, pictures, share, [], {**facts}, choices)
    body = solid(found, choices)
    _refuse_spaces(body.mask, found, choices)
    pictures = _pictures(found.values, body.mask)
    if choices.threshold != "unbiased":  # grey values have done their work: room for labels
        found, body.picture, body.kept = replace(found, values=np.empty(0)), None, []
    done, share = _parted(body, found, choices, progress)
    bias = _bias(done, share, choices, body)
    if bias is not None and choices.threshold == "unbiased":
        _unbiased(body, bias)
        done, share = _parted(body, found, choices, progress)
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


def _refuse_spaces(mask: np.ndarray, found: Scan, choices: VolumeOptions) -> None:
    """Raises InputError where what lies between has rounder parts than the mask; asked where surfaces do not tell."""
    box = tuple(slice(max(0, size // 2 - LOOKED_AT // 2), size // 2 + LOOKED_AT // 2) for size in mask.shape)
    part = mask[box]
    if (
        choices.invert
        or choices.no_invert
        or phases.bulge(part, None if found.view is None else found.view[box]) > phases.HOLLOW
    ):
        return
    rest = ~part if found.view is None else ~part & found.view[box]
    ours, others = _roundness(part), _roundness(rest)
    if others > ours:
        why = f"its parts have a sphericity of {ours:.2f}, those of what lies between {others:.2f}"
        raise no_particles(choices, why)


def _roundness(mask: np.ndarray) -> float:
    """Mean sphericity of the whole parts of a mask, by volume."""
    labels = part_particles(mask)
    volume = tomography.sizes(labels) * ~tomography.at_border(labels)
    volume[0] = 0
    shape = np.asarray(sphericity(volume, np.maximum(tomography.surface_area(labels), 1.0)))
    return float((shape * volume).sum() / max(1, volume.sum()))


def _parted(
    body: Solid, found: Scan, choices: VolumeOptions, progress: Progress | None
) -> tuple[tomography.Cleaned, float]:
    fill(body, found.view, choices.keep_pores)
    seen = body.mask.size if found.view is None else int(found.view.sum())
    share = float(body.mask.sum()) / seen
    return tomography.cleaned(part_particles(body.mask, progress=progress), found.view), share


def _bias(done: tomography.Cleaned, share: float, choices: VolumeOptions, body: Solid) -> Bias | None:
    """Bias of Otsu's threshold for the particles found; None where it was not Otsu's two classes that made the mask."""
    if choices.kind != "grey" or len(body.thresholds) != 1 or number_of(choices.threshold) is not None:
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


def _bias_notes(bias: Bias | None, choices: VolumeOptions) -> list[Note]:
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


def _pictures(values: np.ndarray, mask: np.ndarray) -> list[Section]:
    """A slice of the values along each axis, that of the middle half with most of the mask; labels come later."""
    chosen = []
    for axis in range(3):
        solid_area = mask.sum(axis=tuple(place for place in range(3) if place != axis))
        quarter = len(solid_area) // 4
        index = quarter + int(solid_area[quarter : len(solid_area) - quarter].argmax())
        chosen.append(Section(axis, index, np.take(values, index, axis).copy(), np.empty(0)))
    return chosen


def _finish(
    found: Scan,
    done: tomography.Cleaned,
    pictures: list[Section],
    share: float,
    notes: list[Note],
    facts: dict[str, Any],
    choices: VolumeOptions,
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
