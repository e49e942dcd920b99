"""Standing instructions: whose count, what of them, and what is taken out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from polypilot.chat import hidden
from polypilot.chat.instructions import MAX_FILES, MAX_TOKENS, Collected, Instructions
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots, uri_of
from polypilot.workspace.trust import Trust, TrustStore
from polypilot.workspace.trust_files import MAX_BYTES
from polypilot_prompts.budget import estimate

if TYPE_CHECKING:
    from pathlib import Path


class Privacy:
    exclude: tuple[str, ...] = ()
    use_gitignore = True
    redact_secrets = True


class Bench:
    """A workspace, the user's folder, and who collects."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "w"
        self.root.mkdir()
        self.config = tmp_path / "config"
        self.config.mkdir()
        self.store = TrustStore(tmp_path / "data" / "trust.json")
        self.documents = DocumentStore()
        self.gate = Gate(Roots([str(self.root)]), Privacy(), self.documents)
        self.instructions = Instructions(self.gate, self.store)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)

    def own(self, text: str) -> None:
        (self.config / "instructions.md").write_text(text, encoding="utf-8")

    async def trust(self) -> None:
        await asyncio.to_thread(self._trust)

    def _trust(self) -> None:
        digest = self.store.digest(str(self.root))
        assert digest
        self.store.trust(str(self.root), digest)

    async def state(self) -> Trust:
        return await asyncio.to_thread(self.store.state, str(self.root))

    async def collect(self, front: str | None = None) -> Collected:
        uri = uri_of(str(self.root / front)) if front else None
        return await self.instructions.collect(str(self.root), uri)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setenv("POLYPILOT_CONFIG_DIR", str(made.config))
    return made


def _texts(found: Collected) -> list[str]:
    return [each.text.partition("\n\n")[2] for each in found.pieces]


async def test_nothing_is_nothing(bench: Bench):
    assert await bench.collect() == Collected()
    assert await bench.instructions.collect(None) == Collected()


async def test_the_users_own_first_then_from_the_root_to_the_nearest(bench: Bench):
    bench.own("own\n")
    bench.write("AGENTS.md", "root\n")
    bench.write("a/AGENTS.md", "a\n")
    bench.write("a/b/c/AGENTS.md", "c\n")
    bench.write("other/AGENTS.md", "other\n")
    await bench.trust()
    found = await bench.collect("a/b/c/x.py")
    assert _texts(found) == ["own", "root", "a", "c"]
    assert [each.text.partition("\n")[0] for each in found.pieces] == [
        "The user's instructions:",
        "The project's instructions, AGENTS.md:",
        "The project's instructions, a/AGENTS.md:",
        "The project's instructions, a/b/c/AGENTS.md:",
    ]
    assert [each.name for each in found.items] == [
        "instructions.md",
        "AGENTS.md",
        "a/AGENTS.md",
        "a/b/c/AGENTS.md",
    ]
    assert all(each.tokens and not each.refused for each in found.items)
    assert found.notices == ()
    assert found.pieces[1].sources == (uri_of(str(bench.root / "AGENTS.md")),)
    assert _texts(await bench.collect()) == ["own", "root"]
    assert _texts(await bench.collect("x.py")) == ["own", "root"]
    assert _texts(await bench.collect("../elsewhere/x.py")) == ["own", "root"]
    none = await bench.instructions.collect(None, uri_of(str(bench.root / "a/x.py")))
    assert _texts(none) == ["own"]


