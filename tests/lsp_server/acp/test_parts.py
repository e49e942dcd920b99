"""Lines, content blocks, updates and edits, each by itself."""

from __future__ import annotations

import asyncio
import codecs
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.acp import blocks, translate
from polypilot.acp.faults import RpcError
from polypilot.acp.lines import Line, Lines, encode
from polypilot.acp.offer import Abilities
from polypilot.acp.turn import Turn
from polypilot.acp.writing import WriteError, write
from polypilot.chat import events
from polypilot.chat.edits import TextEdit
from polypilot.chat.edits_file import applied
from polypilot.chat.values import (
    Attach,
    Embedded,
    FileDiff,
    Location,
    PermissionRequest,
    PlanEntry,
)
from polypilot.stdio.jsontext import decode
from polypilot.workspace.documents import Position
from polypilot_providers.types import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from acp_support import Message, Schema

from acp_support import Frame

# --- lines


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_come_in_any_pieces(size: int) -> None:
    data = b'{"a":1}\n\r\n  \n{"b":"\xc3\xa9"}\r\n{"c":3}'
    lines = Lines()
    found: list[Line] = []
    for start in range(0, len(data), size):
        found += lines.feed(data[start : start + size])
    found += lines.end()
    assert [each.data for each in found] == [b'{"a":1}', b'{"b":"\xc3\xa9"}', b'{"c":3}']


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_line_that_is_too_long_is_dropped(size: int) -> None:
    data = b"123456789\n12345\n123456\n"
    lines = Lines(max_line=5)
    found: list[Line] = []
    for start in range(0, len(data), size):
        found += lines.feed(data[start : start + size])
    assert [(each.data, each.too_long) for each in found] == [
        (b"", True),
        (b"12345", False),
        (b"", True),
    ]


def test_what_is_encoded_is_one_line_of_ascii() -> None:
    text = "a\nb\u2028c\x85d\ud800é"
    line = encode({"text": text})
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert decode(line.strip()) == {"text": text}


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_what_json_can_not_say(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"value": value})


# --- content blocks


def asked(*given: Message) -> blocks.Asked:
    return blocks.read(list(given))


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///w/a.py", "`a.py`"),
        ("file:///w/a.py#L10", "`a.py:10`"),
        ("file:///w/a.py#L10:20", "`a.py:10-20`"),
        ("file:///w/a.py#L10-L20", "`a.py:10-20`"),
        ("file:///w/a.py#L10C1-L20C4", "`a.py:10-20`"),
        ("file:///w/a.py#L7:7", "`a.py:7`"),
        ("file:///w/a.py#part", "`a.py`"),
    ],
)
def test_a_link_names_a_file_and_its_lines(uri: str, name: str) -> None:
    found = asked({"type": "resource_link", "name": "a.py", "uri": uri})
    assert found.text == name
    assert found.attachments == [Attach("file:///w/a.py")]


def test_names_can_not_break_out_of_their_quotes() -> None:
    found = asked({"type": "resource_link", "name": "a`\n# b\u202e", "uri": "file:///w/a"})
    assert found.text == "`a\\n# b\\u202e`"


def test_a_link_elsewhere_is_only_named() -> None:
    found = asked({"type": "resource_link", "name": "page", "uri": "https://example.com/`x`"})
    assert (found.text, found.attachments) == ("`https://example.com/x`", [])


def test_a_file_that_is_mentioned_twice_goes_along_once() -> None:
    link = {"type": "resource_link", "name": "a", "uri": "file:///w/a"}
    found = asked(link, {"type": "text", "text": " and "}, link)
    assert found.text == "`a` and `a`"
    assert len(found.attachments) == 1


def test_embedded_texts_and_blobs() -> None:
    found = asked(
        {"type": "resource", "resource": {"uri": "zed:///thread/1", "text": "x"}},
        {"type": "resource", "resource": {"uri": "file:///w/b%20c.txt", "blob": "aGk="}},
    )
    assert found.text == "`1``b c.txt`"
    assert found.attachments == [
        Embedded("zed:///thread/1", "x"),
        Embedded("file:///w/b%20c.txt", "hi"),
    ]


def test_a_picture_alone_is_a_question_too() -> None:
    found = asked({"type": "image", "mimeType": "image/png", "data": "aGk="})
    assert found.text == "See what is attached."
    assert found.attachments == [Embedded("picture", "", media_type="image/png", data=b"hi")]


# --- updates


