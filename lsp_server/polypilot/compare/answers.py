"""What a chat answer proposes: the function that mends, the file with tests, a commit's message."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

from polypilot_prompts.proposals import find_blocks

_NAME = re.compile(
    r"\b(?:async\s+def|def|function\*?|func|fn|fun|sub)\s+(?:\([^()\n]*\)\s*)?(?P<name>\w+)"
)
_FENCE = re.compile(r"\A```[^\n]*\n(?P<text>.*?)\n?```\s*\Z", re.DOTALL)


def function_name(source: str) -> str:
    """The name that the first function of ``source`` has; empty if it is not seen."""
    match = _NAME.search(source)
    return match["name"] if match else ""


def mended(answer: str, truth: str, language: str) -> str | None:
    """The function that an answer gives in place of ``truth``, indented and ended as that is.

    It is taken from the first code block that defines a function of its name; of a block of
    Python with more in it (its class, imports) the function alone. None if there is no such block.
    """
    name = function_name(truth)
    for code in _codes(answer):
        found = _python_function(code, name) if language == "python" else _block_with(code, name)
        if found is not None:
            tail = truth[len(truth.rstrip("\r\n")) :]
            return _indented(found, truth) + tail
    return None


def test_file(answer: str) -> str | None:
    """The first code block of an answer, the whole of a file; None if there is none."""
    return next(iter(_codes(answer)), None)


test_file.__test__ = False  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]  (pytest: no test, despite the name)


def message(answer: str) -> str:
    """A commit's message without the fence that models like to put around it."""
    match = _FENCE.match(answer.strip())
    return (match["text"] if match else answer).strip()


def _codes(answer: str) -> list[str]:
    """The code blocks that hold code as it is (no diffs)."""
    blocks = find_blocks(answer)
    plain = [block.code for block in blocks if block.kind in {"whole", "snippet"}]
    return [code for code in plain if code.strip()]


def _block_with(code: str, name: str) -> str | None:
    """Other languages: the block as it is, if the name is in it."""
    return code.strip("\r\n") if name and re.search(rf"\b{re.escape(name)}\b", code) else None


def _python_function(code: str, name: str) -> str | None:
    code = textwrap.dedent(code)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the model's own code
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # It will not parse in the file either; taken as it is, that is what is told of it.
        return _block_with(code, name) if function_name(code) == name else None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            lines = code.split("\n")[first - 1 : node.end_lineno]
            return "\n".join(lines)
    return None


def _indented(code: str, like: str) -> str:
    """``code`` with the indentation of ``like``'s first line, in place of its own.

    Strings of several lines move with it, as they do when a person pastes it.
    """
    wanted, own = _indentation(like), _indentation(code)
    if wanted == own:
        return code
    rows = [row.removeprefix(own) for row in code.split("\n")]
    return "\n".join(wanted + row if row.strip() else row for row in rows)


def _indentation(code: str) -> str:
    first = next((line for line in code.split("\n") if line.strip()), "")
    return first[: len(first) - len(first.lstrip())]