async def test_a_repositorys_count_only_as_they_were_trusted(bench: Bench):
    bench.own("own")
    bench.write("AGENTS.md", "be nice\n")
    bench.write("a/AGENTS.md", "be nicer\n")
    found = await bench.collect("a/x.py")
    assert _texts(found) == ["own"]
    assert [each.refused for each in found.items] == ["", *["the workspace is not trusted"] * 2]
    assert len(found.notices) == 2
    assert (await bench.collect("a/x.py")).notices == ()
    await bench.trust()
    assert _texts(await bench.collect("a/x.py")) == ["own", "be nice", "be nicer"]
    # One byte, in whichever of them.
    for name, text in (("AGENTS.md", "be nice\n"), ("a/AGENTS.md", "be nicer\n")):
        bench.write(name, text.replace("n", "N", 1))
        assert await bench.state() is Trust.CHANGED
        found = await bench.collect("a/x.py")
        assert _texts(found) == ["own"]
        assert found.items[1].refused == "the workspace has changed since it was trusted"
        bench.write(name, text)
        assert _texts(await bench.collect("a/x.py")) == ["own", "be nice", "be nicer"]
    bench.write("b/AGENTS.md", "new")
    assert _texts(await bench.collect("a/x.py")) == ["own"]
    await asyncio.to_thread(bench.store.distrust, str(bench.root))
    assert _texts(await bench.collect("a/x.py")) == ["own"]


async def test_the_gate_judges_them(bench: Bench):
    bench.write("AGENTS.md", "key: AKIA" + "IOSFODNN7EXAMPLE is one\n")
    bench.write("a/AGENTS.md", "ignored")
    bench.write(".aiignore", "a/\n")
    await bench.trust()
    found = await bench.collect("a/x.py")
    (text,) = _texts(found)
    assert "IOSFODNN7" not in text
    assert found.items[0].redacted == 1
    assert found.items[1].refused
    assert found.items[1].tokens == 0


async def test_a_link_that_leads_out_is_not_followed(bench: Bench, tmp_path: Path):
    (tmp_path / "private.txt").write_text("private", encoding="utf-8")
    (bench.root / "AGENTS.md").symlink_to(tmp_path / "private.txt")
    bench.write("docs/agents.md", "inside")
    (bench.root / "docs" / "AGENTS.md").symlink_to(bench.root / "docs" / "agents.md")
    await bench.trust()
    found = await bench.collect("docs/x.py")
    assert _texts(found) == ["inside"]
    assert "link" in found.items[0].refused
    assert any("link" in notice for notice in found.notices)
    contents = await asyncio.to_thread(bench.store.contents, str(bench.root))
    assert contents == ("docs/AGENTS.md",)


async def test_what_is_no_text_or_too_long_is_refused(bench: Bench):
    bench.write("AGENTS.md", b"\xff\xfe\x00")
    bench.write("a/AGENTS.md", "x" * (MAX_BYTES + 1))
    bench.write("a/b/AGENTS.md/x", "a folder")
    (bench.config / "instructions.md").write_bytes(b"\xff")
    await bench.trust()
    found = await bench.collect("a/b/x.py")
    assert found.pieces == ()
    assert [each.refused for each in found.items] == [
        "it is not UTF-8 text",
        "it is not UTF-8 text",
        f"it is longer than {MAX_BYTES:,} bytes",
        "it is not an ordinary file",
    ]
    (bench.config / "instructions.md").unlink()
    (bench.config / "instructions.md").mkdir()
    assert (await bench.collect()).items[0].refused == "it is not an ordinary file"
    (bench.config / "instructions.md").rmdir()
    bench.own("x" * (MAX_BYTES + 1))
    assert "longer" in (await bench.collect()).items[0].refused


async def test_the_longest_are_cut_and_it_is_said_once(bench: Bench):
    bench.own("short\n")
    bench.write("AGENTS.md", "word " * 9 + "\n" + "long line of words\n" * 2500)
    bench.write("a/AGENTS.md", "other line of words\n" * 2500)
    await bench.trust()
    found = await bench.collect("a/x.py")
    own, root, inner = found.items
    assert own.cut == ""
    assert root.tokens <= MAX_TOKENS // 2
    assert inner.tokens <= MAX_TOKENS // 2
    assert root.tokens + inner.tokens > MAX_TOKENS * 0.98
    assert root.cut.startswith("only the first ")
    assert len(found.notices) == 2
    assert sum(estimate(each.text) for each in found.pieces) < MAX_TOKENS + 100
    assert (await bench.collect("a/x.py")).notices == ()