class Wire:
    """Takes what a turn sends."""

    def __init__(self, answer: object = None) -> None:
        self.sent: list[Message] = []
        self.asked: list[Message] = []
        self._answer = answer
        self.free = asyncio.Event()
        self.free.set()

    def notify(self, method: str, params: Mapping[str, object]) -> None:
        assert method == "session/update"
        self.sent.append({"jsonrpc": "2.0", "method": method, "params": dict(params)})

    async def request(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        self.asked.append({"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)})
        if isinstance(self._answer, RpcError):
            raise self._answer
        return {"outcome": self._answer}

    @property
    def congested(self) -> bool:
        return not self.free.is_set()

    async def drained(self) -> None:
        await self.free.wait()

    @property
    def updates(self) -> list[Message]:
        return [each["params"]["update"] for each in self.sent]


DIFF = FileDiff("/w/a.py", None, "x")
EVENTS: tuple[events.ChatEvent, ...] = (
    events.Session("s", "m", "team", "talker"),
    events.Title("Title"),
    events.Context((events.ContextItem("file:///w/.env", refused="it is secret"),)),
    events.Context((events.ContextItem("file:///w/a", redacted=2, name="a"),)),
    events.Compacted(4, 9000, 500, "What was said."),
    events.Notice("Another provider answers."),
    events.Thought("Hm"),
    events.Text("Hel"),
    events.Text("lo"),
    events.Plan((PlanEntry("First", "in_progress", "high"), PlanEntry("Then"))),
    events.ToolCall("c", "read", '{"path": "a"}', "Read a", "read", (Location("/w/a", 3),)),
    events.ToolUpdate("c", "in_progress", "half"),
    events.ToolUpdate("c", "completed", "all", (DIFF,), (Location("/w/a.py"),)),
    events.ToolCall("d", "", "no json", tool_kind="edit"),
    events.Citation("https://example.com/<x> y", "A [title](javascript:x)", ""),
    events.Citation("javascript:alert(1)", "bad", ""),
    events.Usage(Usage(), used=10, window=100, session_cost=Decimal("0.25")),
    events.Usage(Usage(), used=10),
    events.Refusal("No."),
    events.Error("network", "gone"),
)


@pytest.mark.parametrize("can", [Abilities(), Abilities(notices=True, compactions=True)])
async def test_every_event_becomes_what_the_schema_says(acp_schema: Schema, can: Abilities) -> None:
    wire = Wire()
    turn = Turn(wire, can, "s")
    for event in EVENTS:
        turn.take(event)
    turn.finish()
    assert acp_schema.violations(Frame(ours=True, message=each) for each in wire.sent) == []
    kinds = {each["sessionUpdate"] for each in wire.updates}
    assert {"tool_call", "tool_call_update", "plan", "usage_update"} <= kinds
    assert {"session_info_update", "agent_thought_chunk", "agent_message_chunk"} <= kinds
    assert ({"notice", "compaction_update"} <= kinds) is can.notices
    text = "".join(
        each["content"]["text"]
        for each in wire.updates
        if each["sessionUpdate"] == "agent_message_chunk"
    )
    said = [*(each["title"] for each in wire.updates if each["sessionUpdate"] == "notice"), text]
    for part in ("Another provider answers.", ".env was not sent: it is secret", "a: 2 hidden"):
        assert any(part in each for each in said)
    assert "- <https://example.com/%3Cx%3E%20y> A \\[title\\]\\(javascript:x\\)" in text
    assert "alert" not in text
    calls = [each for each in wire.updates if each["sessionUpdate"] == "tool_call_update"]
    assert [(each["toolCallId"], each["status"]) for each in calls] == [
        ("m:c", "in_progress"),
        ("m:c", "completed"),
        ("m:d", "failed"),  # the answer ended before it ran
    ]
    assert calls[1]["content"][0] == {
        "type": "diff",
        "path": "/w/a.py",
        "oldText": None,
        "newText": "x",
    }
    used = next(each for each in wire.updates if each["sessionUpdate"] == "usage_update")
    assert (used["used"], used["size"], used["cost"]) == (
        10,
        100,
        {"amount": 0.25, "currency": "USD"},
    )


async def test_text_travels_together_and_in_order() -> None:
    wire = Wire()
    turn = Turn(wire, Abilities(), "s")
    for text in "abcdef":
        turn.take(events.Text(text))
    turn.take(events.Thought("x"))
    turn.take(events.Text("g"))
    turn.finish()
    chunks = [(each["sessionUpdate"], each["content"]["text"]) for each in wire.updates]
    assert chunks == [
        ("agent_message_chunk", "a"),
        ("agent_message_chunk", "bcdef"),
        ("agent_thought_chunk", "x\n\n"),
        ("agent_message_chunk", "g"),
    ]


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        ({"outcome": "selected", "optionId": "allow_once"}, "allow_once"),
        ({"outcome": "selected", "optionId": "allow_always"}, "allow_session"),
        ({"outcome": "selected", "optionId": "reject_once"}, "reject_once"),
        ({"outcome": "selected", "optionId": "reject_always"}, "reject_session"),
        ({"outcome": "cancelled"}, "cancelled"),
        ({"outcome": "selected", "optionId": "yes"}, "reject_once"),
        ({"outcome": "selected"}, "reject_once"),
        ({"outcome": "selected", "optionId": ["allow_once"]}, "reject_once"),
        ({"optionId": "allow_once"}, "reject_once"),
        ("allow_once", "reject_once"),
        (None, "reject_once"),
        (RpcError(-32601, "unknown"), "reject_once"),
    ],
)
async def test_only_a_clear_yes_is_one(acp_schema: Schema, outcome: object, decision: str) -> None:
    wire = Wire(outcome)
    turn = Turn(wire, Abilities(), "s")
    turn.take(events.Session("s", "m", "team", "talker"))
    turn.take(events.Text("First "))
    turn.take(events.Text("this"))
    request = PermissionRequest(
        "s", "c", "write", "Write a.py", "edit", '{"a": 1}', (DIFF,), (Location("/w/a.py", 1),)
    )
    assert await turn.permission(request) == decision
    frames = [Frame(ours=True, message=each) for each in (*wire.sent, *wire.asked)]
    assert acp_schema.violations(frames) == []
    assert len(wire.updates) == 2  # what was said before the question is seen before it
    call: dict[str, Any] = wire.asked[0]["params"]["toolCall"]
    assert (call["toolCallId"], call["rawInput"]) == ("m:c", {"a": 1})


async def test_a_stream_waits_for_its_reader() -> None:
    wire = Wire()
    turn = Turn(wire, Abilities(), "s")
    taken: list[int] = []

    async def stream() -> AsyncGenerator[events.ChatEvent, None]:
        for number in range(3):
            taken.append(number)
            yield events.Title(str(number))

    async def nothing(*_: object) -> None:
        raise AssertionError

    wire.free.clear()
    running = asyncio.ensure_future(turn.run(stream(), nothing))
    for _ in range(50):  # more turns of the loop than the whole stream takes
        await asyncio.sleep(0)
    assert taken == [0]
    wire.free.set()
    await running
    assert taken == [0, 1, 2]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("end", "end_turn"),
        ("stop_sequence", "end_turn"),
        ("tool_calls", "end_turn"),
        ("length", "max_tokens"),
        ("max_steps", "max_turn_requests"),
        ("budget", "max_turn_requests"),
        ("refusal", "refusal"),
        ("cancelled", "cancelled"),
    ],
)
def test_reasons_to_stop(reason: events.EndReason, said: str) -> None:
    assert translate.stop_reason(reason) == said


