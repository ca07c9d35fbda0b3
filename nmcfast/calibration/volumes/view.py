"""The field of view: what of a volume was measured; the rest is no pore, and particles that touch it are cut."""

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.volume import Note
from nmcfast.errors import InputError

LEAST = 0.002  # free: share of the volume below which a region of one value is no outside
ALIEN = 0.01  # free: share of the rest that may hold the value of the outside by chance
RING = 3.0  # voxels, width of the ring at a cylinder's edge in which particles are cut
SOLID = 0.96  # free: area of a field of view over that of its hull, on slices
CUT = 0.5  # free: share of solid at the edge of a cylinder, of that inside, from which particles are cut there
KEEN = 0.7  # free: share of solid at the wall of a cylinder, of that 2 to 4 voxels behind it, from which it cuts
RIM = 2  # voxels, free: a particle this near to the outside is cut


def field_of_view(values: np.ndarray) -> tuple[np.ndarray | None, list[Note]]:
    """Voxels that were measured -> bool (nz, ny, nx), None where all were; NaN inside are filled in place.

    Found are NaN or infinite values that reach the border, a region of one value at the corners that the rest does not
    hold (a cylinder, blank slices), and in volumes of few values a cylinder or blank slices that cut particles.
    """
    holes = ~np.isfinite(values) if values.dtype.kind == "f" else None
    if holes is not None and holes.any():
        return _without_holes(values, holes)
    for region, words in (_one_value(values), _cylinder(values), _flat_ends(values)):
        if region is not None:
            share = 1.0 - region.mean()
            return region, [
                Note(f"field of view: {words}, {100 * share:.1f} % of the volume, lies outside", "--mask FILE")
            ]
    return None, []


