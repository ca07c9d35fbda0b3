"""C and C++ programs of this folder, compiled when their source or the compiler's flags change."""

import hashlib
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = ("-O3", "-march=native", "-Wall")


def program(source: str, folder: Path, *more: str, compiler: str = "gcc", shared: bool = False) -> Path:
    """Path of the program, or the shared library, made from a source of this folder; `more` goes behind the source."""
    command = [compiler, *FLAGS, *(("-shared", "-fPIC") if shared else ()), str(HERE / source), *more, "-lm"]
    digest = hashlib.sha256((HERE / source).read_bytes() + " ".join(command).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{Path(source).stem}-{digest}"
    if not target.exists():
        subprocess.run([*command, "-o", str(target)], check=True)
    return target


def compiler_version(compiler: str = "gcc") -> str:
    said = subprocess.run([compiler, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return said.splitlines()[0]
