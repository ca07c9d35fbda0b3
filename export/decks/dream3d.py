"""DREAM.3D: an image geometry with features and ensembles, file version 7.0."""

from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.errors import MissingExtraError
from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import voxel_counts
from nmcfast.export.orientations import bunge_angles

CONTAINER = "DataContainers/ImageDataContainer"
_CELL, _FEATURE, _ENSEMBLE = 3, 7, 11  # DREAM.3D's types of attribute matrices
_UNKNOWN, _TRIGONAL_HIGH = 999, 10  # and of crystal structures
_NAMES = {"int32": "int32_t", "uint32": "uint32_t", "float32": "float"}


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.dream3d, µm and rad: FeatureIds (0 outside), Phases and EulerAngles of cells and of features."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("format 'dream3d' needs h5py: pip install 'nmcfast[solvers]'") from None
    labels = deck.labels_as("int32", "dream3d")
    angles = np.concatenate([np.zeros((1, 3)), bunge_angles(deck.orientation)]).astype(np.float32)
    phases = np.append(0, np.ones(deck.grains)).astype(np.int32)
    volumes = np.append(0.0, voxel_counts(deck) * deck.voxel_size**3).astype(np.float32)
    path = folder / "particle.dream3d"
    with h5py.File(path, "w") as file:
        file.attrs["FileVersion"], file.attrs["DREAM3D Version"] = np.bytes_("7.0"), np.bytes_("nmcfast")
        file.create_group("DataContainerBundles")
        box = file.create_group(CONTAINER)
        _geometry(box, deck)
        cells = {"FeatureIds": labels, "Phases": phases[labels], "EulerAngles": angles[labels]}
        _matrix(box, "CellData", _CELL, labels.shape, cells)
        features = {"Phases": phases, "EulerAngles": angles, "Volumes": volumes}
        _matrix(box, "CellFeatureData", _FEATURE, phases.shape, features)
        structures = {"CrystalStructures": np.array([_UNKNOWN, _TRIGONAL_HIGH], np.uint32)}
        ensembles = _matrix(box, "CellEnsembleData", _ENSEMBLE, (2,), structures)
        kind = h5py.string_dtype("ascii")
        names = ensembles.create_dataset("PhaseName", data=["Unknown Phase", "NMC811"], dtype=kind)
        _describe(names, (2,), 1, "StringDataArray")
    return [path]


def _geometry(box: Any, deck: Deck) -> None:
    geometry = box.create_group("_SIMPL_GEOMETRY")
    geometry["DIMENSIONS"] = np.array(deck.labels.shape[::-1], np.int64)
    geometry["ORIGIN"] = deck.origin.astype(np.float32)
    geometry["SPACING"] = np.full(3, deck.voxel_size, np.float32)
    texts = {"GeometryName": "ImageGeometry", "GeometryTypeName": "ImageGeometry"}
    numbers = {"GeometryType": 0, "SpatialDimensionality": 3, "UnitDimensionality": 3}
    geometry.attrs.update({name: np.bytes_(value) for name, value in texts.items()})
    geometry.attrs.update({name: np.uint32(value) for name, value in numbers.items()})


def _matrix(box: Any, name: str, kind: int, shape: tuple[int, ...], arrays: dict[str, np.ndarray]) -> Any:
    """A group of arrays with one row for each cell, feature or ensemble, and what DREAM.3D wants to know of each."""
    group = box.create_group(name)
    group.attrs["AttributeMatrixType"] = np.uint32(kind)
    group.attrs["TupleDimensions"] = np.array(shape[::-1], np.uint64)
    for key, array in arrays.items():
        values = array.reshape(*shape, -1)
        stored = group.create_dataset(key, data=values, compression="gzip", compression_opts=4)
        _describe(stored, shape, values.shape[-1], f"DataArray<{_NAMES[values.dtype.name]}>")
    return group


def _describe(stored: Any, shape: tuple[int, ...], components: int, kind: str) -> None:
    stored.attrs["ComponentDimensions"] = np.array([components], np.uint64)
    stored.attrs["DataArrayVersion"] = np.int32(2)
    stored.attrs["ObjectType"] = np.bytes_(kind)
    stored.attrs["TupleDimensions"] = np.array(shape[::-1], np.uint64)
    axes = ",".join(f"{axis}={n}" for axis, n in zip("xyz", shape[::-1], strict=False))
    stored.attrs["Tuple Axis Dimensions"] = np.bytes_(axes)
