"""What neuroglancer shows of a particle, in headless Chromium: python zarr_neuroglancer.py LIBRARY INDEX

Server and viewer are the lines of docs/solvers/neuroglancer.md. Every label has a colour of its own, its number; each
plane of voxels is drawn, four pixels a voxel, and read back from the picture.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import neuroglancer
import numpy as np
import zarr
from measures.arrays import image, say

library, index = Path(sys.argv[1]).resolve(), int(sys.argv[2])
recipe = json.loads((library / "zarr.json").read_text())["attributes"]["recipe"]
number, row = divmod(index - recipe["first"], recipe["shard_size"])
size, labels_at = recipe["voxel_size"], f"shards/{number:06d}/labels"
depth, height, width = json.loads((library / labels_at / "zarr.json").read_text())["shape"][1:]
page = (Path(__file__).parents[2] / "docs/solvers/neuroglancer.md").read_text()
serve, look = re.findall(r"```python\n(.*?)```", page, re.S)
names = {"neuroglancer": neuroglancer}
exec(serve.replace('"lib.zarr"', repr(str(library))).replace("8000", "0"), names)
port = names["server"].server_address[1]
neuroglancer.set_server_bind_address("127.0.0.1")
exec(look.replace("8000", str(port)).replace("0.05", repr(size)).replace("shards/000000/labels", labels_at), names)
viewer, zoom = names["viewer"], 4
grains = int(zarr.open_array(library / f"shards/{number:06d}/particles/grains", mode="r")[row])
with viewer.txn() as state:
    layer = state.layers["grains"].layer
    layer.segments = list(range(1, grains + 1))
    layer.segment_colors = {k: f"#{k:06x}" for k in layer.segments}
    layer.selected_alpha, layer.not_selected_alpha = 1.0, 1.0
    state.layout, state.cross_section_background_color = "xy", "#000000"
    state.show_axis_lines = state.show_scale_bar = state.show_default_annotations = False
    state.cross_section_scale = 1 / zoom
browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
profile = tempfile.mkdtemp()
flags = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"]
shown = subprocess.Popen(
    [browser, *flags, f"--user-data-dir={profile}", str(viewer)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
)
try:
    labels = np.zeros((depth, height, width), np.int64)
    for plane in range(depth):
        with viewer.txn() as state:
            state.position = [width / 2, height / 2, plane + 0.5, row + 0.5]
        pixels = viewer.screenshot(size=[width * zoom, height * zoom]).screenshot.image_pixels.astype(np.int64)
        centres = pixels[zoom // 2 :: zoom, zoom // 2 :: zoom]
        labels[plane] = (centres[..., 0] << 16) + (centres[..., 1] << 8) + centres[..., 2]
finally:
    shown.terminate()
    shown.wait()
    shutil.rmtree(profile, ignore_errors=True)
    names["server"].shutdown()
say(f"neuroglancer {version('neuroglancer')}", "label of every voxel, by its colour", **image(labels, size))
