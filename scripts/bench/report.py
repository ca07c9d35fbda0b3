"""bench.json as a page of tables, and plots."""

import json
from pathlib import Path
from typing import Any

import plots
from timing import median

PAPER = {"grain": 7.06, "shell": 2370.0}  # µs, section 2.10: 12 cores and a GPU; coefficients only
BUSY = 0.05  # share of the processors in others' hands from which on a part is marked
Row = dict[str, Any]


def load(folder: Path) -> dict[str, Any]:
    path = folder / "bench.json"
    return json.loads(path.read_text()) if path.exists() else {"parts": {}}


def store(folder: Path, results: dict[str, Any]) -> None:
    """bench.json, one line a row."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, part in rounded(results["parts"]).items():
        lines = ",\n".join(_line(row) for row in part.pop("rows"))
        parts.append(f'{_line(name)}: {_line(part)[:-1]}, "rows": [\n{lines}\n]}}')
    about = _line({name: value for name, value in results.items() if name != "parts"})
    (folder / "bench.json").write_text(f'{about[:-1]}, "parts": {{\n' + ",\n".join(parts) + "\n}}\n")


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def rounded(value: Any) -> Any:
    """The same with floats of five digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: rounded(v) for name, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def write(folder: Path) -> None:
    """bench.md and the plots beside bench.json."""
    results = load(folder)
    (folder / "bench.md").write_text(page(results))
    plots.write(folder, results["parts"])


def page(results: dict[str, Any]) -> str:
    """What bench.md says of bench.json."""
    lines = head(results)
    for name, made in TABLES.items():
        if name in results["parts"]:
            lines += ["", *made(results["parts"][name]["rows"])]
    pictures = [f"![{title}]({name})" for part, (name, title) in plots.NAMES.items() if part in results["parts"]]
    return "\n".join([*lines, "", *pictures]) + "\n"


def per(row: Row, clock: str = "wall_s", scale: float = 1e9) -> float:
    """Median of a row's runs for one voxel, shell, grain, … in 1/scale seconds."""
    amount = next(row[name] for name in ("voxels", "operations", "count") if name in row)
    return median(row[clock]) / amount * scale


def spread(row: Row, scale: float = 1e9) -> str:
    """Median (least – largest) of the wall clock, and the number of runs."""
    amount = next(row[name] for name in ("voxels", "operations", "count") if name in row)
    each = [wall / amount * scale for wall in row["wall_s"]]
    return number(each[0]) if len(each) == 1 else f"{number(median(each))} ({number(min(each))}–{number(max(each))})"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def head(results: dict[str, Any]) -> list[str]:
    m, done = results["machine"], results["parts"]
    versions = ", ".join(f"{name} {number}" for name, number in m["packages"].items())
    spent = sum(part["seconds"] for part in done.values())
    lines = [
        "# Benchmark",
        "",
        "    python scripts/bench --peers FOLDER",
        "",
        f"{m['processor']} ({m['vectors']}), {m['cores']} cores, {m['memory_gib']} GiB; Python {m['python']},"
        f" {versions}; {m['compiler']}. Commit {m['commit']}. {spent / 60:.0f} minutes.",
        "",
        "Medians of the wall clock (least – largest) and of the processor time of all threads; a first run, which may"
        " compile or load, does not count. Peers run on the same seeds in the same run, by their own programs. [n]: n"
        " voxels in the middle of the box were labelled, and the time of one is extrapolated to it.",
    ]
    busy = {name: part["others"] for name, part in done.items() if part["others"] > BUSY}
    if busy:
        said = ", ".join(f"{name} {100 * share:.0f} %" for name, share in busy.items())
        lines += [
            "",
            f"**The machine was busy**: other programs had of its processors, on average, during {said}."
            " Read processor times and ratios of them there; wall clocks say little.",
        ]
    quick = [name for name, part in done.items() if part["quick"]]
    return lines + (["", f"From a quick run: {', '.join(quick)}."] if quick else [])


def limit_table(rows: list[Row]) -> list[str]:
    body = [
        (r["who"], spread(r), number(per(r, "cpu_s")))
        if "voxels" in r
        else (r["who"], f"{1 / per(r):.3g} × 10⁹ a second", f"{1 / per(r, 'cpu_s'):.3g} × 10⁹ a second")
        for r in rows
    ]
    return ["## Limits of one core, C", "", *table(("limit", "ns a voxel", "processor time"), body)]


KINDS = {
    "gbpd": "Eq. (8), D = diag(1, 3, 3) in the radial frame, r ~ U(1, 3)",
    "voronoi": "Voronoi: D = 1, r = 0",
    "power": "power diagram: D = 1, squared norm, weights r²",
}


