"""What is collected, when, and what may never be."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from polypilot.completion.context import KINDS, Kind
from polypilot.workspace.diagnostics import Diagnostic
from polypilot.workspace.documents import Change, Position
from polypilot_prompts.context import Snippet

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"


def about(topic: str, lines: int = 30) -> str:
    return "".join(f"{topic}_{n} = compute_{topic}(load_{topic}, read_{n})\n" for n in range(lines))


async def test_every_kind_of_piece_is_a_snippet_in_a_fixed_order(room: Any):
    room.write("tools.py", 'def load_alpha(path: str) -> int:\n    """Reads."""\n    return 1\n')
    other = room.open("other.py", about("alpha"))
    text = "from tools import load_alpha\n" + about("alpha", 40)
    uri = room.open("here.py", text)
    room.type(other, 5, "changed_value = 1\n")
    room.sources.diagnostics.set(uri, [Diagnostic(30, "undefined name", 1, "lint", "F821")])
    found = await room.until(uri, "tools.py")
    assert [(piece.kind, piece.path, piece.uri) for piece in found] == [
        ("imports", "tools.py", room.uri("tools.py")),
        ("edits", "other.py.diff", other),
        ("similar", "other.py", other),
        ("diagnostics", "here.py.problems", uri),
    ]
    assert all(isinstance(piece, Snippet) for piece in found)
    assert found[0].text == 'def load_alpha(path: str) -> int:\n    """Reads."""\n    return 1'
    assert found[1].text.splitlines()[4] == "+changed_value = 1"
    assert found[2].text.startswith("alpha_0 = ")
    line = text.splitlines()[30]
    assert found[3].text == f"# {line}\n#   error: undefined name (lint F821)"


@pytest.mark.parametrize("kind", KINDS)
async def test_each_source_can_be_asked_alone(room: Any, kind: Kind):
    room.write("tools.py", "def load_alpha(path: str) -> int: ...\n")
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", "from tools import load_alpha\n" + about("alpha"))
    room.type(other, 5, "changed_value = 1\n")
    room.sources.diagnostics.set(uri, [Diagnostic(28, "bad")])
    found = await room.gather(uri, kinds=[kind])
    assert [piece.kind for piece in found] == [kind]
    assert await room.gather(uri, kinds=()) == ()


async def test_nothing_is_collected_when_it_is_switched_off(room: Any):
    room.on = False
    room.open("other.py", about("alpha"))
    uri = room.open("here.py", "import other\n" + about("alpha"))
    assert await room.gather(uri) == ()
    for _ in range(20):
        await asyncio.sleep(0)
    assert set(vars_of(room.sources.work).values()) == {0}
    room.on = True
    assert await room.gather(uri)


def vars_of(work: Any) -> dict[str, int]:
    return {name: getattr(work, name) for name in work.__slots__}


# --- what may never be sent


@pytest.mark.parametrize("name", [".env.py", "secrets/a.py", "ignored.py", "link.py"])
async def test_an_excluded_file_gives_nothing_to_any_source(room: Any, name: str):
    room.write(".gitignore", "ignored.py\n")
    (room.home / "outside.py").write_text(about("alpha"))
    if name == "link.py":
        room.write("private/key.py", about("alpha"))
        (room.root / name).symlink_to(room.root / "private/key.py")
    other = room.open(name, about("alpha"), disk=name != "link.py")
    module = name.removesuffix(".py").replace("/", ".")
    uri = room.open("here.py", f"from {module} import alpha_1\n" + about("alpha"))
    room.type(other, 5, "changed_value = 1\n")
    assert await room.gather(uri) == ()
    room.close(other)
    assert await room.gather(uri) == ()


@pytest.mark.parametrize("how", ["from ..outside import alpha_1", "from linked import alpha_1"])
async def test_an_import_that_leads_out_of_the_workspace_is_not_followed(room: Any, how: str):
    (room.home / "outside.py").write_text(about("alpha"))
    (room.root / "linked.py").symlink_to(room.home / "outside.py")
    uri = room.open("here.py", f"{how}\n" + about("alpha"))
    assert await room.gather(uri, kinds=["imports"]) == ()
    assert str(room.home / "outside.py") not in room.tap.paths


async def test_a_secret_in_any_piece_is_masked(room: Any):
    room.write("tools.py", f'TOKEN = "{SECRET}"\n')
    other = room.open("other.py", about("alpha") + f'alpha_x = load_alpha("{SECRET}")\n')
    uri = room.open("here.py", "from tools import TOKEN\n" + about("alpha"))
    room.type(other, 4, f'token_alpha = "{SECRET}"\n', until=5)
    room.sources.diagnostics.set(uri, [Diagnostic(29, f"bad literal {SECRET}")])
    found = await room.gather(uri)
    assert {piece.kind for piece in found} == set(KINDS)
    assert all("REDACTED_GITHUB_TOKEN" in piece.text for piece in found), found
    assert not any(SECRET[:12] in piece.text for piece in found)


async def test_a_secret_that_was_deleted_is_masked_in_the_diff(room: Any):
    other = room.open("other.py", f'a = 1\ntoken_alpha = "{SECRET}"\nb = 2\n')
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 1, "", until=2)
    (piece,) = await room.gather(uri, kinds=["edits"])
    assert '-token_alpha = "REDACTED_GITHUB_TOKEN"' in piece.text


async def test_what_becomes_excluded_is_dropped_at_the_next_request(room: Any):
    room.write("tools.py", "def load_alpha(path): ...\n")
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", "from tools import load_alpha\n" + about("alpha"))
    room.type(other, 5, "changed_value = 1\n")
    assert len(await room.gather(uri)) == 3
    room.write(".gitignore", "*\n!here.py\n")
    assert await room.gather(uri) == ()
    room.write(".gitignore", "")
    room.now += 1000
    assert len(await room.gather(uri)) >= 2


async def test_new_settings_count_at_once(room: Any):
    room.open("other.py", about("alpha"))
    uri = room.open("here.py", about("alpha"))
    assert await room.gather(uri)
    privacy: Any = type("Stricter", (), {"exclude": ("other.py",)})
    privacy.use_gitignore = privacy.redact_secrets = True
    room.gate.update(privacy)
    assert await room.gather(uri) == ()


async def test_roots_that_change_count_at_once(room: Any):
    room.write("tools.py", "def load_alpha(path): ...\n")
    uri = room.open("here.py", "from tools import load_alpha\n")
    assert await room.gather(uri, kinds=["imports"])
    room.roots.remove(str(room.root))
    assert await room.gather(uri, kinds=["imports"]) == ()


# --- stable


async def test_the_same_inputs_give_the_same_bytes(room: Any):
    for n in range(8):
        room.open(f"file{n}.py", about("alpha", 100) + about(f"topic{n}", 50))
    uri = room.open("here.py", "import file3\n" + about("alpha"))
    room.type(room.uri("file5.py"), 3, "changed = 1\n")
    first = await room.gather(uri)
    again = room.collector()
    for n in range(8):
        again.visited(room.uri(f"file{n}.py"))
    again.edited(room.uri("file5.py"))
    room.sources, before = again, room.sources
    similar = [piece for piece in first if piece.kind == "similar"]
    assert len(similar) == 4
    assert [p for p in await room.gather(uri) if p.kind == "similar"] == similar
    await before.aclose()


async def test_a_cached_answer_costs_one_look_and_no_work(room: Any):
    room.write("tools.py", "def load_alpha(path): ...\n")
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", "from tools import load_alpha\n" + about("alpha"))
    room.type(other, 5, "changed_value = 1\n")
    first = await room.gather(uri)
    work = room.sources.work
    assert await room.gather(uri) == first
    assert room.sources.work == work


async def test_a_word_being_typed_changes_nothing(room: Any):
    for n in range(6):
        room.open(f"file{n}.py", about("alpha", 100))
    uri = room.open("here.py", about("alpha"))
    room.type(uri, 30, "value = ")
    first = await room.gather(uri)
    ranked = room.sources.work.ranked
    for n, char in enumerate("compute"):
        here = Position(30, 8 + n)
        assert room.documents.change(uri, 3 + n, [Change(char, here, here)])
        room.sources.edited(uri, 30)
        assert await room.gather(uri) == first
    assert room.sources.work.ranked == ranked


async def test_typing_on_keeps_the_windows(room: Any):
    """Compared with a collection that remembers nothing of what it chose before."""
    made = random.Random(3)  # noqa: S311 - made-up text
    words = [f"name{n}" for n in range(120)]
    for n in range(12):
        text = "".join(" ".join(made.choices(words, k=6)) + "\n" for _ in range(120))
        room.open(f"file{n}.py", text)
    uri = room.open(
        "here.py", "".join(" ".join(made.choices(words, k=6)) + "\n" for _ in range(60))
    )
    remembering, changes = room.sources, [0, 0]
    last: list[Any] = [(), ()]
    for n in range(25):
        room.type(uri, 60 + n, " ".join(made.choices(words, k=6)) + "\n")
        for which, sources in enumerate((remembering, room.collector())):
            room.sources = sources
            now = await room.gather(uri, kinds=["similar"])
            assert len(now) == 4
            changes[which] += now != last[which]
            last[which] = now
        await room.sources.aclose()
        room.sources = remembering
    assert changes[0] < changes[1]


# --- time


async def test_a_key_costs_the_same_in_a_long_document(room: Any):
    """Counted in calls of functions, so that the machine's speed makes no difference."""
    small = room.open("small.py", about("alpha", 100))
    large = room.open("large.py", "x = 1\n" * 50_000)
    work = room.sources.work

    def calls(uri: str) -> int:
        counted = 0

        def count(_frame: object, event: str, _arg: object) -> None:
            nonlocal counted
            counted += event in {"call", "c_call"}

        sys.setprofile(count)
        try:
            room.sources.edited(uri, 77)
        finally:
            sys.setprofile(None)
        return counted

    for uri in (small, large):
        calls(uri)
    assert calls(small) == calls(large) < 40
    for _ in range(1000):
        room.sources.edited(large, 5)
    assert room.sources.work == work


