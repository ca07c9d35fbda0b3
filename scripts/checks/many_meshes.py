"""Meshes of many particles at three sizes: none may fail, turn a cell over, or leave an edge that is not manifold.

    python scripts/checks/many_meshes.py --count 200 --rows meshes.csv --seconds 580        # again, until all are there
    python scripts/checks/many_meshes.py --count 200 --rows meshes.csv --page docs/results/many_meshes.md

Particle i of the stream of a seed has a shell of at most some volume, which goes round in CAPS; every tenth keeps its
first one, two, … grains alone, every ninth is the union of its grains (surface "grains"). A row a mesh is appended to
--rows, which is not made again; --seconds ends the run between two meshes. Each mesh is checked here once more, from
points and cells alone, by nothing of the package: volumes, faces, edges and nodes of every grain's surface and of the
outer one, face-connected grains.
"""

import argparse
import csv
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nmcfast import generate_particle, load_model
from nmcfast.errors import NmcfastError
from nmcfast.meshes.body import Body, Cluster
from nmcfast.meshes.mesh import Mesh, mesh_of
from nmcfast.particle import Particle

SEED = 5
CAPS = (8, 20, 8, 40, 12, 60, 8, 20, 100, 400)  # µm³; the mean grain has 0.07
ACROSS = {300: (3.0, 4.0, 6.0), 10_000: (2.0, 3.0, 4.0)}  # elements across the mean grain, up to so many grains
FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])  # counter-clockwise from outside
SAID = ("two", "two_on", "three", "three_on", "four", "four_on", "more", "more_on")  # nodes by names about them
COLUMNS = (
    *("particle", "turn", "surface", "grains", "across", "tetrahedra", "smallest", "p1", "p5", "largest", "missing"),
    *("volume", "within_2", "within_5", "boundary", *SAID, "furthest", "seconds", "faults"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--page", type=Path, help="write the page of results instead")
    options = parser.parse_args()
    if options.page:
        options.page.write_text(page(read(options.rows), options.count))
        return
    end, done = time.monotonic() + options.seconds, {(r["particle"], r["turn"]) for r in read(options.rows)}
    model = load_model("nmc811")
    for index in range(options.count):
        if all((index, turn) in done for turn in range(3)):
            continue
        body, grains, surface = body_of(model, index)
        sizes = next(across for most, across in ACROSS.items() if grains <= most)
        for turn, across in enumerate(sizes):
            if time.monotonic() > end:
                return
            if (index, turn) not in done:
                append(options.rows, {"turn": turn, **row(body, index, surface, across)})


def body_of(model, index: int) -> tuple[Body, int, str]:
    """What is meshed, of how many grains, and what its surface is."""
    surface = "grains" if index % 9 == 4 else "shell"
    where = f"shell_volume_um3 < {CAPS[index % len(CAPS)]}"
    p: Particle = generate_particle(model, SEED, index, surface=surface, where=where)
    grains = p.grains.take(np.arange(index // 10 + 1)) if index % 10 == 6 and surface == "shell" else p.grains
    if surface == "shell":
        return Body(grains, p.shell, p.norm), len(grains), surface
    return Cluster(grains, p.shell, p.norm, p.halo, p.domain, p._region), len(grains), surface


def row(body: Body, index: int, surface: str, across: float) -> dict[str, object]:
    """One mesh in figures."""
    known = {"particle": index, "surface": surface, "grains": len(body.grains), "across": across}
    size = mean_diameter(body) / across
    start = time.process_time()
    try:
        mesh = mesh_of(body, size)
    except NmcfastError as error:
        return known | {"tetrahedra": 0, "faults": f"failed: {error}"}
    seconds = time.process_time() - start
    q = mesh.quality
    truth = inside(body) if surface == "shell" else float("nan")
    figures = {
        "tetrahedra": len(mesh.cells),
        "smallest": q.smallest.min(),
        "p1": np.percentile(q.smallest, 1),
        "p5": np.percentile(q.smallest, 5),
        "largest": q.largest.max(),
        "missing": len(mesh.missing),
        "volume": mesh.volume.sum() / truth - 1.0,
        "within_2": q.within(0.02),
        "within_5": q.within(0.05),
        "boundary": len(q.distance),
        "furthest": q.distance.max(initial=0.0) / size,
        "seconds": seconds,
        "faults": faults(mesh),
    }
    for number, name in ((2, "two"), (3, "three"), (4, "four"), (5, "more")):
        which = q.meeting == number if number < 5 else q.meeting > 4
        figures[name] = int(which.sum())
        figures[f"{name}_on"] = int((q.distance[which] < 0.02 * size).sum())
    print(known, {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in figures.items()}, flush=True)
    return known | figures


def mean_diameter(body: Body) -> float:
    """Of a ball of the mean grain's volume, µm; a grain that is alone in its shell counts as fifty."""
    return (6.0 / np.pi * inside(body) / max(len(body.grains), 50)) ** (1.0 / 3.0)


def inside(body: Body) -> float:
    """Volume of |x| ≤ X(u), µm³: ∫ X³ / 3 over the sphere, by Gauss and the trapezoidal rule."""
    z, weight = np.polynomial.legendre.leggauss(40)
    angle = 2.0 * np.pi * np.arange(80) / 80
    rho = np.sqrt(1.0 - z**2)[:, None]
    u = np.stack(np.broadcast_arrays(rho * np.cos(angle), rho * np.sin(angle), z[:, None]), axis=-1)
    radius = body.shell.radius(u.reshape(-1, 3)).reshape(len(z), -1)
    return float((weight[:, None] * radius**3).sum() / 3.0 * 2.0 * np.pi / 80)


# the mesh, looked at by itself


def faults(mesh: Mesh) -> str:
    """What is wrong with a mesh, nothing when it is sound."""
    p = mesh.points[mesh.cells]
    six = np.einsum("ij,ij->i", p[:, 1] - p[:, 0], np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 0]))
    said = [f"{(six <= 0).sum()} cells turned over"] if (six <= 0).any() else []
    faces = mesh.cells[:, FACES].reshape(-1, 3)
    owner = np.repeat(np.arange(len(mesh.cells)), 4)
    order = np.lexsort(np.sort(faces, axis=1).T)
    same = (np.sort(faces, axis=1)[order][1:] == np.sort(faces, axis=1)[order][:-1]).all(axis=1)
    if (same[1:] & same[:-1]).any():
        said.append("a face of three cells")
    a, b = order[:-1][same], order[1:][same]
    alike = mesh.grain[owner[a]] == mesh.grain[owner[b]]
    if parts(owner[a[alike]], owner[b[alike]], len(mesh.cells)) != len(np.unique(mesh.grain)):
        said.append("a grain in parts")
    if parts(owner[a], owner[b], len(mesh.cells)) != 1:
        said.append("a solid in parts")
    single = np.setdiff1d(np.arange(len(faces)), np.concatenate([a, b]))
    between = np.concatenate([a[~alike], b[~alike]])
    surface = np.concatenate([single, between])
    said += not_manifold(faces[surface], mesh.grain[owner[surface]], "a grain")
    said += not_manifold(faces[single], np.zeros(len(single), int), "the solid")
    return "; ".join(said)


def parts(a: np.ndarray, b: np.ndarray, count: int) -> int:
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return connected_components(graph, directed=False)[0]


def not_manifold(triangles: np.ndarray, body: np.ndarray, name: str) -> list[str]:
    """Faults of closed surfaces of several bodies: edges not run through once each way, nodes of several fans."""
    ends = np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2)  # edge k of triangle t: 3 t + k
    owner = np.repeat(body, 3)
    key = np.column_stack([owner, np.sort(ends, axis=1)])
    order = np.lexsort(key.T)
    pairs = order.reshape(-1, 2)
    first, second = key[pairs[:, 0]], key[pairs[:, 1]]
    turned = (ends[pairs[:, 0]] == ends[pairs[:, 1]][:, ::-1]).all(axis=1)
    if len(order) % 2 or (first != second).any() or not turned.all() or (first[1:] == first[:-1]).all(axis=1).any():
        return [f"an edge of {name} is not manifold"]
    a, b = pairs.T
    next_of = np.arange(len(ends)).reshape(-1, 3)[:, [1, 2, 0]].ravel()
    # corner k of a triangle is where its edge k begins; across an edge the two corners at each of its ends meet
    fans = parts(np.concatenate([a, next_of[a]]), np.concatenate([next_of[b], b]), len(ends))
    nodes = len(np.unique(np.column_stack([owner, triangles.ravel()]), axis=0))
    return [f"a node of {name} is not manifold"] if fans != nodes else []


# rows and the page


def append(path: Path, figures: dict[str, object]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if fresh:
            writer.writeheader()
        writer.writerow(figures)


def read(path: Path) -> list[dict]:
    """The rows there are, numbers as numbers."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            {k: v if k in ("surface", "faults") else float(v or "nan") for k, v in r.items()}
            for r in csv.DictReader(file)
        ]


def page(rows: list[dict], count: int) -> str:
    """The page of results: sums over all meshes, then by elements across the mean grain."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    bad = [r for r in rows if r["faults"]]
    grains = sorted(r["grains"] for r in rows)
    whole = len({r["particle"] for r in rows})
    lines = [
        "# Meshes of many particles",
        "",
        f"    python {' '.join(sys.argv)}",
        "",
        f"Commit {commit.strip()}. {len(rows)} meshes of {whole} particles (of {count} asked for) of "
        f"{grains[0]:.0f} to "
        f'{grains[-1]:.0f} grains, {sum(r["surface"] == "grains" for r in rows)} of them of surface "grains"; '
        f"{sum(r['tetrahedra'] for r in rows):,.0f} tetrahedra.",
        "",
        f"**Failed: {sum(r['tetrahedra'] == 0 for r in rows)}. With a fault: {len(bad)}.** "
        "Checked from points and cells alone: volumes positive, faces of two cells at most, every grain and the solid "
        "face-connected, each edge of each grain's surface and of the outer one run through once each way, each node "
        "of these one fan.",
        "",
        *(f"- particle {r['particle']:.0f}, {r['across']:g} across: {r['faults']}" for r in bad),
        *([""] if bad else []),
        "| across | meshes | tetrahedra | smallest dihedral: least, median | 1 % | 5 % | largest | below 8° (meshes) | "
        "nodes within 2, 5 % | two, three, four, more names within 2 % | volume of the whole: worst | "
        "grains without a cell | tets per s |",
        "|" + "---|" * 13,
    ]
    for across in sorted({r["across"] for r in rows}):
        lines.append(summary(across, [r for r in rows if r["across"] == across and r["tetrahedra"]]))
    lines += [
        "",
        "Across: elements across the mean grain. 1 %, 5 %: mean of the meshes' percentiles. Names: outside counts as "
        'one; shares of all nodes of these meshes. Volume: against |x| ≤ X(u), surface "shell". Time: CPU of one '
        "thread on a shared machine.",
        "",
    ]
    return "\n".join(lines)


def summary(across: float, rows: list[dict]) -> str:
    def total(name: str) -> float:
        return sum(r[name] for r in rows)

    least = [r["smallest"] for r in rows]
    shares = [100.0 * total(f"{name}_on") / max(total(name), 1.0) for name in ("two", "three", "four", "more")]
    within = [
        100.0 * sum(r[name] * r["boundary"] for r in rows) / total("boundary") for name in ("within_2", "within_5")
    ]
    cells = (
        f"{across:g}",
        f"{len(rows)}",
        f"{total('tetrahedra'):,.0f}",
        f"{min(least):.1f}, {np.median(least):.1f}",
        f"{np.mean([r['p1'] for r in rows]):.1f}",
        f"{np.mean([r['p5'] for r in rows]):.1f}",
        f"{max(r['largest'] for r in rows):.0f}",
        f"{sum(v < 8.0 for v in least)}",
        ", ".join(f"{v:.1f}" for v in within) + " %",
        ", ".join(f"{v:.1f}" for v in shares) + " %",
        f"{100.0 * np.nanmax([abs(r['volume']) for r in rows]):.2f} %",
        f"{total('missing'):.0f} of {total('grains'):,.0f}",
        f"{total('tetrahedra') / total('seconds'):,.0f}",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
