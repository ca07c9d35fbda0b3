"""What CalculiX computes from the deck: runs particle.inp, then asks for volumes: python abaqus_ccx.py FOLDER

Besides the volumes of all sets: the surface, elements with stresses, and their mean, xx yy zz xy xz yz, in the axes
of the particle.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measures.arrays import say

folder = Path(tempfile.mkdtemp())
for name in ("particle.inp", "mesh.inp", "materials.inp"):
    shutil.copy(Path(sys.argv[1], name), folder)
mesh = (folder / "mesh.inp").read_text()
groups = [int(n) for n in re.findall(r"ELSET=GRAIN_(\d+)", mesh)]
job = (folder / "particle.inp").read_text().replace("*END STEP\n", "")
job += "".join(f"*EL PRINT, ELSET=GRAIN_{n}, TOTALS=ONLY\nEVOL\n" for n in groups)
job += "*SECTION PRINT, SURFACE=OUTER, NAME=OUTER\nSOF\n*EL PRINT, ELSET=GRAINS, GLOBAL=YES\nS\n*END STEP\n"
(folder / "job.inp").write_text(job)
done = subprocess.run(["ccx", "job"], cwd=folder, capture_output=True, text=True, check=False)
assert "Job finished" in done.stdout and "*ERROR" not in done.stdout, done.stdout[-2000:]
text = (folder / "job.dat").read_text()
totals = re.findall(r"total volume .*?set GRAIN_(\d+).*?\n\s*\n?\s*([-+.\dE]+)", text)
stresses = re.findall(r"^\s+\d+\s+1((?:\s+[-+.\dE]+){6})", text, re.M)
values = [[float(s) for s in row.split()] for row in stresses]
mean = [sum(column) / len(values) for column in zip(*values, strict=True)]
middle = re.search(r"mean normal\s+((?:[-+.\dE]+\s+){6})", text)[1].split()
assert max(abs(float(v)) for v in middle[3:]) < 1e-9, "the outer surface is not closed"
area = float(re.search(r"area, normal force.*?\n\s*\n\s*([-+.\dE]+)", text)[1])
version = subprocess.run(["ccx", "-v"], capture_output=True, text=True, check=False).stdout.split()[-1]
say(
    f"CalculiX {version}",
    "sets GRAIN_i, surface OUTER; normals sum to 0; solved",
    grains={int(k): float(v) for k, v in totals},
    surface=area,
    stressed=len(values),
    stress=mean,
)
shutil.rmtree(folder)