async def test_twenty_big_documents_hold_nobody_up(room: Any):
    """No step between two rests is long: measured as processor time of this thread."""
    for n in range(20):
        room.open(f"file{n}.py", about("alpha", 30_000), disk=False)
    uri = room.open("here.py", about("alpha", 50_000), disk=False)
    longest = 0.0
    done = False

    async def watch() -> None:
        nonlocal longest
        while not done:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    watching = asyncio.ensure_future(watch())
    found = await room.gather(uri)
    done = True
    await watching
    assert len([piece for piece in found if piece.kind == "similar"]) == 4
    assert room.sources.work.taken_in == 19 + 1
    assert longest < 0.1  # generous: some 4 ms on a quiet machine


async def test_a_disk_that_hangs_holds_up_no_request_for_longer_than_it_allows(room: Any):
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", "import tools\n" + about("alpha"))
    room.type(other, 5, "changed_value = 1\n")
    assert await room.gather(uri)
    room.tap.hang(room.root)
    room.write("tools.py", "def load_alpha(path): ...\n")
    room.now += 1000
    for n in range(5):
        room.type(uri, 1, f"alpha_{n} = 1\n")
        began = time.monotonic()
        await room.gather(uri, within=0.05)
        assert time.monotonic() - began < 5
    threads = [each for each in threading.enumerate() if each.name.startswith("polypilot:")]
    assert len(threads) <= 3
    room.tap.heal()
    room.now += 1000
    assert await room.until(uri, "tools.py")


