"""Restricted 2D GBPD of a labelled section, by gradient descent on the softmax form, section 2.5, Fig. 7.

Grain i holds the points where the cost sqrt(D_1 u² + D_2 v²) − r is smallest, Eq. (8) with d = 2; u and v are
the coordinates of x − s_i along and across s_i / |s_i|, turned by the grain's tilt. Inside this module lengths are
pixels, a grain's parameters are (s_x, s_y, a, b, r, tilt), and D = (exp 2a, exp 2b) > 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from nmcfast.errors import InputError
from nmcfast.sections.grain_map import Points
from nmcfast.sections.statistics import SectionGrains, measure_grains

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MODEL_PIXEL = 0.05  # µm, unit of the paper's grain model
TILE = 16  # pixels: grains are preselected for tiles of this width
REACH = 12.0  # a grain that costs this more than the cheapest has a share below e^-12; 6 fits large grains worse
DRIFT = 2.0  # pixels that boundaries may move before the grains near each pixel are chosen anew


@dataclass(frozen=True)
class SectionFit:
    """Restricted 2D GBPD of a section, Eqs. (8), (11) with d = 2.

    label (g,) of the section's grains; seed (g, 2) µm from the centre; diagonal (g, 2) µm⁻², D along and
    across the radius; offset (g,); tilt (g,) rad, by which the axes of D are turned from the radius, 0 if
    restricted. A common factor of all costs and a common summand of all offsets change no label: here boundaries
    cost 0 in the median, and sqrt(D_1 D_2) is 1 per squared model pixel in the median. `sharpness` times the cost
    is what the softmax form was fitted with. agreement: share of points with their grain after the start and each
    round; the best round was kept.
    """

    label: Index
    seed: Array
    diagonal: Array
    offset: Array
    tilt: Array
    sharpness: float
    agreement: tuple[float, ...]


class _Pairs(NamedTuple):
    """Pixels and the grains that matter to them: pair k is (pixel[k], grain[k]), sorted by pixel."""

    pixel: Index
    grain: Index
    start: Index  # first pair of each pixel
    own: Index  # pair of each pixel with its grain


def fit_section(
    labels: NDArray[np.integer],
    pixel_size: float,
    centre: tuple[float, float],
    rounds: int = 3,
    iterations: int = 60,
    points: Points | None = None,
    tilted: bool = False,
) -> SectionFit:
    """2D GBPD whose softmax form gives the labelled pixels their grains, section 2.5, Eqs. (8), (11).

    labels (ny, nx), 0 unassigned: such pixels carry no loss; pixel_size µm, centre (x, y) µm from the array's
    corner. points: what was measured, fitted instead of the pixels resampled from it, whose boundaries are rough.
    tilted: each grain's axes may turn from the radius; the paper's restricted form makes grains too round. The start
    makes the ellipse of each grain's moments its boundary. Then L-BFGS lowers the mean cross-entropy of all
    parameters of all grains, `rounds` times `iterations` steps; between rounds the grains near each pixel are chosen
    anew. Deterministic. Raises InputError for fewer than 2 grains.
    """
    grains = measure_grains(labels, pixel_size, centre)
    if len(grains.label) < 2:
        raise InputError(f"the section has {len(grains.label)} grains; expected at least 2 to fit a tessellation")
    places = points or _pixel_centres(labels, pixel_size)
    point, own, edge = _by_tiles(places, labels, grains.label, pixel_size, centre)
    theta = best = _start(grains, pixel_size, centre)
    agreement = [_agreement(theta, point, own)]
    for _ in range(rounds):
        theta = _descend(theta, point, _pairs(theta, point, own), iterations, tilted)
        agreement.append(_agreement(theta, point, own))
        best = theta if agreement[-1] == max(agreement) else best
    return _in_gauge(best, point[edge], own[edge], grains.label, pixel_size, tuple(agreement))


def label_section(
    fit: SectionFit, shape: tuple[int, int], pixel_size: float, centre: tuple[float, float]
) -> NDArray[np.int32]:
    """Label of each pixel of an image, also of those that the data leave unassigned, Eq. (8), Fig. 7.

    shape (ny, nx), pixel_size µm, centre (x, y) µm from the array's corner -> (ny, nx) of fit.label.
    """
    rows, columns = np.indices(shape)
    points = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5 - np.asarray(centre) / pixel_size
    order = _by_tile(points)
    half = np.log(fit.diagonal) / 2 + np.log(pixel_size)
    theta = np.column_stack([fit.seed / pixel_size, half, fit.offset, fit.tilt])
    labels = np.empty(len(points), dtype=np.int32)
    labels[order] = fit.label[_cheapest(theta, points[order])]
    return labels.reshape(shape)


def _pixel_centres(labels: NDArray[np.integer], pixel_size: float) -> Points:
    """The assigned pixels of an image as points."""
    rows, columns = np.nonzero(labels > 0)
    return Points((np.stack([columns, rows], axis=1) + 0.5) * pixel_size, labels[rows, columns])


def _by_tiles(
    points: Points, labels: NDArray[np.integer], label: Index, pixel_size: float, centre: tuple[float, float]
) -> tuple[Array, Index, NDArray[np.bool_]]:
    """Points in the order of tiles: position (p, 2) pixels, row of the grain (p,), in a pixel at a boundary? (p,)."""
    padded = np.pad(labels, 1)
    inside = padded[1:-1, 1:-1]
    others = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    edge = np.any([(other > 0) & (other != inside) for other in others], axis=0)
    columns, rows = np.minimum((points.position / pixel_size).astype(np.int64), np.array(labels.shape)[::-1] - 1).T
    place = (points.position - np.asarray(centre)) / pixel_size
    order = _by_tile(place)
    return place[order], np.searchsorted(label, points.label)[order], edge[rows, columns][order]


def _start(grains: SectionGrains, pixel_size: float, centre: tuple[float, float]) -> Array:
    """Parameters (g, 6) whose cost is 0 on the ellipse of each grain's moments, D_1 D_2 = 1."""
    seed = (grains.centroid - np.asarray(centre)) / pixel_size
    cosine2 = np.nan_to_num(np.cos(grains.alpha) ** 2, nan=0.5)
    first, second = (grains.variance / pixel_size**2 + 1 / 12).T  # 1/12: the pixel's own extent
    along = 2 * np.sqrt(first * cosine2 + second * (1 - cosine2))  # half-axes of the ellipse with these variances
    across = 2 * np.sqrt(second * cosine2 + first * (1 - cosine2))
    radius = np.sqrt(along * across)
    return np.column_stack([seed, np.log(radius / along), np.log(radius / across), radius, np.zeros(len(radius))])


