"""The house as its pages show it: arrows, tables and paths in the docs are those of the code."""

import argparse
import ast
import importlib.util
import re
from pathlib import Path

import pytest

from nmcfast.cli import build_parser

ROOT = Path(__file__).parents[1]
LONGEST = 300  # lines of a file; longer ones are one thing that cannot be cut, and say here why
ONE_THING = {
    "kernels/meshes/flips.py": "edges and faces turned: one operation with its guards, case by case",
    "nmcfast/calibration/grains/gan.py": "the training, which is one file that one reads in a sitting",
    "scripts/bench/report.py": "the tables of one report, in its order",
    "scripts/checks/mutants_list.py": "one list",
    "scripts/studies/physics_diffusion.py": "one study from mesh to picture",
}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("nmcfast", "kernels", "export", "scripts", "tests", "docs")


def script(path):
    """A program of scripts/, imported from its file."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


where_is, graph = script("scripts/make/where_is.py"), script("scripts/make/import_graph.py")


def test_arrows_between_rooms_go_down_and_the_picture_shows_them():
    found, lines = graph.arrows(), graph.layers()
    assert graph.against(found, lines) == []
    again = "; run: python scripts/make/import_graph.py"
    assert graph.text(found, lines) in (ROOT / "CONTRIBUTING.md").read_text(), "CONTRIBUTING.md" + again
    assert graph.svg(found, lines) == (ROOT / graph.PICTURE).read_text(), graph.PICTURE + again


def test_an_arrow_upwards_a_sibling_and_a_room_without_a_place_are_named():
    lines = [line for line in graph.layers() if line != ["errors"]]
    found = {"seeds": {"overlay": 1}, "export": {"kernels": 2}, "cli": {"model": 1}}
    assert graph.against(found, lines) == [
        "errors: has no place in the layers of setup.cfg",
        "seeds -> overlay: goes up or stays in its line",
        "export -> kernels: goes up or stays in its line",
    ]


def test_imports_in_functions_and_for_types_are_arrows_too(tmp_path):
    (tmp_path / "a.py").write_text("def f():\n    from nmcfast import model\n    import nmcfast.seeds\n")
    assert graph.imported(tmp_path / "a.py", {"nmcfast.model", "nmcfast.seeds", "nmcfast"}) == {
        "nmcfast.model",
        "nmcfast.seeds",
    }


def test_every_equation_has_a_file_and_the_tables_in_readme_are_up_to_date():
    assert [name for name, found in where_is.places().items() if not found] == []
    assert where_is.table() in (ROOT / "README.md").read_text(), "run: python scripts/make/where_is.py"


@pytest.mark.parametrize(
    ("text", "cited"),
    [("Eqs. (4), (17)–(19) and Table 1", ["Eq. (17)", "Eq. (18)", "Eq. (19)", "Eq. (4)", "Table 1"]), ("(5)", [])],
)
def test_citations_are_read_as_people_write_them(text, cited):
    assert sorted(where_is.cited_in(text)) == cited


def test_every_command_and_format_of_the_program_has_its_file():
    listed = {name.strip("`") for name, _ in where_is.commands()}
    assert listed == {f"nmcfast {name}" for name in commands(build_parser())}
    assert all((ROOT / where_is.file_of(module)).is_file() for module in where_is.formats.DECKS.values())


def commands(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                below = [f"{name} {more}" for more in commands(inner)]
                yield from below or [name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_paths_in_the_docs_are_there(page):
    text = page.read_text()
    paths = set(re.findall(rf"(?<![\w/.-])((?:{'|'.join(FOLDERS)})/[\w./-]*\w\.(?:py|c|cpp|sh|md|json|svg|png))", text))
    missing = {path for path in paths if not (ROOT / path).exists() and not (page.parent / path).exists()}
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    missing |= {link for link in links if not (page.parent / link).exists()}
    modules = set(re.findall(r"`(nmcfast(?:\.\w+)+)`", text))
    missing |= {name for name in modules if not resolves(name)}
    assert not missing


@pytest.mark.parametrize("file", sorted((ROOT / "scripts").rglob("*.py")), ids=lambda file: file.name)
def test_what_scripts_import_of_the_package_is_there(file):
    """Most run for long and seldom: none is run by the tests."""
    asked = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{name.name}" for node in asked for name in node.names if not node.level]
    assert not [name for name in names if name.startswith("nmcfast") and not resolves(name)]


def resolves(name):
    """Whether a dotted name is a module of the package, or begins with one that holds the rest."""
    parts = name.split(".")
    folder = ROOT.joinpath(*parts)
    if folder.is_dir() or folder.with_suffix(".py").is_file():
        return True
    owner = ROOT.joinpath(*parts[:-1])
    source = owner / "__init__.py" if owner.is_dir() else owner.with_suffix(".py")
    return source.is_file() and parts[-1] in source.read_text()


def test_files_are_short_or_say_why_not():
    inside = [path for folder in ("nmcfast", "kernels", "export", "scripts") for path in (ROOT / folder).rglob("*.py")]
    long = {p.relative_to(ROOT).as_posix() for p in inside if len(p.read_text().splitlines()) > LONGEST}
    assert long == set(ONE_THING)
