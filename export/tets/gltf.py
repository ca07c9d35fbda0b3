"""glTF 2.0, for viewers and web pages: a coloured closed surface a grain, all on the same points."""

import itertools
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.triangles import closed_surfaces, colours

_FLOAT, _UINT = 5126, 5125  # component types
_ARRAY, _ELEMENTS = 34962, 34963  # targets of views


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.glb: nodes grain_1 …, one unit is a µm."""
    used = np.unique(deck.facets[:, :3])
    number = np.zeros(len(deck.points), np.uint32)
    number[used] = np.arange(len(used))
    grains, surfaces = zip(*closed_surfaces(deck), strict=True)
    data = deck.points[used].astype("<f4").tobytes()
    indices = [number[triangles].astype("<u4").tobytes() for triangles in surfaces]
    starts = len(data) + np.cumsum([0, *map(len, indices)])
    document = _document(deck.points[used].astype(np.float32), np.array(grains), starts.tolist())
    path = folder / "particle.glb"
    path.write_bytes(_container(document, b"".join([data, *indices])))
    return [path]


def _document(points: np.ndarray, grains: np.ndarray, starts: list[int]) -> dict[str, Any]:
    """The description of a buffer that holds points, then the corners of each grain's triangles from starts on."""
    each = range(len(grains))
    sizes = [b - a for a, b in itertools.pairwise(starts)]
    shades = ((colours(grains) / 255.0) ** 2.2).tolist()  # base colours are linear
    place = {"bufferView": 0, "componentType": _FLOAT, "count": len(points), "type": "VEC3"}
    box = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    views = [{"buffer": 0, "byteOffset": starts[k], "byteLength": sizes[k], "target": _ELEMENTS} for k in each]
    corners = [{"bufferView": k + 1, "componentType": _UINT, "count": sizes[k] // 4, "type": "SCALAR"} for k in each]
    parts = [{"attributes": {"POSITION": 0}, "indices": k + 1, "material": k} for k in each]
    names = [f"grain_{grain}" for grain in grains.tolist()]
    return {
        "asset": {"version": "2.0", "generator": "nmcfast"},
        "scene": 0,
        "scenes": [{"nodes": list(each)}],
        "nodes": [{"mesh": k, "name": name} for k, name in enumerate(names)],
        "meshes": [{"primitives": [part], "name": name} for part, name in zip(parts, names, strict=True)],
        "materials": [
            {"pbrMetallicRoughness": {"baseColorFactor": [*shade, 1.0], "metallicFactor": 0.0}} for shade in shades
        ],
        "accessors": [{**place, **box}, *corners],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": starts[0], "target": _ARRAY}, *views],
        "buffers": [{"byteLength": starts[-1]}],
    }


def _container(document: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data))
    return head + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