def given_view(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The field of view of a mask file: all that is not 0. InputError where it has another shape or is empty."""
    if mask.shape != shape:
        raise InputError(f"--mask: found the shape {mask.shape}, expected {shape} as the volume")
    return mask != 0


def edge(view: np.ndarray) -> np.ndarray:
    """Voxels of the view within `RIM` of the outside -> bool."""
    return view & ndimage.binary_dilation(~view, iterations=RIM)


def _without_holes(values: np.ndarray, holes: np.ndarray) -> tuple[np.ndarray | None, list[Note]]:
    """NaN that reach the border are outside; those within take the value of the nearest voxel."""
    parts, _ = ndimage.label(holes)
    outside = np.isin(parts, _border_labels(parts)) & holes
    if outside.mean() < LEAST:
        outside[:] = False
    within = holes & ~outside
    notes = []
    if within.any():
        notes.append(Note(f"{int(within.sum())} voxels that are not finite take the value of their neighbours"))
    for box in ndimage.find_objects(parts):
        wide = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in box)
        if within[wide].any():
            near = ndimage.distance_transform_edt(holes[wide], return_distances=False, return_indices=True)
            values[wide] = np.where(within[wide], values[wide][tuple(near)], values[wide])
    if not outside.any():
        return None, notes
    values[outside] = np.median(values[~outside][:: max(1, values.size // 1_000_000)])
    words = f"field of view: not finite outside, {100 * outside.mean():.1f} % of the volume"
    return ~outside, [*notes, Note(words, "--mask FILE")]


def _border_labels(parts: np.ndarray) -> np.ndarray:
    faces = [np.unique(np.take(parts, end, axis)) for axis in range(3) for end in (0, -1)]
    found = np.unique(np.concatenate(faces))
    return found[found > 0]


def _one_value(values: np.ndarray) -> tuple[np.ndarray | None, str]:
    """A region of one value from the corners that is no pore: the rest is solid and hardly holds the value."""
    for value in dict.fromkeys(values[z, y, x] for z in (0, -1) for y in (0, -1) for x in (0, -1)):
        same = values == value
        share = float(same.mean())
        if not LEAST < share < 0.95:
            continue
        parts, _ = ndimage.label(same)
        corners = np.unique([parts[z, y, x] for z in (0, -1) for y in (0, -1) for x in (0, -1)])
        outside = np.isin(parts, corners[corners > 0])
        del parts
        inside = ~outside
        alien = float((same & inside).sum()) / max(1, int(inside.sum()))
        if outside.mean() > LEAST and alien < ALIEN and _is_solid(inside) and _differ(values, inside):
            return inside, f"the value {value} all around it"
    return None, ""


def _differ(values: np.ndarray, inside: np.ndarray) -> bool:
    """Whether a region holds two values at least: a view of solid and pore does, one particle of a mask does not."""
    low, high = values.min(), values.max()
    return bool(values.min(where=inside, initial=high) < values.max(where=inside, initial=low))


def _is_solid(inside: np.ndarray) -> bool:
    """Whether a region is convex on its middle slices, as a field of view is and particles together are not."""
    box = ndimage.find_objects(inside.view(np.uint8))
    if not box:
        return False
    part = inside[box[0]]
    return all(_hull_share(np.take(part, part.shape[axis] // 2, axis)) > SOLID for axis in range(3))


def _hull_share(flat: np.ndarray) -> float:
    from scipy.spatial import ConvexHull, QhullError

    rows = [np.flatnonzero(row) for row in flat]
    ends = [(y + dy, x) for y, row in enumerate(rows) if row.size for x in (row[0], row[-1] + 1) for dy in (0, 1)]
    try:
        return float(flat.sum()) / float(ConvexHull(np.array(ends, float)).volume) if ends else 0.0
    except QhullError:
        return 0.0


def _flat_ends(values: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Slices of one value at the ends of an axis, where the first slice behind them shows particles cut."""
    view, words = np.ones(values.shape, bool), []
    for axis in range(3):
        first, last = _blank(values, axis)
        if first == 0 and last == values.shape[axis]:
            continue
        if first >= last:
            return None, ""
        solid = _solid_shares(values, axis, first, last)
        for cut, part, near in (
            (first > 0, slice(0, first), solid[0]),
            (last < values.shape[axis], slice(last, None), solid[-1]),
        ):
            if cut and near > CUT * np.median(solid):
                view[tuple(part if place == axis else slice(None) for place in range(3))] = False
                words.append("zyx"[axis])
    return (view, f"blank slices at an end of {', '.join(dict.fromkeys(words))}") if words else (None, "")


def _blank(values: np.ndarray, axis: int) -> tuple[int, int]:
    """First slice that is not of one value, and the one behind the last."""
    others = tuple(place for place in range(3) if place != axis)
    live = np.flatnonzero(values.max(axis=others) != values.min(axis=others))
    return (int(live[0]), int(live[-1]) + 1) if live.size else (0, 0)


def _solid_shares(values: np.ndarray, axis: int, first: int, last: int) -> np.ndarray:
    """Share of each slice that differs from the blank value."""
    blank = np.take(values, 0 if first else -1, axis).flat[0]
    others = tuple(place for place in range(3) if place != axis)
    return (values != blank).mean(axis=others)[first:last]


def _cylinder(values: np.ndarray) -> tuple[np.ndarray | None, str]:
    """A cylinder along an axis beyond which all has the corners' value, and whose edge cuts as much as lies within."""
    value = values[0, 0, 0]
    for axis in range(3):
        solid = (values != value).mean(axis=axis)
        if not solid.any():
            continue
        for middle in _middles(solid):
            y, x = np.indices(solid.shape, float)
            distance = np.hypot(y - middle[0], x - middle[1])
            reach = float(distance[solid > 0].max())
            disc = distance <= reach
            ring = disc & (distance > reach - RING)
            outside = float((~disc).mean())
            cuts = solid[ring].mean() > CUT * solid[disc].mean() and _wall(solid, reach - distance) > KEEN
            if LEAST < outside < 0.9 and cuts:
                view = np.broadcast_to(np.expand_dims(disc, axis), values.shape).copy()
                return _without_ends(values, view, axis, f"a cylinder along {'zyx'[axis]}")
    return None, ""


def _wall(solid: np.ndarray, depth: np.ndarray) -> float:
    """Share of solid in the outermost voxel of a disc over that 2 to 4 voxels behind it.

    About 1 where particles are cut; a round particle that fills the disc thins out as √depth: 0.39 whatever its size.
    """
    at, behind = solid[(depth >= 0) & (depth < 1)], solid[(depth >= 2) & (depth < 4)]
    return float(at.mean() / behind.mean()) if at.size and behind.size and behind.any() else 0.0


def _without_ends(values: np.ndarray, view: np.ndarray, axis: int, words: str) -> tuple[np.ndarray, str]:
    """A cylinder less the blank slices at its ends."""
    y, x = ndimage.find_objects(view.any(axis=axis).view(np.uint8))[0]
    box = [y, x]
    box.insert(axis, slice(None))
    ends, more = _flat_ends(values[tuple(box)])
    if ends is None:
        return view, words
    view[tuple(box)] &= ends
    return view, f"{words}, {more}"


def _middles(solid: np.ndarray) -> list[tuple[float, float]]:
    """Where the axis of a cylinder may lie: the middle of the slice, and that of what it shows."""
    y, x = ndimage.find_objects((solid > 0).astype(np.uint8))[0]
    return [
        ((solid.shape[0] - 1) / 2, (solid.shape[1] - 1) / 2),
        ((y.start + y.stop - 1) / 2, (x.start + x.stop - 1) / 2),
    ]
