"""What DAMASK finds in particle.vti and material.yaml: python damask_damask.py FOLDER"""

import sys

import damask
import numpy as np
from measures.arrays import image, say

grid = damask.GeomGrid.load(f"{sys.argv[1]}/particle.vti")
config = damask.ConfigMaterial.load(f"{sys.argv[1]}/material.yaml")
assert config.is_complete and config.is_valid, "DAMASK calls the material file incomplete or invalid"
phases = [entry["constituents"][0]["phase"] for entry in config["material"]]
assert phases[0] == "outside" and set(phases[1:]) == {"NMC811"}
axes = {}
for k, entry in enumerate(config["material"][1:], 1):
    turn = damask.Orientation(rotation=entry["constituents"][0]["O"], lattice="hP", a=1.0, c=4.94)
    c_axis = ~damask.Rotation(turn) @ np.array([0.0, 0.0, 1.0])  # DAMASK turns the sample's axes into the crystal's
    axes[k] = {"c": c_axis.tolist(), "bunge": turn.as_Euler_angles().tolist()}
found = image(grid.material, (grid.size / grid.cells)[0])
say(f"damask {damask.__version__}", "material = label, 0 outside", **found, axes=axes, origin=grid.origin.tolist())