def label_tables(rows: list[Row]) -> list[str]:
    """One table a kind of case: everybody at every size."""
    page = ["## Labels of n³ boxes, 0.0018 seeds a voxel", "", "Differing: voxels where a peer's label is not ours."]
    page += ["", *ratio_table(rows)]
    for kind, title in KINDS.items():
        of_kind = [r for r in rows if r["kind"] == kind]
        body = []
        for r in of_kind:
            ours = next(o for o in of_kind if o["size"] == r["size"] and o["name"] == "label_grid")
            part = f" [{r['voxels']:,}]" if r.get("extrapolated") else ""
            ratio = number(per(r, "cpu_s") / per(ours, "cpu_s"))
            differ = "" if "differing" not in r else f"{r['differing']:,} of {r['voxels']:,}"
            body.append(
                (
                    f"{r['size']}³, {r['seeds']:,} seeds",
                    r["who"] + part,
                    r["threads"],
                    spread(r),
                    number(per(r, "cpu_s")),
                    ratio,
                    differ,
                )
            )
        names = ("box", "who", "threads", "ns a voxel", "processor time", "× label_grid's processor time", "differing")
        page += ["", f"### {title}", "", *table(names, body)]
    page += ["", "Versions: " + ", ".join(_versions(rows)) + "."]
    return page


def ratio_table(rows: list[Row]) -> list[str]:
    """What the targets are about: ratios of processor times, and the wall clock on several threads."""

    def ns(kind: str, size: int, name: str, clock: str = "cpu_s", threads: int = 1) -> float:
        for r in rows:
            if (r["kind"], r["size"], r["name"]) == (kind, size, name) and (r["threads"] > 1) == (threads > 1):
                return per(r, clock)
        return float("nan")

    body = [
        (
            f"{size}³",
            number(ns("gbpd", size, "kernel")),
            number(ns("gbpd", size, "kernel", "wall_s") / ns("gbpd", size, "kernel", "wall_s", 2)),
            number(ns("voronoi", size, "voro") / ns("voronoi", size, "kernel")),
            number(ns("power", size, "voro") / ns("power", size, "kernel")),
        )
        for size in dict.fromkeys(r["size"] for r in rows)
    ]
    names = (
        "box",
        "kernel, Eq. (8), one thread, ns",
        "faster on several threads (wall clock)",
        "Voro++ ÷ kernel, Voronoi",
        "Voro++ ÷ kernel, power",
    )
    return table(names, body)


def by_hand_table(rows: list[Row]) -> list[str]:
    """Our kernel beside labels.c."""
    body = []
    for ours, c in zip(rows[::2], rows[1::2], strict=True):
        what = f"Eq. (8), D ratio {ours['ratio']:g}" if ours["kind"] == "gbpd" else KINDS[ours["kind"]]
        body.append(
            (
                f"{ours['size']}³",
                what,
                number(per(ours, "cpu_s")),
                number(per(c, "cpu_s")),
                f"{per(ours, 'cpu_s') / per(c, 'cpu_s'):.2f}",
                f"{c['differing']:,} of {c['voxels']:,}",
                "yes" if ours["counts"] == c["counts"] else "no",
            )
        )
    names = ("box", "case", "numba", "C", "numba ÷ C", "voxels that differ", "same counts of work")
    return [
        "## Our kernel and the same algorithm by hand in C (labels.c)",
        "",
        "ns of processor time a voxel, one thread, int32, in turn.",
        "",
        *table(names, body),
    ]


def _versions(rows: list[Row]) -> list[str]:
    return sorted({f"{name} {number}" for r in rows for name, number in r.get("versions", {}).items()})


def growth_table(rows: list[Row]) -> list[str]:
    body = [
        (
            f"{r['size']}³",
            f"{r['seeds']:,}",
            f"{r['ratio']:g}",
            spread(r),
            number(per(r, "cpu_s")),
            *(f"{v:.3g}" for v in r["counts"].values()),
        )
        for r in rows
    ]
    names = ("box", "seeds", "D ratio", "ns a voxel", "processor time", *rows[0]["counts"])
    return ["## How labelling grows: kernel, one thread, int32", "", *table(names, body)]


def fine_table(rows: list[Row]) -> list[str]:
    body = [
        (f"{r['voxel_nm']:g} nm", f"{r['voxels']:,}", r["threads"], spread(r), number(per(r, "cpu_s"))) for r in rows
    ]
    names = ("voxel", "voxels", "threads", "ns a voxel", "processor time")
    return [
        f"## Finer voxels of one box: {rows[0]['seeds']:,} seeds in {rows[0]['size']}³ pixels of 50 nm",
        "",
        "uint16, streamed through one buffer of 256 planes.",
        "",
        *table(names, body),
    ]


def micro_table(title: str, unit: str, paper: str, value: float) -> Any:
    def made(rows: list[Row]) -> list[str]:
        body = [(r["name"], spread(r, 1e6), number(per(r, "cpu_s", 1e6))) for r in rows]
        body.append((paper, number(value), ""))
        return [f"## {title}, one thread", "", *table((unit, "µs", "processor time"), body)]

    return made


