"""A document's grammar is loaded when it is opened, not when a key in it waits."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.warming import Warming
from polypilot.errors import UserError
from polypilot.workspace.documents import DocumentStore
from polypilot_prompts import syntax_grammars

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("tree_sitter_python")


@pytest.fixture(autouse=True)
def _unloaded() -> Iterator[None]:
    syntax_grammars.forget()
    yield
    syntax_grammars.forget()


async def _looked_for() -> int:
    """How many grammars have been looked for once the threads that were started have ended."""
    await asyncio.sleep(0)  # the task that starts the thread has its turn
    for thread in [each for each in threading.enumerate() if "parser_for" in each.name]:
        await asyncio.to_thread(thread.join)
    return syntax_grammars.looked_for()


async def nothing(uri: str) -> None:
    del uri


async def test_opening_a_document_loads_its_grammar():
    documents = DocumentStore()
    grammars = Warming(documents, nothing)
    documents.tell(grammars)
    documents.open("file:///a.txt", "plaintext", 1, "x")
    assert await _looked_for() == 0
    documents.open("file:///a.py", "python", 1, "x = 1\n")
    documents.open("file:///b.py", "python", 1, "x = 1\n")
    assert await _looked_for() == 1
    await grammars.aclose()


async def test_what_was_open_before_is_loaded_when_warmed():
    documents = DocumentStore()
    documents.open("file:///a.py", "python", 1, "x = 1\n")
    grammars = Warming(documents, nothing)
    assert await _looked_for() == 0
    grammars.warm()
    assert await _looked_for() == 1
    await grammars.aclose()


async def test_the_first_document_is_rehearsed_and_no_other():
    documents = DocumentStore()
    asked: list[str] = []
    done = asyncio.Event()

    async def rehearse(uri: str) -> None:
        asked.append(uri)
        if len(asked) == 3:
            done.set()
            raise UserError("it must not be sent", code="excluded")

    warming = Warming(documents, rehearse)
    documents.tell(warming)
    documents.open("file:///a.txt", "plaintext", 1, "x")
    documents.open("file:///b.txt", "plaintext", 1, "x")
    await asyncio.wait_for(done.wait(), 10)
    assert set(asked) == {"file:///a.txt"}
    await warming.aclose()
