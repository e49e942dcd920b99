from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from history_support import message, session

from polypilot import paths
from polypilot.chat.history import History

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from polypilot.chat.history_values import SessionSummary


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    async with aclosing(History(tmp_path / "chat.db")) as opened:
        yield opened


def ids(summaries: list[SessionSummary]) -> list[str]:
    return [each.session.id for each in summaries]


async def test_a_conversation_comes_back_as_it_was_saved(history: History, tmp_path: Path) -> None:
    kept = session()
    messages = (
        message("m1", role="user", cost=None, tokens_in=None, tokens_out=None, reason=""),
        message("m2", parent="m1", cost=Decimal("0.10"), body='{"a": "ü\\u0000 \U0001f600"}'),
        message("m3", parent="m1", text="", created=1.25),
    )
    await history.save(kept, messages)
    await history.aclose()
    async with aclosing(History(tmp_path / "chat.db")) as again:
        assert await again.load("s1") == (kept, messages)
        assert await again.load("s2") is None


async def test_it_lies_in_the_users_data_folder() -> None:
    async with aclosing(History()) as history:
        await history.save(session())
        assert (paths.data_dir() / "chat.db").exists()
        assert await history.size() > 4_096


async def test_saving_says_whether_it_was_there(history: History) -> None:
    assert not await history.save(session())
    assert await history.save(session())
    await history.delete("s1")
    assert not await history.save(session())


async def test_a_message_saved_again_takes_the_place_of_the_former(history: History) -> None:
    await history.save(session(), [message("m1", text="half an ans"), message("m2")])
    await history.save(session(head="m1"), [message("m1", text="half an answer", reason="length")])
    loaded = await history.load("s1")
    assert loaded is not None
    assert [(each.id, each.text) for each in loaded[1]] == [
        ("m1", "half an answer"),
        ("m2", "what m2 says"),
    ]
    assert loaded[1][0].reason == "length"
    assert [each.messages for each in await history.sessions()] == [2]
    assert ids(await history.search("ans")) == ["s1"]
    assert (await history.search("half"))[0].excerpt == "half an answer"


async def test_messages_of_different_conversations_may_share_an_id(history: History) -> None:
    await history.save(session("s1"), [message("m", "s1", text="one")])
    await history.save(session("s2"), [message("m", "s2", text="two")])
    one, two = await history.load("s1"), await history.load("s2")
    assert one is not None
    assert two is not None
    assert (one[1][0].text, two[1][0].text) == ("one", "two")


async def test_the_newest_come_first_page_by_page(history: History) -> None:
    for number in range(25):
        await history.save(session(f"s{number}", updated=float(number)), [message("m")])
    first = await history.sessions(limit=10)
    assert ids(first) == [f"s{n}" for n in range(24, 14, -1)]
    assert {each.messages for each in first} == {1}
    second = await history.sessions(limit=10, before=first[-1].session.updated)
    third = await history.sessions(limit=10, before=second[-1].session.updated)
    assert ids(second + third) == [f"s{n}" for n in range(14, -1, -1)]
    assert await history.sessions(before=0.0) == []


async def test_no_page_leaves_out_those_of_the_same_moment(history: History) -> None:
    for number in range(6):
        await history.save(session(f"s{number}", updated=float(number // 3)))
    first = await history.sessions(limit=2)
    rest = await history.sessions(limit=2, before=first[-1].session.updated)
    assert sorted(ids(first + rest)) == [f"s{number}" for number in range(6)]
    assert len(first) == 3


async def test_a_changed_conversation_moves_to_the_top(history: History) -> None:
    await history.save(session("old", updated=1.0))
    await history.save(session("new", updated=2.0))
    await history.save(session("old", updated=3.0))
    assert ids(await history.sessions()) == ["old", "new"]


async def test_a_root_has_its_own_list(history: History) -> None:
    await history.save(session("a", root="/a", updated=1.0))
    await history.save(session("b", root="/b", updated=2.0))
    await history.save(session("none", root="", updated=3.0))
    assert ids(await history.sessions("/a")) == ["a"]
    assert ids(await history.sessions("")) == ["none"]
    assert ids(await history.sessions()) == ["none", "b", "a"]
    await history.save(session("b", root="/a", updated=2.0))
    assert ids(await history.sessions("/a")) == ["b", "a"]


async def test_a_new_title_is_listed_and_found(history: History) -> None:
    await history.save(session(title="Parsing dates"))
    assert await history.rename("s1", "Time zones")
    assert not await history.rename("s2", "Time zones")
    (listed,) = await history.sessions()
    assert (listed.session.title, listed.session.updated) == ("Time zones", 2_000.0)
    assert ids(await history.search("zones")) == ["s1"]
    assert await history.search("dates") == []
    await history.save(session(title="Parsing dates"))
    assert ids(await history.search("dates")) == ["s1"]
    assert await history.search("zones") == []


async def test_what_is_deleted_is_neither_listed_nor_found_nor_loaded(history: History) -> None:
    await history.save(session("s1"), [message("m1", text="the heron waits")])
    await history.save(session("s2"), [message("m1", "s2", text="the heron flies")])
    assert await history.delete("s1")
    assert not await history.delete("s1")
    assert await history.load("s1") is None
    assert ids(await history.sessions()) == ["s2"]
    assert ids(await history.search("heron")) == ["s2"]


async def test_all_can_be_deleted_and_it_goes_on(history: History) -> None:
    for number in range(5):
        await history.save(session(f"s{number}"), [message(text="heron")])
    assert await history.delete_all() == 5
    assert await history.sessions() == []
    assert await history.search("heron") == []
    await history.save(session("new"), [message(text="heron")])
    assert ids(await history.search("heron")) == ["new"]
    loaded = await history.load("new")
    assert loaded is not None
    assert len(loaded[1]) == 1


async def test_two_editors_see_each_others_conversations(tmp_path: Path) -> None:
    async with (
        aclosing(History(tmp_path / "chat.db")) as one,
        aclosing(History(tmp_path / "chat.db")) as two,
    ):
        await one.save(session(), [message("m1")])
        await two.save(session(), [message("m2", parent="m1")])
        loaded = await one.load("s1")
        assert loaded is not None
        assert [each.id for each in loaded[1]] == ["m1", "m2"]
        await two.delete("s1")
        assert await one.load("s1") is None


async def test_any_text_can_be_kept(history: History) -> None:
    half = "half of a pair: \ud83d, zero: \0, end"
    kept = message(text=half, body=f'"{half}"', provider="\ud83d")
    await history.save(session("s\ud83d", title=half), [kept])
    loaded = await history.load("s\ud83d")
    assert loaded is not None
    assert loaded[1][0].body == kept.body
    assert loaded[1][0].text == half.replace("\ud83d", "?")
    assert ids(await history.search("pair")) == ["s?"]
