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


def asked_at(line: int, character: int, uri: str = URI) -> Message:
    return {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 2},
    }


async def completion(session: Session | Process, line: int, character: int, uri: str = URI) -> Any:
    params = asked_at(line, character, uri)
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
    asked = session.start("textDocument/inlineCompletion", asked_at(0, 3))
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
async def test_a_request_waits_for_the_large_document_that_it_is_about(session: Session, text: str):
    session.open(URI, text)
    session.change(URI, 2, edit("# first\n", 0, 0, 0))
    first = session.start("textDocument/inlineCompletion", asked_at(0, 7))
    session.change(URI, 3, edit("# second\n", 0, 0, 0))
    echo = session.start("test/echo", [1])
    assert (await session.reply(echo))["result"] == [1]
    assert not session.replies.to(first)
    # As it was when it was asked.
    assert (await session.reply(first))["result"]["items"][0]["insertText"] == "# first"
    await session.quiet()
    assert (await session.document(URI))["length"] == len(text) + len("# first\n# second\n")


async def test_other_documents_are_completed_and_edited_while_a_large_one_is_read(
    session: Session,
):
    other = "file:///w/b.py"
    session.open(other, "import a")
    session.open(URI, "é\n" * 6_000_000)
    large = session.start("test/document", {"uri": URI})
    version, asked = 1, large
    while not session.replies.to(large):
        version += 1
        session.change(other, version, edit("x", 0, 8, 8))
        found = await session.document(other)
        assert found["text"] == "import a" + "x" * (version - 1)
        assert found["inSync"]
        if version == 3:
            asked = session.start("textDocument/inlineCompletion", asked_at(0, 8, other))
    assert version > 3
    assert (await session.reply(asked))["result"]["items"][0]["insertText"] == "import a"
    assert session.replies.to(large)[0]["result"]["length"] == 12_000_000


async def test_of_two_large_documents_each_waits_for_its_own(session: Session):
    other, third = "file:///w/b.py", "file:///w/c.py"
    session.open(third, "third")
    session.open(URI, "x\n" * 1_000_000)
    session.open(other, "y\n" * 1_000_000)
    session.change(other, 2, edit("other", 0, 0, 0))
    session.change(URI, 2, edit("first", 0, 0, 0))
    session.change(third, 2, edit("the ", 0, 0, 0))
    asked = [
        session.start("textDocument/inlineCompletion", asked_at(0, 5, uri))
        for uri in (third, other, URI)
    ]
    found = [(await session.reply(each))["result"]["items"][0]["insertText"] for each in asked]
    assert found == ["the t", "other", "first"]


async def test_a_waiting_request_can_be_cancelled(session: Session):
    session.open(URI, "x\n" * 1_000_000)
    asked = [session.start("textDocument/inlineCompletion", asked_at(0, 1)) for _ in range(2)]
    session.notify("$/cancelRequest", {"id": asked[0]})
    session.notify("$/cancelRequest", {"id": None})
    assert (await session.reply(asked[0]))["error"]["code"] == -32800
    assert not session.replies.to(asked[1])
    assert (await session.reply(asked[1]))["result"]["items"][0]["insertText"] == "x"
    await session.quiet()
    assert len(session.replies.to(asked[0])) == 1


@pytest.mark.parametrize(
    ("asked", "cancelled"),
    [(1, True), (1, 1.0), pytest.param(1, "1", id="int-text"), pytest.param("1", 1, id="text-int")],
)
async def test_a_waiting_request_is_not_cancelled_by_an_id_of_another_type(
    session: Session, asked: int | str, cancelled: object
):
    session.replies.all.clear()  # the answer to ``initialize`` has this id
    session.open(URI, "x\n" * 1_000_000)
    session.start("textDocument/inlineCompletion", asked_at(0, 1), msg_id=asked)
    session.notify("$/cancelRequest", {"id": cancelled})
    reply = await session.reply(asked)
    assert reply["result"]["items"][0]["insertText"] == "x"
    assert type(reply["id"]) is type(asked)


async def test_what_waits_with_an_invalid_id_cannot_be_cancelled(session: Session):
    session.replies.all.clear()  # the answer to ``initialize`` has the id that is cancelled
    session.open(URI, "x\n" * 1_000_000)
    message = {"jsonrpc": "2.0", "method": "textDocument/inlineCompletion"}
    session.send({**message, "id": True, "params": asked_at(0, 1)})
    session.notify("$/cancelRequest", {"id": 1})
    assert (await session.reply(None))["error"]["code"] == -32600
    await session.quiet()
    assert not session.replies.to(1)


async def test_what_waits_is_answered_when_the_connection_is_closed(session: Session):
    session.open(URI, "x\n" * 1_000_000)
    waiting = [session.start("textDocument/inlineCompletion", asked_at(0, 1)) for _ in range(2)]
    session.change(URI, 2, edit("y", 0, 0, 0))
    echo = session.start("test/echo", [])
    await session.reply(echo)  # it overtakes them, so they are in the line
    large = session.start("test/echo", {"uri": URI, "text": "x" * 2_000_000})
    unread = session.start("test/echo", [])
    session.notify("test/unknown", {"uri": URI})
    session.connection.close()
    session.write(b"Content-Length: 2\r\n\r\n{}")
    for each in [*waiting, large, unread]:
        assert session.replies.to(each)[0]["error"]["code"] == -32800
    await session.quiet()
    await session.server.protocol.finish(1)
    assert all(len(session.replies.to(each)) == 1 for each in [*waiting, large, unread, echo])
    assert session.replies.to(None) == []


async def test_a_large_request_that_is_being_read_is_answered_at_the_end(session: Session):
    """Its own text is so long that only the rest of it can be read in time."""
    large = session.start("test/echo", {"uri": URI, "text": "é\\n" * 6_000_000})
    waiting = session.start("test/document", {"uri": URI})
    other = session.start("test/document", {"uri": "file:///w/other.py"})
    await session.reply(other)  # it is known now what the large one is about
    assert not session.replies.to(large)
    session.connection.close()
    await session.server.protocol.finish(1)
    for each in (large, waiting):
        (reply,) = session.replies.to(each)
        assert reply["error"]["code"] == -32800


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
    found = process.start("test/document", {"uri": URI})
    while not process.replies.to(found):
        asked = time.perf_counter()
        await process.result("test/echo", [1])
        waits.append(time.perf_counter() - asked)
    assert process.replies.to(found)[0]["result"]["length"] == len(text)
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
