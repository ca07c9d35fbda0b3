"""Our label kernel: the common case beside limits and peers, and how it grows with voxels, seeds and anisotropy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import peers
import yardstick
from cases import DENSITY, RATIO, Case, Region, make_case, middle
from timing import in_turn, measure

from nmcfast.kernels import label_grid
from nmcfast.kernels.gbpd.label_box import COUNTS
from nmcfast.kernels.gbpd.labels import EVERYWHERE, label_volume, tables
from nmcfast.kernels.gbpd.layout import Names

RATIOS = (1.0, 3.0, 10.0)
STREAM_PLANES = 256  # voxels of the buffer's edge along z that fine volumes pass through
CHEAP = 2e6  # voxels that a peer with a search structure labels of a box too large for it
PAIRS = 1e9  # of a voxel and a seed that brute force evaluates
SEARCHING = ("voro", "ckdtree", "damask", "nearest16")
BY_KIND = {
    "voronoi": ("voro", "ckdtree", "damask", "microstructpy"),
    "power": ("voro", "ckdtree", "damask"),
    "gbpd": ("nearest16", "brute_numba", "brute_numpy", "keops", "pyapd"),
}
WHOLE = {"voro": 2e7, "ckdtree": 2e7, "damask": 2e7, "nearest16": 2e7, "microstructpy": 3e5, "brute_numba": 3e5}
_SHORT = 2e6  # voxels up to which a run is so short that three are made


class Labeller:
    """Our kernel on a grid of a case, into memory of its own that is touched before the clock runs."""

    def __init__(self, case: Case, shape: tuple[int, int, int], voxel_size: float = 1.0, dtype: Any = np.int32) -> None:
        self.case, self.voxel_size, self.shape = case, voxel_size, shape
        self.out = np.zeros(shape, dtype)
        n = len(case.offset)
        self._names = Names(np.arange(n + 1).astype(dtype), np.ones(n, np.uint8))

    def run(self, origin: tuple[float, float, float], workers: int = 1) -> np.ndarray:
        """Labels of the voxels from an origin (x, y, z) on, tables of the seeds included; the kernel's counts."""
        case = self.case
        squared = case.norm == "squared"
        given = tables(case.position, case.matrices, case.offset, origin, self.voxel_size, squared)
        return label_volume(self.out, self._names, given, EVERYWHERE, workers)