def particle_table(rows: list[Row]) -> list[str]:
    r = rows[0]
    title = f"## Particle {r['index']} of seed 0, median volume, one thread"
    holds = f"{r['grains']:,} grains, {r['box_voxels']:,} voxels of 50 nm in its box."
    body = [(r["name"], spread(r, 1e3), number(per(r, "cpu_s", 1e3))) for r in rows]
    return [title, "", holds, "", *table(("step", "ms", "processor time"), body)]


MADE = ("processes", "particles a second", "by processor time", "grains")


def _made(r: Row) -> tuple[str | int, ...]:
    """Name of a row of particles, and its cells below MADE."""
    rate, by_processor = number(1 / per(r, scale=1)), number(r["workers"] / per(r, "cpu_s", 1))
    return r["name"], r["workers"], rate, by_processor, number(r["grains"])


def median_table(rows: list[Row]) -> list[str]:
    body = [
        (
            *_made(r),
            f"{r['box_voxels']:.3g}",
            number(r["bytes"] / r["count"]),
        )
        for r in rows
    ]
    names = (
        "drawn, pruned, labelled at 50 nm, written",
        *MADE,
        "voxels in the box",
        "bytes",
    )
    r = rows[0]
    return [
        "## Particles of median volume",
        "",
        f"The particles of seed 0 with the shell volumes nearest the median of 400, {r['volumes_um3'][0]:.0f} to"
        f" {r['volumes_um3'][1]:.0f} µm³ around {r['median_um3']:.0f}. The mean of the 400 is {r['mean_um3']:.0f} µm³.",
        "",
        *table(names, body),
    ]


def library_table(rows: list[Row]) -> list[str]:
    body = [
        (
            *_made(r),
            f"{r['volume_um3']:.0f}",
            number(r["bytes"] / r["count"]),
            number(r["peak_mib"]),
        )
        for r in rows
    ]
    names = (
        "first particles of seed 0",
        *MADE,
        "µm³",
        "bytes a particle",
        "peak memory of a process, MiB",
    )
    bare = max((r for r in rows if "without" in r["name"]), key=lambda r: r["workers"])
    hours, busy = 1e6 * per(bare, scale=1) / 3600, 1e6 * per(bare, "cpu_s", 1) / bare["workers"] / 3600
    error, larger = bare["relative_error"], bare["mean_um3"] / bare["volume_um3"]
    return [
        "## Libraries",
        "",
        *table(names, body),
        "",
        f"1,000,000 particles without labels: {number(hours)} hours on {bare['workers']} cores ({number(busy)} by"
        f" processor time), extrapolated from {bare['count']} whose sizes scatter: standard error {100 * error:.0f} %,"
        f" {bare['volume_um3']:.0f} µm³ and {number(bare['grains'])} grains on average. Particles are much larger on"
        f" average than in the middle: of {bare['shells']:,} shells the mean is {bare['mean_um3']:.0f} µm³, the median"
        f" {bare['median_um3']:.0f}. With time as volume, for that mean: {number(hours * larger)} hours"
        f" ({number(busy * larger)} by processor time).",
    ]


def start_table(rows: list[Row]) -> list[str]:
    body = [
        (
            r["name"],
            number(median(r["wall_s"])),
            number(median(r["cpu_s"])),
            "" if r["limit_s"] is None else r["limit_s"],
        )
        for r in rows
    ]
    page = ["## Start-up, seconds", "", *table(("process", "wall", "processor time", "to reach"), body)]
    split = next((r for r in rows if "split" in r), None)
    if split:
        modules: dict[str, list[float]] = {}
        for name, entry in split["split"].items():
            of = modules.setdefault(name.split(".")[0], [0, 0.0])
            of[0] += entry["compiled"]
            of[1] += entry["cpu_s"]
        listed = sorted(modules.items(), key=lambda item: -item[1][1])
        rest = split["split_all_s"] - sum(of[1] for _, of in listed)
        body = [(name, int(n), number(s)) for name, (n, s) in listed] + [("everything else", "", number(rest))]
        page += [
            "",
            "What is compiled for the first particle; processor time of each module's functions alone:",
            "",
            *table(("module", "functions × signatures", "s"), body),
        ]
    return page


TABLES = {
    "limits": limit_table,
    "labels": label_tables,
    "by hand": by_hand_table,
    "growth": growth_table,
    "fine": fine_table,
    "shells": micro_table("Shells", "shell", "paper, coefficients only", PAPER["shell"]),
    "grains": micro_table("Analytic grains", "grain", "paper, 12 cores and a GPU", PAPER["grain"]),
    "particle": particle_table,
    "median": median_table,
    "libraries": library_table,
    "start-up": start_table,
}
