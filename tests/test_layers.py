"""The three rooms: who imports whom, what an import costs and what a wheel holds."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numba
import pytest
from numba import types

from nmcfast.kernels import philox
from nmcfast.kernels._cache import sources_digest
from nmcfast.kernels.gbpd import descent

ROOT = Path(__file__).parents[1]
FOLDERS = ("nmcfast", "kernels", "export")
KERNELS_MAY_IMPORT = {"numpy", "numba", "llvmlite", "nmcfast", *sys.stdlib_module_names}
PLANTED = {
    "kernels/moments.py": "from nmcfast.parameters import KAPPA",
    "kernels/vectors/words.py": "import scipy",
    "export/schema.py": "from nmcfast.model import Model",
    "nmcfast/seeds.py": "from nmcfast.overlay import overlay",
    "nmcfast/ebsd/grid.py": "from nmcfast.ebsd.ang import read_ang",
}


def lint(folder):
    program = Path(sys.executable).parent / "lint-imports"
    command = [program, "--no-cache", "--no-logo", "setup.cfg"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_import_contracts_hold():
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_import_against_the_arrows_is_noticed(tmp_path):
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=ignored)
    for path, line in PLANTED.items():
        with (tmp_path / path).open("a") as file:
            file.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    for said in (
        "nmcfast.kernels.moments -> nmcfast.parameters",
        "nmcfast.kernels.vectors.words -> scipy",
        "nmcfast.export.schema -> nmcfast.model",
        "nmcfast.seeds -> nmcfast.overlay",
        "No cycles are allowed in nmcfast.ebsd.",
    ):
        assert said in result.stdout


def test_kernels_import_numbers_and_the_compiler_only():
    for path in (ROOT / "kernels").rglob("*.py"):
        foreign = {name.split(".")[0] for name in imported(path)} - KERNELS_MAY_IMPORT
        assert not foreign, f"{path}: {foreign}"
        others = {name for name in imported(path) if re.match(r"nmcfast(?!\.(kernels|errors)(\.|$))", name)}
        assert not others, f"{path}: {others}"


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def sources(root):
    """All files of the package below a root, those of every sub-package too."""
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))


def importing(root, *names):
    """Files below a root that import one of these packages."""
    return {path.name for path in sources(root) if not {m.split(".")[0] for m in imported(path)}.isdisjoint(names)}


def saying(folder, *texts):
    """Files below a folder in which one of these texts stands."""
    return {path.name for path in folder.rglob("*.py") if any(text in path.read_text() for text in texts)}


def unpickling(root):
    """Files below a root that can run what a file holds."""
    said = (saying(root / folder, "allow_pickle=True", "torch.load(") for folder in FOLDERS)
    return importing(root, "pickle", "joblib", "dill").union(*said)


def inexact(root):
    """Kernels below a root with fast-math or a random state."""
    return saying(root / "kernels", "fastmath", "np.random")


def test_torch_is_imported_for_training_and_for_loading_only():
    assert importing(ROOT, "torch") <= {"gan.py", "nets.py", "torch.py"}


def test_nothing_is_unpickled():
    assert unpickling(ROOT) == set()


def test_kernels_use_no_fast_math_and_no_random_state():
    assert inexact(ROOT) == set()


@pytest.mark.parametrize(
    "folder", ("kernels", "kernels/gbpd", "kernels/gbpd/new/newer", "nmcfast/ebsd", "export/decks")
)
def test_a_file_in_a_sub_package_is_looked_at(folder, tmp_path):
    """Planted in a folder as deep as any: what unpickles, imports torch, is fast but wrong, or draws is found."""
    (tmp_path / folder).mkdir(parents=True)
    assert unpickling(tmp_path) == inexact(tmp_path) == importing(tmp_path, "torch") == set()
    for name, text in {
        "a.py": "import pickle",
        "b.py": "def f(x):\n    from joblib.externals import loky\n",
        "c.py": "np.load(f, allow_pickle=True)",
        "d.py": "from torch.nn import Linear",
        "e.py": "@njit(fastmath=True)\ndef f():\n    pass\n",
        "f.py": "np.random.normal()",
        "g.py": "import numpy",
    }.items():
        (tmp_path / folder / name).write_text(text)
    assert unpickling(tmp_path) == {"a.py", "b.py", "c.py"}
    assert importing(tmp_path, "torch") == {"d.py"}
    assert inexact(tmp_path) == ({"e.py", "f.py"} if folder.startswith("kernels") else set())


def test_compiled_code_is_of_the_sources_of_sub_packages_too(tmp_path):
    """A file planted, edited, renamed or moved, however deep, is another digest; what is no source is none."""
    kernels = tmp_path / "kernels"
    shutil.copytree(ROOT / "kernels", kernels, ignore=shutil.ignore_patterns("__pycache__"))
    assert sources_digest(kernels) == sources_digest()
    deep, seen = kernels / "gbpd" / "new" / "planted.py", [sources_digest(kernels)]

    def note():
        seen.append(sources_digest(kernels))

    deep.parent.mkdir()
    deep.write_text("A = 1\n")
    note()
    deep.write_text("A = 2\n")
    note()
    deep.rename(deep.with_name("other.py"))
    note()
    deep.with_name("other.py").rename(kernels / "gbpd" / "other.py")
    note()
    assert len(set(seen)) == 5
    (kernels / "gbpd" / "notes.txt").write_text("no source")
    note()
    assert seen[-1] == seen[-2]


def test_whether_kernels_are_compiled_is_seen_in_the_folders_of_sub_packages(tmp_path):
    """numba keeps the code of a sub-package in a folder of its own."""
    program = """if True:
        from nmcfast import kernels
        before = kernels.compiled()
        folder = kernels._folder / "gbpd_0123"
        folder.mkdir()
        (folder / "boxes.label_boxes_serial-1.py311.1.nbc").touch()
        print(before, kernels.compiled())
        """
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


PACKAGES = ("kernels", "kernels/gbpd", "kernels/vectors")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_column_in_the_docstring_of_kernels_says_who_calls_whom(package):
    """Each file and each sub-package has a line, and imports only those below it."""
    folder = ROOT / package
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    column = re.findall(r"^(\w+)  +\S", said, re.MULTILINE)
    there = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert sorted(column) == sorted(there - {"__init__", "_cache"})
    prefix = "nmcfast." + package.replace("/", ".") + "."
    for place, name in enumerate(column):
        files = (folder / name).rglob("*.py") if (folder / name).is_dir() else [folder / f"{name}.py"]
        called = {
            m.removeprefix(prefix).split(".")[0] for path in files for m in imported(path) if m.startswith(prefix)
        }
        assert called - {"_cache", name} <= set(column[place + 1 :]), name


def test_kernels_give_python_no_named_tuples():
    """What makes one is Python, which compiled code must not run: what is raised there, as Ctrl-C, ends the program."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "kernels").rglob("*.py")]
    classes = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    kernels = [f for f in functions if "kernel" in {d.id for d in f.decorator_list if isinstance(d, ast.Name)}]
    given = {
        f.name
        for f in kernels
        for node in ast.walk(f)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
        if node.value.func.id in classes
    }
    assert len(kernels) > 50 and not given


