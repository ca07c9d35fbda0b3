"""Make README's tables "where is it": the file of each equation, algorithm and table, of each format, of each command.

Equations are found in docstrings: those whose first line cites one own it, those that cite it further down follow.
Formats come from the registry, readers from their names, commands from the first lines of their files.

python scripts/make/where_is.py          # rewrites the tables in README.md
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nmcfast.export import formats

ROOT = Path(__file__).parents[2]
FOLDERS = ("kernels", "nmcfast", "export")
CITED = [*(f"Eq. ({n})" for n in range(1, 22)), "Algorithm 1", "Algorithm 2", "Table 1"]
MOST = 3  # files named for an equation


class Place(NamedTuple):
    """A module, or a class or a function of it, and what it says of itself."""

    file: str
    name: str
    docstring: str


def docstrings() -> list[Place]:
    """Every module, class and function of the package, in order of path and line."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    name = "" if isinstance(node, ast.Module) else node.name
                    found.append(Place(where, name, ast.get_docstring(node) or ""))
    return found


def cited_in(text: str) -> set[str]:
    """What a docstring cites; "Eqs. (4), (17)–(21)" is six equations."""
    names = {name for name in ("Algorithm 1", "Algorithm 2", "Table 1") if name in text}
    for run in re.findall(r"Eqs?\. ((?:\(\d+\)(?:–|, | and )?)+)", text):
        for first, last in re.findall(r"\((\d+)\)(?:–\((\d+)\))?", run):
            names |= {f"Eq. ({n})" for n in range(int(first), int(last or first) + 1)}
    return names


def places() -> dict[str, list[Place]]:
    """Where each is cited: by functions and classes, else by modules; in order of `_rank`."""
    all_of, found = docstrings(), {}
    for name in CITED:
        citing = [place for place in all_of if name in cited_in(place.docstring)]
        chosen = [place for place in citing if place.name] or citing
        found[name] = sorted(chosen, key=lambda place: _rank(place, name))
    return found


def _rank(place: Place, name: str) -> tuple[bool, bool, bool, int]:
    """First those whose first line cites the equation, that are public, not of a calibration, and cite few others."""
    first = cited_in(place.docstring.partition("\n")[0])
    return name not in first, place.name.startswith("_"), "calibration/" in place.file, len(first)


def by_file(found: list[Place]) -> str:
    """The first files with the names in them."""
    names: dict[str, list[str]] = {}
    for place in found:
        names.setdefault(place.file, []).extend([f"`{place.name}`"] if place.name else [])
    shown = [" ".join([f"`{file}`", ", ".join(dict.fromkeys(said))]).strip() for file, said in names.items()]
    return "; ".join(shown[:MOST]) + (" …" if len(shown) > MOST else "")


def file_of(module: str) -> str:
    """The file of a dotted module, from the top folder."""
    path = module.replace(".", "/") + ".py"
    return re.sub(r"^nmcfast/(kernels|export)/", r"\1/", path)


def readers() -> Iterator[tuple[str, str]]:
    """Files that are read: public functions `read_…` with a path that comes first, or with the name of their file."""
    for path in sorted((ROOT / "nmcfast").rglob("*.py")):
        for node in ast.parse(path.read_text()).body if "kernels" not in path.parts else ():
            if isinstance(node, ast.FunctionDef) and node.name.startswith("read_"):
                arguments = [argument.arg for argument in node.args.args]
                if arguments[0] == "path" or (node.name == f"read_{path.stem}" and "path" in arguments):
                    yield f"`{node.name}`", path.relative_to(ROOT).as_posix()


def commands() -> Iterator[tuple[str, str]]:
    """Each command and its file, whose docstring begins with its name."""
    for path in sorted((ROOT / "nmcfast/cli").glob("*.py")):
        said = re.match(r"(nmcfast [a-z ]+):", ast.get_docstring(ast.parse(path.read_text())) or "")
        if said:
            yield f"`{said[1]}`", path.relative_to(ROOT).as_posix()


def table() -> str:
    """The tables in Markdown."""
    written = [(f"`{name}`", file_of(module)) for name, module in {**formats.BULK, **formats.DECKS}.items()]
    for kind, modules in (("tet", formats.TETRAHEDRA), ("surface", formats.SURFACES)):
        written += [(f"`{name}`, `--mesh {kind}`", file_of(module)) for name, module in modules.items()]
    return "\n\n".join(
        [
            rows(("paper", "code"), [(name, by_file(found)) for name, found in places().items()]),
            rows(("format that is written", "file"), [(name, f"`{file}`") for name, file in written]),
            rows(("what is read", "file"), [(name, f"`{file}`") for name, file in readers()]),
            rows(("command", "file"), [(name, f"`{file}`") for name, file in commands()]),
        ]
    )


def rows(head: tuple[str, str], body: list[tuple[str, str]]) -> str:
    return "\n".join(["| {} | {} |".format(*head), "|---|---|", *(f"| {left} | {right} |" for left, right in body)])


def main() -> None:
    readme = ROOT / "README.md"
    marked = re.compile(r"(?<=<!-- where -->\n).*?(?=<!-- /where -->)", re.DOTALL)
    readme.write_text(marked.sub(lambda _: table() + "\n", readme.read_text()))
    print(table())


if __name__ == "__main__":
    main()