# --- edits


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> TextEdit:
    return TextEdit(Position(*start), Position(*end), text)


@pytest.mark.parametrize(
    ("text", "edits", "after"),
    [
        ("", [edit((0, 0), (0, 0), "new\n")], "new\n"),
        ("a\nb\nc\n", [edit((1, 0), (2, 0), "B\n")], "a\nB\nc\n"),
        ("a\r\nb\r\nc", [edit((1, 0), (1, 1), "B")], "a\r\nB\r\nc"),
        ("a\rb", [edit((1, 0), (1, 9), "B")], "a\rB"),
        ("a\x0cb\u2028c\nd", [edit((1, 0), (1, 1), "D")], "a\x0cb\u2028c\nD"),
        ("𝄞x\ny", [edit((0, 1), (0, 2), "X"), edit((1, 0), (1, 1), "Y")], "𝄞X\nY"),
        ("a\n", [edit((1, 0), (7, 0), "b\n")], "a\nb\n"),
    ],
)
def test_edits_count_code_points(text: str, edits: list[TextEdit], after: str) -> None:
    assert applied(text, edits) == after


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_file_keeps_its_encoding_and_its_mode(tmp_path: Path, mark: bytes, encoding: str) -> None:
    file = tmp_path / "run.sh"
    file.write_bytes(mark + "é\r\nb\r\n".encode(encoding))
    file.chmod(0o750)
    (tmp_path / "link").symlink_to(file)
    write(str(tmp_path / "link"), [edit((1, 0), (1, 1), "B")], creates=False)
    assert file.read_bytes() == mark + "é\r\nB\r\n".encode(encoding)
    assert file.stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "link").is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "run.sh"]


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    new = tmp_path / "a" / "b.txt"
    write(str(new), [edit((0, 0), (0, 0), "x")], creates=True)
    with pytest.raises(WriteError):
        write(str(new), [edit((0, 0), (0, 0), "y")], creates=True)
    assert new.read_text() == "x"


def test_what_is_no_text_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WriteError):
        write(str(file), [edit((0, 0), (0, 0), "x")], creates=False)
    with pytest.raises(WriteError):
        write(str(tmp_path / "none"), [edit((0, 0), (0, 0), "x")], creates=False)
    assert file.read_bytes() == b"\xff\xfe\x00"