def test_importing_the_package_loads_nothing_heavy():
    code = "import nmcfast, sys; print(sorted({'numpy', 'numba', 'zarr', 'scipy', 'torch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def tracked(*where):
    """Files that git knows and that are there: one deleted but not committed yet is neither built nor wanted."""
    command = ["git", "ls-files", "-z", *where]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and os.path.lexists(ROOT / name)]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a git checkout to compare the wheel with")
def test_the_wheel_holds_what_git_holds(tmp_path):
    clean = tmp_path / "clean"
    for name in tracked():  # as they lie here now, without a build folder that an earlier wheel left behind
        (clean / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clean / name, follow_symlinks=False)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path), str(clean)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    wanted = {
        re.sub("^(kernels|export)/", r"nmcfast/\1/", n)
        for n in tracked(*FOLDERS)
        if n.endswith((".py", ".safetensors", "py.typed"))
    }
    assert held == wanted


def test_help_needs_no_arithmetic():
    """`nmcfast --help` imports neither NumPy nor numba: it answers in a tenth of a second."""
    code = (
        "import sys; from nmcfast import cli\ntry:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit([name for name in ('numpy', 'numba', 'scipy', 'zarr') if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_two_compiled_functions_share_a_name():
    """numba's cache would take one for the other: a parallel kernel then runs as the serial one, or the reverse."""
    from numba.core.registry import CPUDispatcher

    found = {}
    for module in [m for name, m in sys.modules.items() if name.startswith("nmcfast.kernels.")]:
        for value in vars(module).values():
            if isinstance(value, CPUDispatcher):
                known = value.py_func.__code__.co_filename, value.py_func.__qualname__
                assert found.setdefault(known, value) is value, known
    assert len(found) > 50


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_what_a_second_process_compiles_is_what_a_particle_needs():
    program = """if True:
        import nmcfast
        from nmcfast.kernels import cell_neighbours, crumbs, gnet, philox
        from nmcfast.kernels.shells import star
        from nmcfast.kernels.gbpd import volumes
        from nmcfast.compilation import compile_backwards

        def count():
            modules = cell_neighbours, crumbs, gnet, philox, star, volumes
            return {(m.__name__, name): len(kernel.signatures) for m in modules
                    for name, kernel in vars(m).items() if hasattr(kernel, "signatures")}

        nmcfast.generate_particle(nmcfast.load_model("nmc811"), 7, 0)
        before = count()
        compile_backwards()
        print(before == count(), before["nmcfast.kernels.crumbs", "give_away"])
        """
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["True", "1"]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_constants_do_not_compile_a_kernel_again():
    for constant in (3, 4):
        philox.poisson.get_call_template((types.float64, types.literal(constant)), {})
    assert not [s for s in philox.poisson.signatures if any(isinstance(t, types.Literal) for t in s)]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_a_helper_called_from_python_says_so_instead_of_crashing():
    with pytest.raises(TypeError, match="child_of is for compiled code alone: make it a kernel"):
        descent.child_of(None, 1, 4, None)
