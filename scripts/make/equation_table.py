"""Make README's table "where is each equation", from the docstrings: the first line that cites an equation owns it.

python scripts/make/equation_table.py          # rewrites the table in README.md
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CITED = [*(f"Eq. ({n})" for n in range(1, 22)), "Algorithm 1", "Algorithm 2", "Table 1"]


def docstrings() -> list[tuple[str, str]]:
    """(place, docstring) of every module, class and function of the package, in order of path and line."""
    found = []
    for folder in ("nmcfast", "kernels", "export"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text())
            where = path.relative_to(ROOT).as_posix()
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    name = "" if isinstance(node, ast.Module) else f" `{node.name}`"
                    found.append((f"`{where}`{name}", ast.get_docstring(node) or ""))
    return found


def cited_in(text: str) -> set[str]:
    """What a docstring cites; "Eqs. (4), (17)–(21)" is six equations."""
    names = {name for name in ("Algorithm 1", "Algorithm 2", "Table 1") if name in text}
    for run in re.findall(r"Eqs?\. ((?:\(\d+\)(?:–|, | and )?)+)", text):
        for first, last in re.findall(r"\((\d+)\)(?:–\((\d+)\))?", run):
            names |= {f"Eq. ({n})" for n in range(int(first), int(last or first) + 1)}
    return names


def places() -> dict[str, list[str]]:
    """Where each equation, algorithm and table of the paper is cited by functions and classes, else by modules."""
    table: dict[str, list[str]] = {name: [] for name in CITED}
    modules: dict[str, list[str]] = {name: [] for name in CITED}
    for place, text in docstrings():
        for name in cited_in(text) & set(CITED):
            (table if " `" in place else modules)[name].append(place)
    return {name: table[name] or modules[name] for name in CITED}


def table() -> str:
    """The table in Markdown."""
    rows = [f"| {name} | {', '.join(where[:4])}{' …' if len(where) > 4 else ''} |" for name, where in places().items()]
    return "\n".join(["| paper | code |", "|---|---|", *rows])


def main() -> None:
    readme = ROOT / "README.md"
    marked = re.compile(r"(?<=<!-- equations -->\n).*?(?=<!-- /equations -->)", re.DOTALL)
    readme.write_text(marked.sub(lambda _: table() + "\n", readme.read_text()))
    print(table())


if __name__ == "__main__":
    main()