async def test_no_more_files_than_are_of_use(bench: Bench):
    folder = ""
    for number in range(MAX_FILES + 5):
        bench.write(f"{folder}AGENTS.md", f"{number}")
        folder += "d/"
    await bench.trust()
    texts = _texts(await bench.collect(f"{folder}x.py"))
    assert texts == ["0", *(str(number) for number in range(6, MAX_FILES + 5))]


_CODE_POINTS = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0x00AD,
    0x034F,
    0x061C,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    *range(0x180B, 0x1810),
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    0x3164,
    *range(0xFE00, 0xFE10),
    0xFEFF,
    0xFFA0,
    *range(0xFFF9, 0xFFFC),
    0xE000,
    0xF8FF,
    0x1BCA0,
    0x1D173,
    *range(0xE0000, 0xE0080),
    0xE0100,
    0xE01EF,
    0xF0000,
    0xFFFFD,
    0x100000,
    0x10FFFD,
]


@pytest.mark.parametrize(
    "start", range(0, len(_CODE_POINTS), 16), ids=lambda start: f"U+{_CODE_POINTS[start]:04X}"
)
async def test_what_a_reader_does_not_see_is_not_sent(bench: Bench, start: int):
    points = [p for p in _CODE_POINTS[start : start + 16] if chr(p) not in "\t\n\r"]
    for point in points:
        sign = chr(point)
        bench.write("AGENTS.md", f"x{sign}y\n{sign}{sign}end")
        bench.own(f"own {sign}text")
        await bench.trust()
        found = await bench.collect()
        sent = "".join(each.text for each in found.pieces)
        assert sign not in sent
        assert _texts(found) == ["own text", "xy\nend"]
        name = f"U+{point:04X}"
        assert [notice.partition(":")[0] for notice in found.notices] == [
            "instructions.md",
            "AGENTS.md",
        ]
        assert "1 hidden character was taken out" in found.notices[0]
        assert "3 hidden characters were taken out" in found.notices[1]
        assert all(name in notice for notice in found.notices)
        assert (await bench.collect()).notices == ()


async def test_of_another_content_it_is_said_again(bench: Bench):
    for number in (1, 2):
        bench.own(f"text\u200b {number}")
        assert len((await bench.collect()).notices) == 1
        assert (await bench.collect()).notices == ()


@pytest.mark.parametrize(
    "text",
    [
        "plain\ttext\nwith ünïcödé 漢字 עברית",
        "\u2764\ufe0f \u263a\ufe0e 1\ufe0f\u20e3 #\ufe0f\u20e3",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u2764\ufe0f\u200d\U0001f525 \U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f9d1\U0001f3fd\u200d\U0001f4bb",
    ],
)
def test_what_emoji_are_made_of_stays(text: str):
    assert hidden.strip(text) == hidden.Stripped(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\ufe0fb", "ab"),
        ("1\ufe0f2", "12"),
        ("\ufe0f\u20e3", "\u20e3"),
        ("\u2764\ufe0f\ufe0f\ufe0e", "\u2764\ufe0f"),
        ("\u2764\u200dx", "\u2764x"),
        ("x\u200d\u2764", "x\u2764"),
        ("\u200d\u2764", "\u2764"),
        ("\ufe0f\u200d\u2764", "\u2764"),
        ("\U0001f600\U000e0041\U000e0042", "\U0001f600"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\ufeffstart", "start"),
    ],
)
def test_elsewhere_it_does_not(text: str, left: str):
    assert hidden.strip(text).text == left


def test_a_notice_names_some_of_them():
    found = hidden.strip("".join(chr(0xE0000 + n) for n in range(20)))
    assert found.count == 20
    assert found.notice("x.md").endswith("(U+E0000, U+E0001, U+E0002, U+E0003, U+E0004, …)")


def test_what_was_reported_is_forgotten_at_last():
    reported = hidden.Reported()
    assert reported.first("a", "b")
    assert not reported.first("a", "b")
    assert reported.first("ab")
    for number in range(reported.MOST):
        assert reported.first(str(number))
    assert reported.first("a", "b")
