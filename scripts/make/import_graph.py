"""Draw which room imports which, from the code; fails at a circle or an arrow against the layers in setup.cfg.

python scripts/make/import_graph.py            # rewrites docs/imports.svg and the arrows in CONTRIBUTING.md
"""

import ast
import configparser
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = "docs/imports.svg"
FOLDERS = {"nmcfast": "nmcfast", "kernels": "nmcfast.kernels", "export": "nmcfast.export"}  # and how they are imported
ROW, BOX, GAP = 28, 20, 20  # of the picture, in its units
WIDTH, MIDDLE, HALF = 760, 340, 76

Arrows = dict[str, dict[str, int]]  # room -> room it imports -> imports


def layers() -> list[list[str]]:
    """The rooms from above to below, as the contract of setup.cfg has them; those that are not there are left out."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["importlinter:contract:rooms"]["layers"].split("\n")
    named = [[name.strip(" ()") for name in re.split("[|:]", line)] for line in lines if line.strip()]
    there = set(rooms())
    return [kept for line in named if (kept := [name for name in line if name in there])]


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if folder != "nmcfast" or parts[0] not in ("kernels", "export"):  # the links
                found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


def room_of(module: str) -> str:
    return module.split(".")[1]


def rooms() -> list[str]:
    return sorted({room_of(name) for name in modules() if "." in name})


def imported(path: Path, known: set[str]) -> set[str]:
    """Modules of the package that a file imports anywhere, in functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known) or {node.module}
    return {name for name in found & known if "." in name}


def arrows() -> Arrows:
    """Between rooms: which imports which, and by how many imports."""
    known, found = modules(), defaultdict[str, dict[str, int]](lambda: defaultdict(int))
    for name, path in known.items():
        for other in imported(path, set(known)) if "." in name else ():
            if room_of(other) != room_of(name):
                found[room_of(name)][room_of(other)] += 1
    return {room: dict(sorted(others.items())) for room, others in sorted(found.items())}


def against(found: Arrows, lines: list[list[str]]) -> list[str]:
    """Arrows that do not go down, and rooms that have no place: a circle needs one of these."""
    level = {room: number for number, line in enumerate(lines) for room in line}
    homeless = [f"{room}: has no place in the layers of setup.cfg" for room in rooms() if room not in level]
    return homeless + [
        f"{room} -> {other}: goes up or stays in its line"
        for room, others in found.items()
        for other in others
        if room in level and other in level and level[room] >= level[other]
    ]


def svg(found: Arrows, lines: list[list[str]]) -> str:
    """The picture: rooms in one column, an arc for each that imports another, always downwards.

    On the right arcs within the model, on the left those to kernels and export; all import `errors`, not drawn.
    """
    order = [room for line in lines for room in line if room != "errors"]
    y = {room: GAP + number * ROW for number, room in enumerate(order)}
    drawn = []
    for room, others in found.items():
        for other, count in others.items():
            if other in y:
                side = -1 if other in FOLDERS else 1
                low, high = y[room] + BOX / 3, y[other] - BOX / 3
                foot, reach = MIDDLE + side * HALF, MIDDLE + side * (HALF + 14 + 0.36 * (high - low))
                drawn.append(
                    f'<path d="M{foot} {low:.0f}C{reach:.0f} {low:.0f} {reach:.0f} {high:.0f} {foot} {high:.0f}"'
                    f' marker-end="url(#tip)" stroke-width="{min(0.6 + 0.2 * count, 3):.1f}">'
                    f"<title>{room} → {other}: {count}</title></path>"
                )
    boxes = [
        f'<rect x="{MIDDLE - HALF}" y="{y[room] - BOX / 2:.0f}" width="{2 * HALF}" height="{BOX}" rx="4"/>'
        f'<text x="{MIDDLE}" y="{y[room] + 4}" fill="#123" stroke="none">{room}</text>'
        for room in order
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * GAP + (len(order) - 1) * ROW}"'
            ' font-family="monospace" font-size="13" text-anchor="middle">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            '<marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="7" markerHeight="7" orient="auto"'
            ' markerUnits="userSpaceOnUse"><path d="M0 0L6 3L0 6z" fill="#456"/></marker>',
            '<g fill="none" stroke="#456" stroke-opacity="0.6">',
            *drawn,
            "</g>",
            '<g fill="#eef3f8" stroke="#456">',
            *boxes,
            "</g>",
            "</svg>",
            "",
        ]
    )


def text(found: Arrows, lines: list[list[str]]) -> str:
    """The same in words, for CONTRIBUTING.md: each room and what it imports."""
    order = [room for line in lines for room in line]
    said = [f"| `{room}` | {', '.join(sorted(found.get(room, ()), key=order.index)) or '—'} |" for room in order]
    head = f"{len(order)} rooms, {sum(map(len, found.values()))} arrows, all downwards, no circle:"
    return "\n".join([head, "", f"![imports]({PICTURE})", "", "| room | imports |", "|---|---|", *said])


def main() -> None:
    found, lines = arrows(), layers()
    wrong = against(found, lines)
    if wrong:
        raise SystemExit("\n".join(wrong))
    (ROOT / PICTURE).write_text(svg(found, lines))
    page = ROOT / "CONTRIBUTING.md"
    marked = re.compile(r"(?<=<!-- imports -->\n).*?(?=<!-- /imports -->)", re.DOTALL)
    page.write_text(marked.sub(lambda _: text(found, lines) + "\n", page.read_text()))
    print(text(found, lines))


if __name__ == "__main__":
    main()