async def test_a_source_that_is_late_is_there_for_the_next_request(room: Any):
    room.write("tools.py", "def load_alpha(path): ...\n")
    uri = room.open("here.py", "import tools\n" + about("alpha"))
    assert await room.gather(uri, kinds=["imports"], within=0.0) == ()
    found = await room.until(uri, "tools.py", kinds=["imports"])
    assert [piece.path for piece in found] == ["tools.py"]
    assert room.sources.work.read == 1


async def test_requests_beside_each_other_do_not_disturb_each_other(room: Any):
    uris = [room.open(f"file{n}.py", about("alpha", 90) + f"# {n}\n") for n in range(6)]
    alone = [await room.gather(uri, kinds=["similar"]) for uri in uris]
    room.sources = room.collector()
    for uri in uris:
        room.sources.visited(uri)
    together = await asyncio.gather(*(room.gather(uri, kinds=["similar"]) for uri in uris))
    assert [{p.path for p in each} for each in together] == [{p.path for p in e} for e in alone]


async def test_closing_ends_everything(room: Any):
    uri = room.open("here.py", "import tools\n" + about("alpha"))
    room.tap.hang(room.root)
    await room.gather(uri, within=0.01)
    await room.sources.aclose()
    assert await room.gather(uri, within=0.01) == ()