def _frames(theta: Array) -> tuple[Array, Array, Array]:
    """|s| (g,) and the unit vector (g,), (g,) of each grain's first axis; from e_x for a seed at the centre."""
    rho = np.hypot(theta[:, 0], theta[:, 1])
    safe = np.where(rho > 0, rho, 1)
    x, y = np.where(rho > 0, theta[:, 0] / safe, 1.0), theta[:, 1] / safe
    cosine, sine = np.cos(theta[:, 5]), np.sin(theta[:, 5])
    return rho, x * cosine - y * sine, x * sine + y * cosine


def _costs(theta: Array, points: Array) -> Array:
    """Cost of every grain at every point, Eq. (8): (p, g)."""
    _, ex, ey = _frames(theta)
    along, across = np.exp(theta[:, 2:4]).T
    x, y = points[:, :1] - theta[:, 0], points[:, 1:] - theta[:, 1]
    u, v = x * ex + y * ey, y * ex - x * ey
    return np.sqrt((along * u) ** 2 + (across * v) ** 2) - theta[:, 4]


def _by_tile(points: Array) -> Index:
    """Order of points that keeps each tile's together."""
    tile = np.floor(points / TILE).astype(np.int64)
    return np.lexsort((tile[:, 0], tile[:, 1]))


def _tiles(theta: Array, points: Array, reach: float) -> Iterator[tuple[slice, Index]]:
    """Points of each tile, a slice, and the grains within `reach` of the cheapest anywhere in it.

    A cost changes by at most max(sqrt D) per pixel, so one evaluation at the tile's centre bounds it all
    over.
    """
    tile = np.floor(points / TILE)
    ends = np.flatnonzero(np.append((np.diff(tile, axis=0) != 0).any(axis=1), True)) + 1
    slack = np.exp(theta[:, 2:4]).max(axis=1) * TILE / np.sqrt(2)
    centres = _costs(theta, (tile[ends - 1] + 0.5) * TILE)
    for first, last, cost in zip(np.append(0, ends[:-1]), ends, centres, strict=True):
        yield slice(first, last), np.flatnonzero(cost - slack <= (cost + slack).min() + reach)


def _cheapest(theta: Array, points: Array) -> Index:
    """Row of the grain of each point, points in the order of tiles."""
    found = [near[_costs(theta[near], points[part]).argmin(axis=1)] for part, near in _tiles(theta, points, 0.0)]
    return np.concatenate(found)


