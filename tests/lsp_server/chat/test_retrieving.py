"""Questions for which the workspace is searched by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.chat import events
from polypilot.chat.mentions import Mentions
from polypilot.chat.plan import ChatPlan
from polypilot.chat.retrieving import Retrieving, words_of
from polypilot.workspace.diagnostics import Diagnostics
from polypilot.workspace.index import WorkspaceIndex
from polypilot.workspace.roots import Roots
from polypilot_providers.router import Target

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from chat_support import Chat

pytestmark = pytest.mark.allow_blocking("the tests write files")


class Wanting:
    """Settings that want it."""

    def __init__(self) -> None:
        self.retrieve = True

    def plan(self, provider: str, model: str) -> ChatPlan:
        return ChatPlan((Target(provider or "one", model or "m"),), retrieve=self.retrieve)


@pytest.fixture
async def wanting(chat: Chat, tmp_path: Path) -> AsyncGenerator[Wanting]:
    roots = Roots([str(chat.root)])
    chat.write("src/heron.py", "def heron_waits(river):\n    return river.bank()\n")
    chat.write("src/.env", "HERON_RIVER_KEY = 1\n")
    chat.write("src/other.py", "x = 1\n")
    index = WorkspaceIndex(lambda: tmp_path / "index", lambda: chat.privacy, lambda: roots)
    wanting = Wanting()
    chat.parts.asking.retriever = Retrieving(
        Mentions(chat.gate, chat.store, Diagnostics(), index=index)
    )
    chat.service._plan = chat.service._sender._plan = wanting.plan  # pyright: ignore[reportPrivateUsage] - the settings changed
    await index.ready(str(chat.root), 60)
    yield wanting
    await index.aclose()


async def test_what_a_question_is_about_goes_along(chat: Chat, wanting: Wanting):
    chat.one.says("It waits.")
    found = await chat.ask("Why does the heron wait at the river?")
    (context,) = [each for each in found if isinstance(each, events.Context)]
    assert [item.refused for item in context.items] == [""] * len(context.items)
    assert any("heron.py" in item.name for item in context.items)
    (_, sent) = chat.sent()[0]
    assert "def heron_waits(river)" in sent
    assert "HERON_RIVER_KEY" not in sent
    wanting.retrieve = False
    chat.one.says("It waits.")
    await chat.ask("Why does the heron wait at the river?")
    assert "def heron_waits" not in chat.sent()[0][1]


async def test_what_is_attached_or_says_nothing_is_left_alone(chat: Chat, wanting: Wanting):
    assert wanting.retrieve
    chat.one.says("ok")
    found = await chat.ask("Explain this code, please!")
    assert not [each for each in found if isinstance(each, events.Context)]


def test_words_that_say_what_it_is_about():
    assert words_of("Why does `heron_waits` not use the River, and heron_waits?") == [
        "heron_waits",
        "River",
    ]
    assert len(words_of(" ".join(f"word{chr(97 + n)}" for n in range(26)))) == 12
