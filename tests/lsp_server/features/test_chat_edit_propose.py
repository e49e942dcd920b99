"""A block of code of an answer, made an edit of the document in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer

PROPOSE = "polypilot/edit/propose"
OLD = "import os\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return os.sep\n"


def _range(first: int, last: int) -> dict[str, Any]:
    return {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}


@pytest.fixture
async def propose(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> Callable[..., dict[str, Any]]:
    """Starts an editor with a document in front; then params for a block of code."""
    settings(talking.url)
    await editor.start(workspace={"workspaceEdit": {"documentChanges": True}})
    uri = editor.open("a.py", OLD)

    def params(code: str, selected: tuple[int, int] | None = None) -> dict[str, Any]:
        scene: dict[str, Any] = {"buffer": uri}
        if selected:
            scene["selection"] = {"uri": uri, "range": _range(*selected)}
        return {"code": code, "language": "python", "scene": scene}

    return params


async def test_code_takes_the_place_of_the_selection(editor: Any, propose: Any) -> None:
    asked = propose("def one():\n    return 11", (3, 5))
    made = await editor.result(PROPOSE, asked)
    assert made["oldText"] == OLD
    assert made["newText"] == OLD.replace("return 1\n", "return 11\n")
    assert made["state"] == "open"
    assert editor.all("workspace/applyEdit") == []
    editor.answers["workspace/applyEdit"] = {"result": {"applied": True}}
    accepted = await editor.result("polypilot/edit/accept", {"id": made["id"]})
    assert accepted == {"applied": True, "state": "applied"}


async def test_code_is_fitted_in_by_its_first_and_last_lines(editor: Any, propose: Any) -> None:
    code = "def two():\n    # the platform's\n    return os.sep"
    made = await editor.result(PROPOSE, propose(code))
    assert made["newText"] == OLD.replace("def two():\n", "def two():\n    # the platform's\n")


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("def one():\n    return 11", "    return 1\n", "    return 11\n"),
        ("def two():\n    return None\n", "    return os.sep\n", "    return None\n"),
    ],
)
async def test_a_function_whose_end_has_changed_takes_its_own_place(
    editor: Any, propose: Any, code: str, old: str, new: str
) -> None:
    made = await editor.result(PROPOSE, propose(code))
    assert made["newText"] == OLD.replace(old, new)


async def test_search_and_replace_is_understood_without_a_fence(editor: Any, propose: Any) -> None:
    code = "<<<<<<< SEARCH\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE"
    made = await editor.result(PROPOSE, propose(code))
    assert made["newText"] == OLD.replace("return 1\n", "return 2\n")


async def test_code_may_hold_fences(editor: Any, propose: Any) -> None:
    code = 'def one():\n    """```\n```\n    """\n    return 1'
    made = await editor.result(PROPOSE, propose(code, (3, 5)))
    assert '    """```\n```\n    """\n' in made["newText"]


async def test_a_snippet_without_a_place_never_replaces_the_file(editor: Any, propose: Any) -> None:
    error = await editor.error(PROPOSE, propose("print('elsewhere')"))
    assert error["data"]["code"] == "edit_unmatched"
    assert "select" in error["data"]["cure"].lower()


async def test_without_a_document_in_front_there_is_nothing_to_edit(
    editor: Any, propose: Any
) -> None:
    error = await editor.error(PROPOSE, {**propose("x = 1"), "scene": {}})
    assert error["data"]["code"] == "edit_unmatched"


async def test_a_named_file_is_edited_itself(editor: Any, propose: Any) -> None:
    (editor.workspace / "b.py").write_text("x = 1\n")
    made = await editor.result(PROPOSE, propose("# b.py\nx = 2\n"))
    assert made["uri"].endswith("/b.py")
    assert made["newText"] == "x = 2\n"


async def test_what_must_not_be_written_is_refused(editor: Any, propose: Any) -> None:
    error = await editor.error(PROPOSE, propose("# .git/config\n[core]\n"))
    assert error["data"]["code"] == "edit_refused"


@pytest.mark.parametrize(
    ("code", "language"), [("", ""), ("\n", "py"), ("```", "```"), ("x", "a`b")]
)
async def test_odd_code_is_an_error_that_says_why(
    editor: Any, propose: Any, code: str, language: str
) -> None:
    error = await editor.error(PROPOSE, {**propose(code), "language": language})
    assert error["data"]["code"] in {"edit_unmatched", "edit_refused"}
