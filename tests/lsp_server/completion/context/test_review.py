"""What hostile or unlucky text must not do to the context."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from polypilot.completion.imports import imports_of
from polypilot.completion.outline import outline
from polypilot.workspace.diagnostics import MESSAGE_CHARS, Diagnostic, Diagnostics

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
PRIVATE = "MIIEpAIBAAKCAQEAx7Zq3vK9pWmN2rTfL8yHbQ4uJcXsEoDg5iVaRkZw1nBtYhM6"


async def problems(room: Any, text: str, *told: Diagnostic, language: str = "python") -> str:
    uri = room.open("here.py", text, language)
    room.sources.diagnostics.set(uri, told)
    (piece,) = await room.gather(uri, 5, kinds=["diagnostics"])
    return piece.text


# --- secrets and comments in reported problems


@pytest.mark.parametrize("cut", range(4, 40, 6))
async def test_a_secret_that_the_end_of_a_long_line_would_cut_is_masked(room: Any, cut: int):
    line = "x = '" + "-" * (115 - cut) + TOKEN + "'"
    text = await problems(room, f"a\nb\n{line}\nc\nd\n\n", Diagnostic(2, "too long"))
    assert TOKEN[:5] not in text
    assert "error: too long" in text


@pytest.mark.parametrize("cut", range(4, 40, 6))
async def test_a_secret_that_the_end_of_a_message_would_cut_is_masked(room: Any, cut: int):
    said = "bad " + "-" * (MESSAGE_CHARS - 4 - cut) + TOKEN + " here"
    text = await problems(room, "a\nb\nc\nd\ne\n\n", Diagnostic(2, said))
    assert TOKEN[:5] not in text


async def test_a_line_out_of_a_private_key_is_masked(room: Any):
    body = "\n".join([PRIVATE] * 6)
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    text = await problems(room, f'K = """{key}"""\n\n', Diagnostic(3, "what"))
    assert PRIVATE[:8] not in text
    assert "error: what" in text


async def test_lines_too_far_to_be_sent_are_not_told(room: Any):
    text = "".join(f"w{n} {'y' * 2_993}\n" for n in range(40))
    uri = room.open("here.py", text)
    told = (5, 9, 10, 11, 19, 21, 22, 23, 35)
    room.sources.diagnostics.set(uri, [Diagnostic(n, f"at {n}") for n in told])
    (piece,) = await room.gather(uri, 20, kinds=["diagnostics"])
    shown = [n for n in range(40) if f"# w{n} y" in piece.text]
    assert shown == [10, 11, 19, 21]  # the 30,000 characters before the cursor, 8,000 after it
    assert "error: at 9" in piece.text


async def test_what_a_tool_calls_itself_stays_in_its_comment(room: Any):
    told = Diagnostic(2, "bad\r\x85\u2028one", 1, "li\nimport os", "C\n1" + "0" * 10_000)
    text = await problems(room, "a\nb\nc\nd\ne\n\n", told)
    assert all(line.startswith("# ") for line in text.splitlines())
    assert len(text) < 1_000


async def test_half_a_character_in_a_message_does_no_harm(room: Any):
    text = await problems(room, "a\nb\nc\nd\ne\n\n", Diagnostic(2, "bad \ud83d", 1, "\udc00"))
    assert text.encode()


def test_all_that_is_kept_of_a_problem_is_bounded():
    kept = Diagnostics()
    kept.set("a", [Diagnostic(1, "m" * 10**6, 1, "s" * 10**6, "c" * 10**6)])
    (item,) = kept.of("a")
    assert len(item.message) + len(item.source) + len(item.code) < 2_000


# --- text on which a pattern could go on and on


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("import" + "\n" * 19_000 + "x", "javascript"),
        ("export" + " \n" * 9_000 + "{a}", "typescript"),
        ("import a\n" * 2_200, "javascript"),
        ("import {a" + " " * 19_000 + "b} from 'x'", "javascript"),
        ("import {a" + " " * 19_000 + "} from 'x'", "javascript"),
        ("from " + "." * 19_000, "python"),
        ("from x import a" + " " * 19_000 + "b", "python"),
    ],
)
@pytest.mark.timeout(20)  # each took minutes, or grew with the square of the length
def test_no_head_of_a_file_takes_long(text: str, language: str):
    assert len(imports_of(text, language)) <= 1


def test_imports_are_found_as_before():
    text = (
        "import a from 'a'\nimport type { B } from 'b'\nimport type from 'c'\n"
        "import D, {\n  e as f,\n  type G\n} from 'd'\nexport * from 'h'\nimport * as i from 'i'\n"
    )
    found = [(each.module, each.names) for each in imports_of(text, "typescript")]
    assert found == [
        ("a", ("default",)),
        ("b", ("B",)),
        ("c", ("default",)),
        ("d", ("default", "e", "G")),
        ("h", ()),
        ("i", ()),
    ]
    dotted = [
        each.module for each in imports_of("from ... import x\nfrom ..a.b import y\n", "python")
    ]
    assert dotted == ["...", "..a.b"]


def test_a_brace_that_never_closes_is_not_looked_for_to_the_end():
    header = "int lost(int a,\n" + "    int more,\n" * 400 + "int found(int b);\n"
    assert outline(header, "c") == "int lost(int a,\nint found(int b);"


# --- what is judged


async def test_new_settings_do_not_make_edits_disappear(room: Any):
    other = room.open("other.py", "a = 1\nb = 2\n")
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 1, "changed = 1\n")
    assert await room.gather(uri, kinds=["edits"])
    room.exclude("*.unrelated")
    assert await room.gather(uri, kinds=["edits"], within=0.0) == ()  # there was no time
    (piece,) = await room.gather(uri, kinds=["edits"])
    assert "+changed = 1" in piece.text


async def test_without_time_nothing_is_asked_of_the_disk_in_the_loop(room: Any):
    other = room.open("other.py", "a = 1\nb = 2\n")
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 1, "changed = 1\n")
    assert await room.gather(uri, kinds=["edits"])
    room.tap.threads.clear()
    assert await room.gather(uri, kinds=["edits"], within=0.0) == ()
    assert threading.get_ident() not in room.tap.threads


# --- where a change is


async def test_each_of_many_changes_is_known_by_its_line(room: Any):
    """The lines before a change are counted once, not again for each change."""
    text = "".join(f"value_{n} = compute(alpha, beta, {n})\n" for n in range(30_000))
    uri = room.open("here.py", text)
    for n in range(8):
        room.type(uri, n * 3_000, f"changed_{n} = 1\n")
    for n in range(8):
        (piece,) = await room.gather(uri, n * 3_000 + 50, kinds=["edits"])
        told = [f"changed_{each}" for each in range(8) if f"+changed_{each} " in piece.text]
        assert told == [f"changed_{each}" for each in range(8) if each != n]  # that one is near