def _agreement(theta: Array, points: Array, own: Index) -> float:
    return float((_cheapest(theta, points) == own).mean())


def _pairs(theta: Array, points: Array, own: Index) -> _Pairs:
    """For each point its own grain and those that can matter until the pairs are chosen anew."""
    reach = REACH + DRIFT * float(np.exp(np.median(theta[:, 2:4])))
    pixels, grains = [], []
    for part, near in _tiles(theta, points, reach):
        near = np.union1d(near, own[part])
        cost = _costs(theta[near], points[part])
        matters = cost <= cost.min(axis=1, keepdims=True) + reach
        matters[np.arange(len(cost)), np.searchsorted(near, own[part])] = True
        pixel, column = np.nonzero(matters)
        pixels.append(pixel + part.start)
        grains.append(near[column])
    pixel, grain = np.concatenate(pixels), np.concatenate(grains)
    return _Pairs(pixel, grain, np.flatnonzero(np.diff(pixel, prepend=-1)), np.flatnonzero(grain == own[pixel]))


def _descend(theta: Array, points: Array, pairs: _Pairs, iterations: int, tilted: bool) -> Array:
    options = {"maxiter": iterations, "maxcor": 20}
    given = points[pairs.pixel].T.copy(), pairs, tilted
    found = optimize.minimize(_loss, theta.ravel(), given, jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(theta.shape)


def _loss(flat: Array, position: Array, pairs: _Pairs, tilted: bool) -> tuple[float, Array]:
    """Mean cross-entropy of the softmax form, Eq. (11), and its gradient, 0 for a tilt held fixed; position (2, k)."""
    theta, grain = flat.reshape(-1, 6), pairs.grain
    rho, ex, ey = _frames(theta)
    x, y = position - theta[grain, :2].T
    u = x * ex[grain] + y * ey[grain]
    v = y * ex[grain] - x * ey[grain]
    du, dv = (np.exp(2 * theta[:, 2:4])[grain] * np.stack([u, v], axis=1)).T  # half of d cost² / d (u, v)
    metric = np.sqrt(du * u + dv * v) + 1e-9  # a pixel on a seed: gradient 0
    share, loss = _shares(theta[:, 4][grain] - metric, pairs)
    weight = -share / metric
    slots = [share, weight * du * u, weight * dv * v, weight * du, weight * dv, weight * (du * v - dv * u)]
    offset, a, b, inward, sideward, turn = (np.bincount(grain, slot, len(theta)) for slot in slots)
    swing = turn / np.maximum(rho, 0.5) ** 2  # the frame of a seed at the centre turns arbitrarily fast
    seed_x = -inward * ex + sideward * ey - swing * theta[:, 1]
    seed_y = -inward * ey - sideward * ex + swing * theta[:, 0]
    gradient = np.stack([seed_x, seed_y, a, b, offset, tilted * turn], axis=1)
    return loss / len(pairs.start), gradient.ravel() / len(pairs.start)


def _shares(logit: Array, pairs: _Pairs) -> tuple[Array, float]:
    """Derivative of the summed cross-entropy by each logit, and the sum."""
    logit = logit - np.maximum.reduceat(logit, pairs.start)[pairs.pixel]
    weight = np.exp(logit)
    total = np.add.reduceat(weight, pairs.start)
    loss = float((np.log(total) - logit[pairs.own]).sum())
    share = weight / total[pairs.pixel]
    share[pairs.own] -= 1
    return share, loss


def _in_gauge(
    theta: Array, points: Array, own: Index, label: Index, pixel_size: float, agreement: tuple[float, ...]
) -> SectionFit:
    """The fit with its two free constants chosen as SectionFit says; points (p, 2) lie on boundaries."""
    _, ex, ey = _frames(theta)
    along, across = np.exp(theta[:, 2:4]).T
    x, y = (points - theta[own, :2]).T
    u, v = x * ex[own] + y * ey[own], y * ex[own] - x * ey[own]
    cost = np.hypot(along[own] * u, across[own] * v) - theta[own, 4]
    shift = float(np.median(cost)) if len(cost) else 0.0
    sharpness = float(np.sqrt(np.median(along * across))) * MODEL_PIXEL / pixel_size
    return SectionFit(
        label=label,
        seed=theta[:, :2] * pixel_size,
        diagonal=np.exp(2 * theta[:, 2:4]) / (pixel_size * sharpness) ** 2,
        offset=(theta[:, 4] + shift) / sharpness,
        tilt=theta[:, 5],
        sharpness=sharpness,
        agreement=agreement,
    )
