"""Documents and notebooks as the editor changes them, large ones among them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from protocol_support import Message, Process, Session

URI = "file:///w/a.py"


def edit(text: str, *place: int) -> Message:
    line, start, end = place
    positions = [{"line": line, "character": each} for each in (start, end)]
    return {"text": text, "range": {"start": positions[0], "end": positions[1]}}


async def completion(session: Session | Process, line: int, character: int) -> Any:
    params = {
        "textDocument": {"uri": URI},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 2},
    }
    result = await session.result("textDocument/inlineCompletion", params)
    return result and result["items"][0]["insertText"]


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 4), ("utf-16", 2), ("utf-32", 1)])
async def test_positions_are_in_the_agreed_encoding(fresh: Session, encoding: str, width: int):
    offered = {"general": {"positionEncodings": [encoding]}}
    assert (await fresh.initialize(capabilities=offered))["capabilities"][
        "positionEncoding"
    ] == encoding
    fresh.open(URI, "🙂x\nsecond")
    fresh.change(URI, 2, edit("y", 0, width, width + 1))
    assert (await fresh.document(URI))["text"] == "🙂y\nsecond"


async def test_a_form_feed_does_not_break_a_line(session: Session):
    session.open(URI, "a\n\x0cb\nc\n")
    session.change(URI, 2, edit("C", 2, 0, 1))
    assert (await session.document(URI))["text"] == "a\n\x0cb\nC\n"


async def test_a_request_sees_the_document_as_it_was_when_it_was_asked(session: Session):
    session.open(URI, "old")
    params = {
        "textDocument": {"uri": URI},
        "position": {"line": 0, "character": 3},
        "context": {"triggerKind": 2},
    }
    asked = session.start("textDocument/inlineCompletion", params)
    session.change(URI, 2, {"text": "new"})  # in the same read
    assert (await session.reply(asked))["result"]["items"][0]["insertText"] == "old"


async def test_edits_out_of_order_silence_the_document_until_its_whole_text_comes(
    session: Session,
):
    session.open(URI, "text")
    session.change(URI, 3, edit("a ", 0, 0, 0))
    assert await completion(session, 0, 6) == "a text"
    session.change(URI, 2, edit("late ", 0, 0, 0))
    assert await completion(session, 0, 6) is None
    session.change(URI, 4, edit("b ", 0, 0, 0))
    assert await completion(session, 0, 6) is None
    session.change(URI, 5, {"text": "whole"})
    assert await completion(session, 0, 5) == "whole"


@pytest.mark.parametrize(
    "bad",
    [
        {"text": 5, "range": None},
        {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}},
        edit("x", 0, -1, 0),
        {"text": None},
    ],
)
async def test_an_edit_that_cannot_be_understood_is_a_lost_one(session: Session, bad: Message):
    session.open(URI, "text")
    session.change(URI, 2, bad)
    assert await completion(session, 0, 4) is None
    session.change(URI, 3, edit("x", 0, 0, 0))
    assert await completion(session, 0, 4) is None
    params = {"textDocument": {"uri": URI}, "text": "saved"}
    session.notify("textDocument/didSave", params)
    assert await completion(session, 0, 5) == "saved"
    session.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await completion(session, 0, 5) is None


async def test_a_notebooks_cells_are_documents(session: Session):
    book = "file:///w/n.ipynb"
    cells = [{"kind": 2, "document": f"cell:{n}"} for n in (1, 2)]
    texts = [
        {"uri": f"cell:{n}", "languageId": "python", "version": 1, "text": f"x = {n}"}
        for n in (1, 2)
    ]
    notebook = {"uri": book, "notebookType": "jupyter", "version": 1, "cells": cells}
    params = {"notebookDocument": notebook, "cellTextDocuments": texts}
    session.notify("notebookDocument/didOpen", params)
    assert (await session.document("cell:2"))["notebook"] == book

    change = {
        "structure": {
            "array": {"start": 1, "deleteCount": 1, "cells": [{"kind": 2, "document": "cell:3"}]},
            "didOpen": [{**texts[0], "uri": "cell:3", "text": "y"}],
            "didClose": [{"uri": "cell:2"}],
        },
        "textContent": [
            {"document": {"uri": "cell:1", "version": 2}, "changes": [edit("12", 0, 4, 5)]}
        ],
    }
    identifier = {"version": 2, "uri": book}
    session.notify("notebookDocument/didSave", {"notebookDocument": {"uri": book}})
    changes: list[Message] = [{"cells": change}, {"metadata": {}}]
    for cells_change in changes:
        session.notify(
            "notebookDocument/didChange",
            {"notebookDocument": identifier, "change": cells_change},
        )
    assert (await session.document("cell:1"))["text"] == "x = 12"
    assert (await session.document("cell:3"))["text"] == "y"
    assert await session.document("cell:2") is None
    assert session.server.documents.cells(book) == ("cell:1", "cell:3")

    closing = {"notebookDocument": {"uri": book}, "cellTextDocuments": [{"uri": "cell:1"}]}
    session.notify("notebookDocument/didClose", closing)
    assert await session.document("cell:1") is None
    assert await session.document("cell:3") is None


@pytest.mark.parametrize("text", ["def f():\n    pass  # é\n" * 100_000, "x" * 12_000_000])
async def test_requests_overtake_a_large_document_and_edits_do_not(session: Session, text: str):
    session.open(URI, text)
    session.change(URI, 2, edit("# first\n", 0, 0, 0))
    document = session.start("test/document", {"uri": URI})
    assert await completion(session, 0, 0) is None  # nothing may be known yet
    assert (await session.reply(document))["result"] is None
    await session.quiet()
    assert (await session.document(URI))["length"] == len(text) + len("# first\n")
    assert await completion(session, 0, 7) == "# first"


async def test_a_cancel_waits_for_the_large_request_it_is_for(session: Session):
    session.start("test/slow", {"seconds": 30, "text": "x" * 2_000_000}, msg_id=77)
    session.notify("$/cancelRequest", {"id": 77})
    running = session.start("test/slow")
    session.notify("$/cancelRequest", {"id": running})
    assert (await session.reply(77))["error"]["code"] == -32800
    assert (await session.reply(running))["error"]["code"] == -32800


async def test_a_large_message_that_is_no_json_is_refused(session: Session):
    body = b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 2_000_000 + b'\n"}'
    session.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    session.open(URI, "after")
    assert (await session.reply(None))["error"]["code"] == -32700
    await session.quiet()
    assert (await session.document(URI))["text"] == "after"


async def test_whole_texts_and_invalid_messages_while_a_large_one_is_read(session: Session):
    session.open(URI, "x\n" * 1_000_000)
    session.write(b"Content-Length: 1\r\n\r\n{")
    session.open("file:///other", "y\n" * 1_000_000)
    session.change(URI, 2, {"text": "small"})
    assert (await session.reply(None))["error"]["code"] == -32700
    await session.quiet()
    assert (await session.document(URI))["text"] == "small"
    assert (await session.document("file:///other"))["length"] == 2_000_000


async def test_an_open_of_50_megabytes_keeps_nobody_waiting(process: Process):
    text = "    value = compute(\"x\", 'é')  # a comment\n" * 1_200_000
    process.open(URI, text)
    await process.drain()
    began, waits = time.perf_counter(), list[float]()
    while True:
        asked = time.perf_counter()
        found = await process.document(URI)
        waits.append(time.perf_counter() - asked)
        if found is not None:
            break
    assert found["length"] == len(text)
    # Decoding it all in one go would make one wait as long as all of them together.
    assert len(waits) > 5
    assert max(waits) < (time.perf_counter() - began) / 2
    process.change(URI, 2, edit("!", 600_000, 4, 4))
    assert await completion(process, 600_000, 9) == "    !valu"


async def test_a_line_of_5_megabytes_can_be_edited(process: Process):
    process.open(URI, "é🙂" * 1_700_000)
    process.change(URI, 2, edit("!", 0, 3_000_000, 3_000_000))
    while not ((found := await process.document(URI)) and found["inSync"]):
        pass  # asking is waiting
    assert await completion(process, 0, 3_000_001) == ("é🙂" * 50)[-99:] + "!"
