"""Edits that a chat proposes, on their way into the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer

APPLY = "workspace/applyEdit"
OLD = "".join(f"line {number}\n" for number in range(20))
NEW = OLD.replace("line 1\n", "first\n").replace("line 18\n", "last\n")
RICH: dict[str, Any] = {
    "workspaceEdit": {
        "documentChanges": True,
        "resourceOperations": ["create"],
        "changeAnnotationSupport": {},
    }
}
PLAIN: dict[str, Any] = {"workspaceEdit": {}}
DONE = {"result": {"applied": True}}


def _span(line: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": 0}, "end": {"line": line + 1, "character": 0}}


@pytest.fixture
async def proposing(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> Callable[..., Any]:
    """Starts an editor of some abilities; then a document of ours and an edit of it."""
    settings(talking.url)

    async def start(workspace: dict[str, Any], name: str = "a.txt") -> tuple[str, str]:
        await editor.start(workspace=workspace)
        uri = editor.open("a.txt", OLD) if name == "a.txt" else (editor.workspace / name).as_uri()
        edits = (await editor.server.backend()).edits
        proposal = await edits.propose("s1", str(editor.workspace / name), NEW)
        return uri, proposal.id

    return start


async def test_an_edit_is_shown_with_its_hunks(editor: Any, proposing: Any) -> None:
    uri, identity = await proposing(RICH)
    shown = await editor.result("polypilot/edit/get", {"id": identity})
    assert (shown["uri"], shown["state"]) == (uri, "open")
    assert (shown["oldText"], shown["newText"]) == (OLD, NEW)
    assert [each["index"] for each in shown["hunks"]] == [0, 1]
    assert [each["applied"] for each in shown["hunks"]] == [False, False]
    first = shown["hunks"][0]
    assert first["header"].startswith("@@ -1,")
    assert "-line 1\n+first\n" in first["diff"]
    assert shown["diff"].count("@@ -") == 2
    assert editor.all(APPLY) == []
    unknown = await editor.error("polypilot/edit/get", {"id": "nothing"})
    assert (unknown["code"], unknown["data"]["code"]) == (-32803, "unknown_edit")


async def test_accepting_is_one_annotated_edit_of_the_version_seen(
    editor: Any, proposing: Any
) -> None:
    uri, identity = await proposing(RICH)
    editor.answers[APPLY] = DONE
    result = await editor.result("polypilot/edit/accept", {"id": identity})
    assert result == {"applied": True, "state": "applied"}
    (asked,) = editor.all(APPLY)
    (change,) = asked["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    assert [(each["range"], each["newText"]) for each in change["edits"]] == [
        (_span(1), "first\n"),
        (_span(18), "last\n"),
    ]
    (annotation,) = asked["edit"]["changeAnnotations"].items()
    assert {each["annotationId"] for each in change["edits"]} == {annotation[0]}
    assert annotation[1]["label"] == "Polypilot"
    again = await editor.error("polypilot/edit/accept", {"id": identity})
    assert again["data"]["code"] == "edit_refused"


async def test_hunks_are_taken_one_by_one(editor: Any, proposing: Any) -> None:
    uri, identity = await proposing(PLAIN)
    editor.answers[APPLY] = DONE
    first = await editor.result("polypilot/edit/accept", {"id": identity, "hunks": [1]})
    assert first == {"applied": True, "state": "open"}
    assert editor.all(APPLY)[0]["edit"] == {
        "changes": {uri: [{"range": _span(18), "newText": "last\n"}]}
    }
    shown = await editor.result("polypilot/edit/get", {"id": identity})
    assert [each["applied"] for each in shown["hunks"]] == [False, True]
    # The editor tells of the change, and the rest is found where it is by now.
    change = {"range": {"start": _span(0)["start"], "end": _span(0)["start"]}, "text": "new\n"}
    document = {"uri": uri, "version": 2}
    params = {"textDocument": document, "contentChanges": [change]}
    editor.notify("textDocument/didChange", params)
    second = await editor.result("polypilot/edit/accept", {"id": identity})
    assert second == {"applied": True, "state": "applied"}
    assert editor.all(APPLY)[1]["edit"] == {
        "changes": {uri: [{"range": _span(2), "newText": "first\n"}]}
    }


async def test_a_new_file_is_made_where_the_editor_can(editor: Any, proposing: Any) -> None:
    uri, identity = await proposing(RICH, "new.txt")
    editor.answers[APPLY] = DONE
    await editor.result("polypilot/edit/accept", {"id": identity})
    made, change = editor.all(APPLY)[0]["edit"]["documentChanges"]
    assert (made["kind"], made["uri"]) == ("create", uri)
    assert change["textDocument"] == {"uri": uri, "version": None}
    assert "".join(each["newText"] for each in change["edits"]) == NEW


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"result": {"applied": False, "failureReason": "it was changed"}},
            "it was changed",
        ),
        ({"result": {"applied": False}}, "the editor did not apply it"),
        ({"error": {"code": -32601, "message": "?"}}, "the editor applies no edits"),
    ],
)
async def test_an_edit_that_the_editor_did_not_make_stays_open(
    editor: Any, proposing: Any, answer: dict[str, Any], reason: str
) -> None:
    _, identity = await proposing(RICH)
    editor.answers[APPLY] = answer
    result = await editor.result("polypilot/edit/accept", {"id": identity})
    assert result == {"applied": False, "reason": reason}
    shown = await editor.result("polypilot/edit/get", {"id": identity})
    assert shown["state"] == "open"
    editor.answers[APPLY] = DONE
    assert (await editor.result("polypilot/edit/accept", {"id": identity}))["applied"] is True


async def test_an_edit_that_is_turned_down_is_not_made(editor: Any, proposing: Any) -> None:
    _, identity = await proposing(RICH)
    assert await editor.result("polypilot/edit/reject", {"id": identity}) is None
    assert (await editor.result("polypilot/edit/get", {"id": identity}))["state"] == "rejected"
    refused = await editor.error("polypilot/edit/accept", {"id": identity})
    assert refused["code"] == -32803
    assert editor.all(APPLY) == []
