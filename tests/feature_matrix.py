"""How a test says what an editor has, for the matrix in editors/README.md:
put ``@pytest.mark.feature("vim", "ghost text", "chat")`` on the test that shows it in the real
editor (names below), then run ``python tests/feature_matrix.py``, which writes the matrix.

Where the real editor is missing the test is skipped, which the whole suite counts as a failure
(POLYPILOT_REQUIRE_SYSTEM=1): so a mark stands for what was run.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EDITORS = {
    "vscode": "VS Code",
    "neovim": "Neovim",
    "emacs": "Emacs",
    "vim": "Vim",
    "helix": "Helix",
    "kakoune": "Kakoune",
    "kate": "Kate",
    "sublime": "Sublime Text",
    "zed": "Zed",
    "jetbrains": "JetBrains IDEs",
    "eclipse": "Eclipse",
    "visual-studio": "Visual Studio",
}
FEATURES = (
    "ghost text",
    "accept a word or line",
    "next suggestion",
    "completion menu",
    "chat",
    "stop an answer",
    "history of conversations",
    "mentions and commands",
    "apply edits with a diff",
    "code actions",
    "chat in a Markdown file",
    "choose provider and model",
    "enter a key",
    "status",
    "restart after a crash",
    "embedded model",
    "installed by setup",
)
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "editors" / "README.md"
BEGIN, END = "<!-- matrix: python tests/feature_matrix.py -->", "<!-- end of the matrix -->"

Marks = dict[tuple[str, str], list[str]]


class UnknownNameError(Exception):
    """A mark names what the matrix has no row or column for."""


def marks(folder: Path = ROOT / "tests") -> Marks:
    """Every marked pair of editor and feature, with the files whose tests show it."""
    found: Marks = {}
    for file in sorted(folder.rglob("test_*.py")):
        text = file.read_text("utf-8")
        if "mark.feature" not in text:
            continue
        name = file.relative_to(folder).as_posix()
        for editor, feature in _in_tree(ast.parse(text), name):
            files = found.setdefault((editor, feature), [])
            if name not in files:
                files.append(name)
    return found


def _in_tree(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("mark.feature"):
            continue
        words = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
        editor, *features = words or [None]
        if editor not in EDITORS or not features or not set(features) <= set(FEATURES):
            raise UnknownNameError(f"{name}:{node.lineno}: {ast.unparse(node)}")
        yield from ((str(editor), str(feature)) for feature in features)


def table(found: Mapping[tuple[str, str], object]) -> str:
    """The matrix in Markdown: the editors of which a test shows anything."""
    editors = [each for each in EDITORS if any(editor == each for editor, _ in found)]
    rows = [
        ["", *(EDITORS[each] for each in editors)],
        ["---", *(":-:" for _ in editors)],
        *([name, *("✓" if (each, name) in found else "" for each in editors)] for name in FEATURES),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def written(page: str, matrix: str) -> str:
    """The page with that matrix between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{matrix}{END}{after}"


def main() -> None:
    """Write the matrix; with ``--check``, only say whether it is what the marks say."""
    page = PAGE.read_text("utf-8")
    wanted = written(page, table(marks()))
    if "--check" in sys.argv[1:]:
        sys.exit("editors/README.md is not what the marks say" if wanted != page else 0)
    PAGE.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
