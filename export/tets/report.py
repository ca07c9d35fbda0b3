"""How good a mesh is, beside its files: a table of figures, a histogram, the worst cells."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.export.decks.text import write_text
from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.tets.vtu import write_grid

WORST = 100  # cells that are shown


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """quality.json (all figures), quality.txt (ten lines), worst.vtu, and quality.png where matplotlib is there."""
    picture = _histogram(deck, folder / "quality.png")
    said = dict(deck.report) | ({} if picture else {"quality.png": "not drawn: pip install 'nmcfast[plot]'"})
    text = json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return [
        write_text(folder / "quality.json", [text]),
        write_text(folder / "quality.txt", [table(deck)]),
        _worst(deck, folder / "worst.vtu"),
        *picture,
    ]


def table(deck: TetDeck) -> str:
    """Ten lines: what a reader asks of a mesh first."""
    r = deck.report
    lost = len(r["grains_without_tetrahedra"])
    lines = (
        ("tetrahedra, nodes", f"{len(deck.cells)}, {len(deck.points)}"),
        ("grains, of them without tetrahedra", f"{r['grains']}, {lost}"),
        ("size, µm", f"{r['size']:.4g}"),
        ("dihedral angle: smallest, 1 %, 5 %, median, °", _angles(r)),
        ("dihedral angle: largest, °", f"{r['largest_dihedral']:.1f}"),
        ("radius ratio: smallest, 1 %", f"{r['smallest_radius_ratio']:.3f}, {r['radius_ratio_1_percent']:.3f}"),
        ("boundary nodes within 2 %, 5 % of the size, %", _shares(r, "nodes_within_2", "nodes_within_5")),
        ("of two, three, four grains within 2 %, %", _shares(r, *(f"nodes_of_{n}_within_2" for n in _NUMBERS))),
        ("facets: outer, between grains", f"{len(deck.outer)}, {len(deck.interfaces[0])}"),
        ("pairs of grains, cohesive elements", f"{len(deck.pairs)}, {len(deck.cohesive)}"),
    )
    return "".join(f"{name:<48} {value}\n" for name, value in lines)


_NUMBERS = ("two", "three", "four")


def _angles(r: Any) -> str:
    values = (r["smallest_dihedral"], *(r[f"dihedral_{p}_percent"] for p in (1, 5, 50)))
    return ", ".join(f"{value:.1f}" for value in values)


def _shares(r: Any, *names: str) -> str:
    return ", ".join(f"{100.0 * r[f'{name}_percent']:.1f}" for name in names)


def _worst(deck: TetDeck, path: Path) -> Path:
    """The cells of the smallest dihedral angles, the smallest first."""
    worst = np.argsort(deck.angle, kind="stable")[:WORST]
    data: dict[str, np.ndarray] = {
        "grain_id": deck.grain[worst].astype(np.int32),
        "smallest_dihedral": deck.angle[worst].astype(np.float32),
        "cell": worst,
    }
    return write_grid(path, deck.points, deck.cells[worst], data)


def _histogram(deck: TetDeck, path: Path) -> list[Path]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return []
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.hist(deck.angle, bins=np.arange(0.0, 72.1, 1.5).tolist(), color="#3b6ea5")
    axes.set_yscale("log")
    axes.set_xlim(0.0, 72.0)
    axes.axvline(deck.angle.min(), color="#b03030", linewidth=1.0)
    axes.set_xlabel(f"smallest dihedral angle of a tetrahedron, ° (least {deck.angle.min():.1f})")
    axes.set_ylabel("tetrahedra")
    axes.set_title(f"particle {deck.index}: {len(deck.cells)} tetrahedra, {len(deck.groups)} grains", fontsize="medium")
    figure.savefig(path, dpi=120, metadata={"Software": None})
    return [path]
