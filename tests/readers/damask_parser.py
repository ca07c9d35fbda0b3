"""What DAMASK's grid solver would find in particle.vti: python damask_parser.py FOLDER

Written from the rules of the solver's VTI.f90 (DAMASK 3.0): it goes through the file line by line; <VTKFile, <ImageData
and <CellData open a line each; a dataset is a line with <DataArray, format "binary" or error 844, and the next line as
a whole is its base64; numbers are Int32, Int64, Float32 or Float64, and the extent begins at 0. And material.yaml has
an entry for each number.
"""

import base64
import re
import sys
import zlib

import numpy as np
from measures.arrays import image, say

DTYPES = {"Int32": "<i4", "Int64": "<i8", "Float32": "<f4", "Float64": "<f8"}


def value(line, key):
    found = re.findall(rf' {key}="([^"]*)"', line)
    return found[-1] if found else ""


def decode(text):
    """The blocks of a compressed dataset: its header is encoded by itself, of as many characters as it needs."""
    count = int(np.frombuffer(base64.b64decode(text[:12])[:8], "<i8")[0])
    length = -(-8 * (3 + count) // 3) * 4
    _, size, last, *packed = np.frombuffer(base64.b64decode(text[:length]), "<i8").tolist()
    assert len(packed) == count
    data, start, out = base64.b64decode(text[length:], validate=True), 0, []
    for number, step in enumerate(packed, 1):
        out.append(zlib.decompress(data[start : start + step]))
        assert len(out[-1]) == (last if number == count and last else size)
        start += step
    return b"".join(out)


with open(f"{sys.argv[1]}/particle.vti", encoding="ascii") as file:
    lines = file.read().split("\n")
opened = [next(n for n, line in enumerate(lines) if word in line) for word in ("<VTKFile", "<ImageData", "<CellData")]
assert opened == sorted(set(opened)), "elements share a line"
root, grid = lines[opened[0]], lines[opened[1]]
assert value(root, "type") == "ImageData" and value(root, "byte_order") == "LittleEndian"
assert value(root, "compressor") == "vtkZLibDataCompressor" and value(root, "header_type") == "UInt64"
assert value(grid, "Direction") in ("", "1 0 0 0 1 0 0 0 1")
extent = [int(word) for word in value(grid, "WholeExtent").split()]
assert extent[::2] == [0, 0, 0], "coordinate start not at 0"
place = next(n for n, line in enumerate(lines) if n > opened[2] and value(line, "Name") == "material")
assert value(lines[place], "format") == "binary", "844: dataset material not in binary format"
material = np.frombuffer(decode(lines[place + 1].strip()), DTYPES[value(lines[place], "type")]).reshape(extent[:0:-2])
with open(f"{sys.argv[1]}/material.yaml", encoding="utf-8") as file:
    entries = file.read().split("material:\n")[1].count("  - {homogenization:")
assert material.max() < entries, "a material that material.yaml does not have"
size, origin = ([float(word) for word in value(grid, name).split()] for name in ("Spacing", "Origin"))
say("parser", "material = label, 0 outside", **image(material, size[0]), origin=origin)