def row(case: Case, name: str, who: str, threads: int, timed: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One line of the results; `voxels` is what was labelled in each run."""
    head = {"group": "labels", "kind": case.kind, "size": case.size, "ratio": case.ratio, "seeds": len(case.offset)}
    return {**head, "name": name, "who": who, "threads": threads, "voxels": case.size**3, **timed, **more}


def rows_of_case(case: Case, threads: int, repeat: int) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Our kernel on one thread and on several, and `label_grid` as users call it, in turn; and the labels."""
    shape = (case.size,) * 3
    grid = Labeller(case, shape)
    works: dict[str, Callable[[], object]] = {"kernel 1": lambda: grid.run(case.origin)}
    if threads > 1:
        works["kernel n"] = lambda: grid.run(case.origin, threads)
    works["label_grid"] = lambda: called(case, shape)
    numba.set_num_threads(threads)
    timed = in_turn(works, least=repeat)
    rows = [row(case, "kernel", "nmcfast kernel", 1, timed["kernel 1"], counts=per_voxel(grid))]
    if threads > 1:
        rows.append(row(case, "kernel", "nmcfast kernel", threads, timed["kernel n"]))
    rows.append(row(case, "label_grid", "nmcfast label_grid", threads, timed["label_grid"]))
    return rows, grid.out


def per_voxel(grid: Labeller) -> dict[str, float]:
    """What the kernel counts in a box, for one voxel; writes its labels."""
    counts = (grid.run(grid.case.origin).sum(0) / grid.out.size).tolist()
    return dict(zip((f"{name} a voxel" for name in COUNTS), counts, strict=True))


def by_hand(programs: Path, sizes: list[int], repeat: int) -> list[dict[str, Any]]:
    """Our kernel and the same algorithm in C, in turn, on one thread; voxels in which they differ."""
    rows = []
    if not yardstick.available():
        return rows
    cases = [make_case("gbpd", size, ratio=ratio) for size in sizes for ratio in RATIOS]
    for case in [*cases, *(make_case(kind, max(sizes)) for kind in ("voronoi", "power"))]:
        grid, c = Labeller(case, (case.size,) * 3), yardstick.Yardstick(programs, case)
        timed = in_turn({"kernel": lambda grid=grid, case=case: grid.run(case.origin), "C": c.run}, least=repeat)
        named = per_voxel(grid)
        differ = int(np.count_nonzero(c.out != grid.out))
        theirs = dict(zip(named, (c.run() / c.out.size).tolist(), strict=True))
        rows.append(row(case, "kernel", "nmcfast kernel", 1, timed["kernel"], counts=named))
        rows.append(row(case, "C", "by hand, C with AVX2", 1, timed["C"], counts=theirs, differing=differ))
    return [r | {"group": "by hand"} for r in rows]


def called(case: Case, shape: tuple[int, int, int]) -> np.ndarray:
    return label_grid(case.position, case.matrices, case.offset, shape, case.origin, 1.0, norm=case.norm)


def peer_rows(folder: Path, case: Case, ours: np.ndarray, threads: int, *, least: int) -> list[dict[str, Any]]:
    """All peers that label this kind of case, one after the other, with the voxels in which their labels differ."""
    rows = []
    for name in BY_KIND[case.kind]:
        if name == "microstructpy" and case.size > 64:
            continue  # 35,000 ns a voxel at 64³, and it labels whole boxes only
        region = middle(case.size, case.size**3 if case.size**3 <= WHOLE.get(name, 0) else _part(name, case))
        workers = 1 if name in ("voro", "microstructpy", "brute_numpy") else threads
        many = least if region.voxels(case.size) <= _SHORT else 1
        timed, labels = peers.run(folder, name, case, region, least=many, seconds=1.5, threads=workers)
        mine = ours[region.z0 : region.z1, region.y0 : region.y1]
        differ = _differing(name, case, region, labels, mine)
        share = {"voxels": region.voxels(case.size), "extrapolated": region.voxels(case.size) < case.size**3}
        rows.append(row(case, name, peers.NAMES[name], workers, timed, **share, differing=differ))
    return rows


def _part(name: str, case: Case) -> float:
    return CHEAP if name in SEARCHING else min(3e4, PAIRS / len(case.offset))


def _differing(name: str, case: Case, region: Region, labels: np.ndarray, ours: np.ndarray) -> int:
    """Voxels in which a peer and we differ; PyAPD's model is ours with the squared norm and weights r²."""
    if name == "pyapd":
        origin = (case.origin[0], case.origin[1] + region.y0, case.origin[2] + region.z0)
        ours = label_grid(case.position, case.matrices, case.offset**2, labels.shape, origin, 1.0, norm="squared")
    return int(np.count_nonzero(labels != ours))


def compared(folder: Path | None, sizes: list[int], threads: int, repeat: int, least: int) -> list[dict[str, Any]]:
    """Every kind of case at every size: ours, then the peers where there is a folder of them."""
    rows = []
    for size in sizes:
        for kind in BY_KIND:
            case = make_case(kind, size)
            mine, labels = rows_of_case(case, threads, repeat)
            rows += mine
            if folder is not None:
                rows += peer_rows(folder, case, labels, threads, least=least)
    return rows


def growth(sizes: list[int], box: int, seeds_in_box: list[int], repeat: int) -> list[dict[str, Any]]:
    """One thread, D ratios 1, 3, 10: boxes of many sizes at one density, and one box with few to many seeds."""
    rows = []
    boxes = [(size, None) for size in sizes] + [(box, seeds) for seeds in seeds_in_box]
    for size, seeds in boxes:
        for ratio in RATIOS:
            case = make_case("gbpd", size, ratio=ratio, seeds=seeds)
            grid = Labeller(case, (size,) * 3)
            timed = measure(lambda case=case, grid=grid: grid.run(case.origin), least=2, most=repeat, seconds=1.0)
            more = {"sweep": "voxels" if seeds is None else "seeds", "counts": per_voxel(grid)}
            rows.append(row(case, "kernel", "nmcfast kernel", 1, timed, **more) | {"group": "growth"})
    return rows


def fine(size: int, factors: list[int], threads: int, repeat: int) -> list[dict[str, Any]]:
    """One case at 50, 25, 12.5 nm: uint16 labels, streamed through a buffer of 256 planes that is used again."""
    case, rows = make_case("gbpd", size), []
    for factor in factors:
        edge = size * factor
        planes = min(edge, STREAM_PLANES)
        grid = Labeller(case, (planes, edge, edge), 1.0 / factor, np.uint16)

        def stream(workers: int, grid: Labeller = grid, edge: int = edge, planes: int = planes) -> None:
            for first in range(0, edge, planes):
                grid.run((*case.origin[:2], case.origin[2] + first * grid.voxel_size), workers)

        works = {"1": lambda stream=stream: stream(1)}
        if threads > 1:
            works["n"] = lambda stream=stream: stream(threads)
        for which, timed in in_turn(works, least=repeat).items():
            more = {"voxel_nm": 50.0 / factor, "voxels": edge**3, "ratio": RATIO, "density": DENSITY}
            rows.append(
                row(case, "kernel", "nmcfast kernel", 1 if which == "1" else threads, timed) | more | {"group": "fine"}
            )
    return rows
