"""What pyNastran finds in particle.nas: python nastran_pyNastran.py FOLDER"""

import json
import sys
from collections import defaultdict

from pyNastran.bdf.bdf import read_bdf

model = read_bdf(f"{sys.argv[1]}/particle.nas", debug=False)
grains, surface, axes = defaultdict(float), 0.0, {}
for element in model.elements.values():
    if element.type == "CHEXA":
        assert element.pid_ref.mid_ref.mid == element.pid, "a grain without a material of its own"
        grains[element.pid] += element.Volume()
    else:
        assert (element.type, element.pid) == ("CQUAD4", 1000001)
        surface += element.Area()
for label, system in model.coords.items():
    if label:
        assert model.properties[label].cordm == label
        axes[label] = {"c": system.k.tolist(), "a": system.i.tolist()}
print(json.dumps({"grains": grains, "surface": surface, "axes": axes}))