def test_visits_need_no_event_loop(tmp_path: Any, room: Any):
    del tmp_path
    room.sources.visited(room.uri("unknown.py"))
    room.documents.open(room.uri("a.py"), "python", 1, "x = 1\n")
    room.sources.visited(room.uri("a.py"), 3)
    room.sources.edited(room.uri("a.py"))
    room.sources.closed(room.uri("a.py"))
    assert set(vars_of(room.sources.work).values()) == {0}


# --- what a document may look like


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
async def test_line_breaks_of_any_kind_become_plain_ones(room: Any, eol: str):
    text = about("alpha") + "größe_😀 = 'é́'\n"
    room.write("tools.py", "def load_alpha(path):\n    '''Größe 😀'''\n".replace("\n", eol))
    other = room.open("other.py", text.replace("\n", eol))
    here = ("from tools import load_alpha\n" + about("alpha")).replace("\n", eol)
    uri = room.open("here.py", here)
    room.type(other, 30, "größe_neu = 1" + eol)
    found = await room.gather(uri)
    assert [piece.kind for piece in found] == ["imports", "edits", "similar"]
    assert not any("\r" in piece.text for piece in found)
    assert "Größe 😀" in found[0].text
    assert "+größe_neu = 1" in found[1].text
    assert found[2].text.endswith("größe_neu = 1\ngröße_😀 = 'é́'")


@pytest.mark.parametrize("wide", ["é", "😀"])
async def test_positions_of_wide_characters_do_not_shift_a_piece(room: Any, wide: str):
    other = room.open("other.py", f'a = "{wide * 5}"\n' + about("alpha"))
    uri = room.open("here.py", about("alpha"))
    end = 5 + len(wide.encode("utf-16-le")) // 2 * 5
    at = Position(0, end)
    assert room.documents.change(other, 2, [Change("X", at, at)])
    room.sources.edited(other)
    (edit,) = await room.gather(uri, kinds=["edits"])
    assert f'+a = "{wide * 5}X"' in edit.text


async def test_an_ask_at_another_version_of_the_document_is_answered(room: Any):
    """Requests ahead ask for a document that does not exist yet."""
    room.open("other.py", about("alpha"))
    uri = room.open("here.py", about("alpha"))
    ask = room.ask(uri)
    snapshot = replace(ask.snapshot, prefix=ask.snapshot.prefix + "alpha_9 = 1\n")
    assert await room.sources.gather(replace(ask, snapshot=snapshot), 5.0)


async def test_a_document_that_is_not_open_any_more_gets_what_others_hold(room: Any):
    room.open("other.py", about("alpha"))
    uri = room.open("here.py", "import other\n" + about("alpha"))
    ask = room.ask(uri)
    room.close(uri)
    found = await asyncio.ensure_future(room.sources.gather(ask, 5.0))
    assert [piece.kind for piece in found] == ["similar"]
