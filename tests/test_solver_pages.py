"""The Python that the pages of docs/solvers tell users to paste runs, in a Python that has what it imports."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from library_toys import write_library
from solver_readers import python_with

from nmcfast import export_library, open_library
from nmcfast.export.formats import BULK, DECKS

PAGES = Path(__file__).parents[1] / "docs" / "solvers"
FOLDERS = {"vti": "images", "parquet": "index", "pybamm": "sizes"}  # of the commands on these pages; decks elsewhere
BY_A_READER = {"neuroglancer"}  # tests/readers/zarr_neuroglancer.py runs its lines


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.S)


def snippets() -> list[tuple[str, int]]:
    pages = (p for p in sorted(PAGES.glob("*.md")) if p.stem not in BY_A_READER)
    return [(page.stem, k) for page in pages for k in range(len(blocks(page)))]


def imported(code: str) -> set[str]:
    """Packages that code imports and Python does not bring."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names - sys.stdlib_module_names


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small libraries of every bulk format, where every deck is exported once it is asked for."""
    folder = tmp_path_factory.mktemp("pages")
    for name in BULK:
        write_library(folder / f"lib.{name}", format=name, shard_size=7)
    return folder


@pytest.mark.parametrize(("page", "number"), snippets())
def test_the_lines_to_paste_run(page: str, number: int, place: Path) -> None:
    """Each block after the first of its page goes on where the first ended."""
    code = blocks(PAGES / f"{page}.md")
    pasted = code[number] if number == 0 else code[0] + code[number]
    needed = " ".join(sorted(imported(pasted)))
    paraview = "paraview" in needed
    python = python_with("pvpython" if paraview else needed)
    if python is None or (paraview and shutil.which("xvfb-run") is None):
        more = " or xvfb-run" if paraview else ""
        pytest.skip(f"not installed in one Python: {needed}{more}: block {number + 1} of {page}.md was not run")
    folder = place / page
    folder.mkdir(exist_ok=True)
    for name in BULK:
        if not (folder / f"lib.{name}").exists():
            (folder / f"lib.{name}").symlink_to(place / f"lib.{name}")
    if page in DECKS and not (folder / FOLDERS.get(page, "decks")).exists():
        export_library(open_library(place / "lib.zarr"), folder / FOLDERS.get(page, "decks"), to=page)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    clean["PATH"] = os.pathsep.join([str(Path(python).parent), clean["PATH"]])
    (folder / f"block{number}.py").write_text(pasted)
    command = [*(["xvfb-run", "-a"] if paraview else []), python, f"block{number}.py"]
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{pasted}\n{done.stderr}"
