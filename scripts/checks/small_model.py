"""What the checks of libraries share: a model whose particles cost milliseconds, trees of bytes, heads of results."""

import shlex
import subprocess
import sys
from pathlib import Path

from nmcfast import load_model
from nmcfast.model import Model
from nmcfast.shells.law import OrderLaw, ShellLaw


def small_model() -> Model:
    """Particles of about 1.6 µm and 40 grains, with the grains of the model that ships."""
    orders = (OrderLaw("lognormal", (0.1, 0.0, 23.0), "estimated"), OrderLaw("normal", (0.0, 0.5), "estimated"))
    law = ShellLaw("independent", 0.128, orders)
    return Model("small", law, load_model("nmc811").grains, {"shell": "a check", "grains": "a check"})


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def heading(title: str) -> list[str]:
    """Title, command and commit of a page of results."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    command = shlex.join(["python", "scripts/checks/" + Path(sys.argv[0]).name, *sys.argv[1:]])
    return [f"# {title}", f"    {command}", f"Made by the code of commit {commit.strip()}."]
