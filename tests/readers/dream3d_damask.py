"""What DAMASK finds in particle.dream3d: python dream3d_damask.py FOLDER"""

import sys

import damask
import h5py
import numpy as np
from measures.arrays import image, say

path = f"{sys.argv[1]}/particle.dream3d"
grid = damask.GeomGrid.load_DREAM3D(path, feature_IDs="FeatureIds")
config = damask.ConfigMaterial.load_DREAM3D(path, grain_data="CellFeatureData")
axes = {}
for k, entry in enumerate(config["material"][1:], 1):
    turn = damask.Rotation(np.array(entry["constituents"][0]["O"]))
    axes[k] = {"c": (~turn @ np.array([0.0, 0.0, 1.0])).tolist()}
by_cell = damask.GeomGrid.load_DREAM3D(path)  # cells of one orientation and phase are one material
assert len(np.unique(by_cell.material)) == len(np.unique(grid.material))
with h5py.File(path) as file:  # what DREAM.3D itself asks for of each array
    for group in ("CellData", "CellFeatureData", "CellEnsembleData"):
        for name, stored in file[f"DataContainers/ImageDataContainer/{group}"].items():
            wanted = {"ComponentDimensions", "DataArrayVersion", "ObjectType", "TupleDimensions"}
            assert wanted <= set(stored.attrs), name
found = image(grid.material, (grid.size / grid.cells)[0])
say(f"damask {damask.__version__}", "FeatureIds, 0 outside", **found, axes=axes, origin=grid.origin.tolist())
