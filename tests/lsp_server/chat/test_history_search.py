from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from history_support import message, session
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot.chat.history import History

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    async with aclosing(History(tmp_path / "chat.db")) as opened:
        yield opened


async def keep(history: History, ident: str, *texts: str, **given: object) -> None:
    values = {"title": "untitled"} | given
    messages = [message(f"m{n}", ident, text=text) for n, text in enumerate(texts)]
    await history.save(session(ident, **values), messages)


async def found(history: History, words: str, **given: object) -> list[str]:
    summaries = await history.search(words, **given)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (by name)
    return [each.session.id for each in summaries]


async def test_all_words_must_be_there_and_the_last_may_be_a_beginning(history: History) -> None:
    await keep(history, "a", "The socket was closed by the supplier")
    await keep(history, "b", "The socket is open")
    assert await found(history, "socket") == ["b", "a"]
    assert await found(history, "SOCKET clos") == ["a"]
    assert await found(history, "sock closed") == []
    assert await found(history, "ocket") == []
    assert await found(history, "so") == []
    await keep(history, "c", "ソケットを閉じる")
    assert await found(history, "ソケ") == ["c"]


async def test_case_and_accents_do_not_count(history: History) -> None:
    await keep(history, "a", "Der Käse schmilzt, déjà vu")
    assert await found(history, "kase") == ["a"]
    assert await found(history, "DEJA vu") == ["a"]
    assert await found(history, "käse") == ["a"]


async def test_the_title_is_searched_too(history: History) -> None:
    await keep(history, "a", "nothing here", title="Migrating the ledger")
    assert await found(history, "ledger") == ["a"]
    assert (await history.search("ledger"))[0].excerpt == "Migrating the ledger"


async def test_the_better_match_comes_first(history: History) -> None:
    await keep(history, "much", "heron heron heron")
    await keep(history, "little", "one heron among a great many other birds of all kinds " * 5)
    await keep(history, "short", "heron")
    assert (await found(history, "heron"))[-1] == "little"


async def test_words_of_different_messages_are_found_behind_those_of_one(history: History) -> None:
    await keep(history, "one", "heron and proxy together")
    await keep(history, "several", "the proxy refused", "unrelated", "the heron flew")
    await keep(history, "half", "only a heron")
    assert await found(history, "heron proxy") == ["one", "several"]
    assert await found(history, "heron proxy", limit=1) == ["one"]


async def test_a_conversation_is_found_once(history: History) -> None:
    await keep(history, "a", "heron", "heron again", "and the heron")
    (summary,) = await history.search("heron")
    assert summary.messages == 3


async def test_the_excerpt_shows_the_place_on_one_line(history: History) -> None:
    text = "filler\n" * 200 + "def open_socket():\n    heron = 1\n" + "filler\n" * 200
    await keep(history, "a", text)
    (summary,) = await history.search("heron")
    assert "open_socket(): heron = 1" in summary.excerpt
    assert "\n" not in summary.excerpt
    assert len(summary.excerpt) < 300


async def test_a_root_is_searched_alone(history: History) -> None:
    await keep(history, "a", "heron", root="/a")
    await keep(history, "b", "heron", root="/b")
    await keep(history, "none", "heron", root="")
    assert await found(history, "heron", root="/a") == ["a"]
    assert await found(history, "heron", root="") == ["none"]
    assert await found(history, "heron", root="/c") == []
    assert len(await found(history, "heron")) == 3
    await history.save(session("a", title="untitled", root="/b"))
    assert await found(history, "heron", root="/b") == ["b", "a"]


async def test_a_root_is_no_word(history: History) -> None:
    await keep(history, "a", "nothing", root="/a")
    assert await found(history, "r2f61") == []


@pytest.mark.parametrize("words", ["", "   ", "->", '* ( ) "', "\0", "{}:=>"])
async def test_no_words_find_nothing(history: History, words: str) -> None:
    await keep(history, "a", "-> * text")
    assert await found(history, words) == []


@pytest.mark.parametrize(
    "words",
    [
        'heron"',
        '"heron',
        "heron*",
        "heron)",
        "heron -> {",
        "^heron",
        "+ heron",
        "heron \0 \ud83d",
    ],
)
async def test_signs_of_the_query_language_mean_nothing(history: History, words: str) -> None:
    await keep(history, "a", "the heron waits")
    assert await found(history, words) == ["a"]


@pytest.mark.parametrize(
    "words", ["heron OR nothing", "heron NOT waits", "place: r2f61", "NEAR(a)"]
)
async def test_words_of_the_query_language_are_words(history: History, words: str) -> None:
    await keep(history, "a", "the heron waits", root="/a")
    assert await found(history, words) == []
    await keep(history, "b", words)
    assert await found(history, words) == ["b"]


@given(words=st.text(max_size=40))
@settings(max_examples=150, deadline=None)
async def test_whatever_is_typed_is_answered(
    tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-words" / "chat.db"
    async with aclosing(History(path)) as history:
        await history.search(words, "/a")
        await keep(history, "a", words, root="/a")
        await history.search(words, "/a")


# SQLite's table of letters is that of Unicode 6.1.
@given(words=st.text(st.characters(max_codepoint=0x24F), max_size=40))
@settings(max_examples=150, deadline=None)
async def test_what_was_written_is_found_by_the_same_words(
    tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "same-words" / "chat.db"
    async with aclosing(History(path)) as history:
        await keep(history, "a", words)
        expected = ["a"] if any(each.isalnum() for each in words) else []
        assert await found(history, words) == expected
