"""What pyNastran finds in particle.nas: python nastran_pyNastran.py FOLDER"""

import sys
from collections import defaultdict

import numpy as np
import pyNastran
from measures.arrays import quads, say
from pyNastran.bdf.bdf import read_bdf

model = read_bdf(f"{sys.argv[1]}/particle.nas", debug=False)
grains, outer, axes = defaultdict(float), [], {}
for element in model.elements.values():
    if element.type == "CHEXA":
        assert element.pid_ref.mid_ref.mid == element.pid, "a grain without a material of its own"
        grains[element.pid] += element.Volume()
    else:
        assert (element.type, element.pid) == ("CQUAD4", 1000001)
        outer.append(element.get_node_positions())
for label, system in model.coords.items():
    if label:
        assert model.properties[label].cordm == label
        axes[label] = {"c": system.k.tolist(), "a": system.i.tolist()}
say(
    f"pyNastran {pyNastran.__version__}",
    "PSOLID and MAT1 i, PSHELL 1000001",
    grains=grains,
    **quads(np.array(outer)),
    axes=axes,
)
