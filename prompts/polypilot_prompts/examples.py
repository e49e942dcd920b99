"""The examples a chat prompt for missing text begins with."""

from __future__ import annotations

from polypilot_prompts.context import CursorContext

EXAMPLES = (
    (
        CursorContext(
            prefix="func max(a, b int) int {\n\tif a > b {",
            suffix="\n\treturn b\n}\n",
            path="max.go",
            language="go",
            insert_spaces=False,
        ),
        "\n\t\treturn a\n\t}",
    ),
    (
        CursorContext(
            prefix="def area(radius: float) -> float:\n    return math.pi * ",
            suffix="\n\n\nprint(area(2))\n",
            path="shapes.py",
            language="python",
        ),
        "radius**2",
    ),
    (
        CursorContext(
            prefix="const names = users.filter(",
            suffix=").map((user) => user.name);\n",
            path="src/names.ts",
            language="typescript",
            tab_size=2,
        ),
        "(user) => user.active",
    ),
)
"""A block that has to be closed, and mid-line with nothing and with text behind: the form
of the last one is copied by small models, so it is the most frequent one."""
