"""What each mention brings along with a message, through the gate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from git_support import Repository

from polypilot.chat.attachments import Collector
from polypilot.chat.mentions import MentionChoice, Mentions
from polypilot.chat.mentions_documents import MOST_OPEN
from polypilot.chat.mentions_git import MOST_FILES
from polypilot.chat.values import Attach, Embedded, Scene
from polypilot.workspace.diagnostics import WARNING, Diagnostic, Diagnostics
from polypilot.workspace.documents import DocumentStore, Position
from polypilot.workspace.gate import Gate
from polypilot.workspace.git import Git
from polypilot.workspace.index import WorkspaceIndex
from polypilot.workspace.roots import Roots, uri_of
from polypilot_prompts.mentions import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.chat.attachments import Attached
    from polypilot.chat.events import ContextItem

_KEY = "AKIA" + "IOSFODNN7EXAMPLE"


@dataclass(frozen=True)
class Privacy:
    exclude: tuple[str, ...] = ("*.private",)
    use_gitignore: bool = True
    redact_secrets: bool = True


class Bench:
    """A repository, what is open in it, and who collects."""

    def __init__(self, repository: Repository, tmp_path: Path) -> None:
        self.repository = repository
        self.root = str(repository.root)
        self.documents = DocumentStore("utf-32")
        self.diagnostics = Diagnostics()
        self.roots = Roots([self.root])
        self.privacy = Privacy()
        self.gate = Gate(self.roots, self.privacy, self.documents)
        self.git = Git(self.roots)
        self.index = WorkspaceIndex(
            lambda: tmp_path / "index", lambda: self.privacy, lambda: self.roots
        )
        self.mentions = Mentions(self.gate, self.documents, self.diagnostics, self.git, self.index)
        self.bare = Mentions(self.gate, self.documents, self.diagnostics)

    def uri(self, name: str) -> str:
        return uri_of(str(self.repository.root / name))

    def open(self, name: str, text: str, language: str = "python") -> str:
        self.documents.open(self.uri(name), language, 1, text)
        return self.uri(name)

    async def collect(
        self, text: str, scene: Scene | None = None
    ) -> tuple[list[Attached], list[ContextItem]]:
        return await self.mentions.collect(text, scene or Scene(), self.root)

    async def one(self, text: str, scene: Scene | None = None) -> tuple[Attached, ContextItem]:
        attached, items = await self.collect(text, scene)
        assert len(attached) == len(items) == 1, items
        assert not items[0].refused
        return attached[0], items[0]

    async def refused(self, text: str, scene: Scene | None = None) -> ContextItem:
        attached, (item,) = await self.collect(text, scene)
        assert attached == []
        assert item.refused
        assert item.tokens == 0
        return item


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Bench]:
    home = tmp_path / "home"
    await asyncio.to_thread(home.mkdir)
    monkeypatch.setenv("HOME", str(home))
    repository = await asyncio.to_thread(Repository, tmp_path / "w", home)
    repository.write(
        "src/a.py", "import os\n\n\ndef first():\n    return 1\n\n\ndef second():\n    pass\n"
    )
    repository.write("b c.txt", "b\n")
    repository.commit("First things")
    made = await asyncio.to_thread(Bench, repository, tmp_path)
    yield made
    await made.index.aclose()


async def test_a_message_without_any_brings_nothing(bench: Bench):
    assert await bench.collect("hello #12 `#open`") == ([], [])


async def test_the_selection(bench: Bench):
    uri = bench.open("src/a.py", "one\ntwo\nthree\nfour\n")
    scene = Scene(Attach(uri, Position(1, 0), Position(3, 0)), uri)
    found, item = await bench.one("explain #selection", scene)
    assert found.text.text == "two\nthree\n"
    assert (found.name, found.first_line, found.last_line) == ("src/a.py", 2, 3)
    assert (item.name, item.uri) == ("src/a.py:2-3", uri)
    assert item.tokens == found.tokens > 0
    assert (await bench.refused("#selection")).refused == "nothing is selected"
    cursor = Scene(Attach(uri, Position(1, 0), Position(1, 0)), uri)
    assert (await bench.refused("#selection", cursor)).refused == "nothing is selected"


async def test_the_buffer_is_what_the_editor_has(bench: Bench):
    uri = bench.open("src/a.py", "not saved\n")
    found, item = await bench.one("#buffer", Scene(buffer=uri))
    assert (found.text.text, found.language) == ("not saved\n", "python")
    assert (found.name, item.name) == ("src/a.py", "src/a.py")
    assert (await bench.refused("#buffer")).refused == "no document is in front"
    bench.documents.open("untitled:Untitled-1", "plaintext", 1, "new\n")
    found, _ = await bench.one("#buffer", Scene(buffer="untitled:Untitled-1"))
    assert found.text.text == "new\n"


async def test_files_and_lines_of_them(bench: Bench):
    found, item = await bench.one("see #file:src/a.py.")
    assert found.text.text.startswith("import os")
    assert (found.name, found.language, found.first_line) == ("src/a.py", "python", None)
    assert item.uri == bench.uri("src/a.py")
    found, item = await bench.one('#file:"b c.txt"')
    assert found.text.text == "b\n"
    found, item = await bench.one("#file:src/a.py:4-5")
    assert found.text.text == "def first():\n    return 1\n"
    assert (found.first_line, found.last_line, item.name) == (4, 5, "src/a.py:4-5")
    found, item = await bench.one("#file:src/a.py:8-99")
    assert (found.first_line, found.last_line) == (8, 9)
    assert "no line 99" in (await bench.refused("#file:src/a.py:99")).refused
    found, _ = await bench.one(f"#file:{bench.root}/src/../src/a.py")
    assert found.name == "src/a.py"
    bench.open("src/a.py", "unsaved\n")
    assert (await bench.one("#file:src/a.py"))[0].text.text == "unsaved\n"


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        ".env",
        "x.private",
        "/etc/passwd",
        "src",
        "nothing.py",
        "ignored.txt",
        "link",
    ],
)
async def test_a_file_that_must_not_be_sent(bench: Bench, tmp_path: Path, name: str):
    (tmp_path / "outside.txt").write_text("secret-of-mine", encoding="utf-8")
    for each in (".env", "x.private", "ignored.txt"):
        bench.repository.write(each, "secret-of-mine")
    bench.repository.write(".gitignore", "ignored.txt\n")
    (bench.repository.root / "link").symlink_to(tmp_path / "outside.txt")
    item = await bench.refused(f"#file:{name}")
    assert "secret-of-mine" not in repr(item)
    assert item.name


async def test_secrets_are_hidden_and_counted(bench: Bench):
    bench.repository.write("k.py", f"key = '{_KEY}'\n")
    found, item = await bench.one("#file:k.py")
    assert _KEY not in found.text.text
    assert item.redacted == 1


async def test_all_open_documents_share_the_limit(bench: Bench):
    limit = KINDS["open"].limit
    bench.open("small.py", "small\n")
    bench.open("src/a.py", "a line of text\n" * 9_000)
    front = bench.open("z.py", "another line\n" * 9_000)
    bench.open("x.private", "not this\n")
    attached, items = await bench.collect("#open", Scene(buffer=front))
    assert [each.name for each in attached] == ["z.py", "small.py", "src/a.py"]
    assert sum(each.tokens for each in attached) <= limit
    assert sum(each.tokens for each in attached) > limit * 0.98
    assert abs(attached[0].tokens - attached[2].tokens) < 20
    assert attached[1].text.text == "small\n"
    assert [bool(each.cut) for each in items if not each.refused] == [True, False, True]
    big = next(each for each in items if each.name.startswith("src/a.py"))
    assert big.cut == f"lines 1-{attached[2].last_line:,} of 9,000"
    assert [each.name for each in items if each.refused] == ["x.private"]


async def test_nothing_is_open(bench: Bench):
    assert (await bench.refused("#open")).refused == "no document is open"


async def test_a_long_buffer_is_cut_and_says_so(bench: Bench):
    uri = bench.open("long.py", "a line of text\n" * 20_000)
    found, item = await bench.one("#buffer", Scene(buffer=uri))
    assert found.tokens <= KINDS["buffer"].limit
    assert found.first_line == 1
    assert item.cut == f"lines 1-{found.last_line:,} of 20,000"
    uri = bench.open("one.py", "x" * 400_000)
    found, item = await bench.one("#buffer", Scene(buffer=uri))
    assert item.cut == "the first 150,000 of 400,000 characters"


async def test_diagnostics_with_their_lines(bench: Bench):
    uri = bench.open("src/a.py", f"import os\nx = y\nkey = '{_KEY}'\n")
    other = bench.open("other.py", "z\n")
    bench.diagnostics.set(
        uri,
        [
            Diagnostic(1, "y is not\ndefined", source="ruff", code="F821"),
            Diagnostic(0, "os is not used", WARNING),
            Diagnostic(2, f"bad key {_KEY}"),
            Diagnostic(99, "behind the end"),
        ],
    )
    bench.diagnostics.set(other, [Diagnostic(0, "z is not defined")])
    found, item = await bench.one("#diagnostics", Scene(buffer=uri))
    lines = found.text.text.splitlines()
    assert lines[:4] == [
        "src/a.py:1: warning: os is not used",
        "    | import os",
        "src/a.py:2: error (ruff F821): y is not defined",
        "    | x = y",
    ]
    assert lines[-1] == "src/a.py:100: error: behind the end"
    assert _KEY not in found.text.text
    assert item.redacted
    assert (item.name, item.uri) == ("#diagnostics", uri)
    assert uri in found.text.sources
    everything, _ = await bench.one("#diagnostics:all", Scene(buffer=uri))
    assert "other.py:1: error: z is not defined\n    | z\n" in everything.text.text
    assert (await bench.one("#diagnostics"))[0].text.text == everything.text.text
    assert "there are" in (await bench.refused("#diagnostics:warnings")).refused
    bench.diagnostics.forget(uri)
    assert "no errors" in (await bench.refused("#diagnostics", Scene(buffer=uri))).refused


async def test_diagnostics_of_what_must_not_be_sent(bench: Bench):
    uri = bench.open("x.private", "secret-of-mine\n")
    bench.diagnostics.set(uri, [Diagnostic(0, "secret-of-mine is wrong")])
    item = await bench.refused("#diagnostics", Scene(buffer=uri))
    assert item.name == "#diagnostics: x.private"
    assert "secret-of-mine" not in repr(item)


async def test_the_worst_diagnostics_come_first_where_there_are_many(bench: Bench):
    uri = bench.open("src/a.py", "x\n" * 300)
    items = [Diagnostic(n, "w" * 290, WARNING) for n in range(150)]
    bench.diagnostics.set(uri, [*items, *(Diagnostic(200 + n, "error " * 40) for n in range(40))])
    found, item = await bench.one("#diagnostics", Scene(buffer=uri))
    assert found.tokens <= KINDS["diagnostics"].limit + 20
    assert found.text.text.count("error: ") == 40
    kept = found.text.text.count("| x")
    assert item.cut == f"{kept} of 190, the worst"
    assert found.text.text.endswith(f"({190 - kept} more are left out.)\n")


async def test_the_diff_without_what_must_not_be_sent(bench: Bench):
    repository = bench.repository
    repository.write("x.private", "old-secret\n")
    repository.write("gone.private", "old-secret\n")
    repository.write("moved.private", "old-secret\n" * 20)
    repository.run("add", "-f", ".")
    repository.run("commit", "-q", "-m", "More")
    repository.write("src/a.py", f"import sys\nkey = '{_KEY}'\n")
    repository.write("x.private", "new-secret\n")
    (repository.root / "gone.private").unlink()
    repository.run("mv", "moved.private", "moved.txt")
    attached, items = await bench.collect("#diff")
    (found,) = attached
    assert (found.name, found.language) == ("#diff", "diff")
    assert "+import sys" in found.text.text
    assert "secret" not in found.text.text
    assert "moved.txt" not in found.text.text
    assert _KEY not in found.text.text
    assert found.text.text.endswith("(Other files are left out.)\n")
    assert items[0].redacted == 1
    assert found.text.sources == (bench.uri("src/a.py"),)
    assert {each.name for each in items if each.refused} == {
        "#diff: x.private",
        "#diff: gone.private",
        "#diff: moved.txt",
    }
    bench.gate.update(Privacy(exclude=("src/",)))
    assert not bench.gate.still_allowed(found.text)


async def test_secrets_over_several_lines_of_a_diff(bench: Bench):
    dashes = "-" * 5
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 20
    pem = f"{dashes}BEGIN PRIVATE KEY{dashes}\n{body}{dashes}END PRIVATE KEY{dashes}\n"
    bench.repository.write("notes.txt", f"before\n{pem}after\n")
    bench.repository.run("add", ".")
    found, item = await bench.one("#diff:staged")
    assert "MIIEvQ" not in found.text.text
    assert "+before" in found.text.text
    assert "+after" in found.text.text
    assert item.redacted


async def test_what_is_staged_and_what_is_not(bench: Bench):
    bench.repository.write("src/a.py", "staged\n")
    bench.repository.run("add", "src/a.py")
    bench.repository.write("b c.txt", "not staged\n")
    staged, item = await bench.one("#diff:staged")
    assert "+staged" in staged.text.text
    assert "not staged" not in staged.text.text
    assert (staged.name, item.name) == ("#diff:staged", "#diff:staged")
    unstaged, _ = await bench.one("#diff:unstaged")
    assert "+not staged" in unstaged.text.text
    both, _ = await bench.one("#diff")
    assert len(both.text) > max(len(staged.text), len(unstaged.text))
    assert "there are" in (await bench.refused("#diff:main")).refused


async def test_there_is_no_diff(bench: Bench, tmp_path: Path):
    assert (await bench.refused("#diff")).refused == "nothing has changed since the last commit"
    bench.repository.write("new.py", "x\n")
    refused = (await bench.refused("#diff:staged")).refused
    assert refused.startswith("nothing is staged; 1 new files are not known to git")
    for text in ("#diff", "#commits"):
        _, items = await bench.mentions.collect(text, Scene(), str(tmp_path))
        assert items[0].refused == "the folder is in no git repository"
        _, items = await bench.mentions.collect(text, Scene(), None)
        assert items[0].refused == "there is no workspace folder"
        _, items = await bench.bare.collect(text, Scene(), bench.root)
        assert items[0].refused == "there is no workspace folder"


async def test_a_big_diff_gives_each_file_the_same(bench: Bench):
    for name in ("one", "two"):
        bench.repository.write(f"{name}.txt", f"a line of {name}\n" * 9_000)
    bench.repository.write("small.txt", "small\n")
    bench.repository.run("add", ".")
    found, item = await bench.one("#diff:staged")
    assert item.cut == "2 of 3 files in part"
    text = found.text.text
    assert found.tokens < KINDS["diff"].limit + 50
    assert "+small\n" in text
    assert abs(text.count("+a line of one") - text.count("+a line of two")) < 5
    left = 9_000 - text.count("+a line of one")
    assert f"({left:,} more lines of this file.)\n" in text


async def test_the_subjects_of_commits(bench: Bench):
    bench.repository.write("a", "x\n")
    bench.repository.commit(f"Add {_KEY} to it")
    found, item = await bench.one("#commits")
    assert found.text.text.splitlines()[1] == "First things"
    assert _KEY not in found.text.text
    assert item.name == "#commits"
    empty = await asyncio.to_thread(
        Repository, bench.repository.root / "empty", bench.repository.home
    )
    _, items = await bench.mentions.collect("#commits", Scene(), str(empty.root))
    assert items[0].refused == "there is no commit yet"


async def test_what_the_index_finds(bench: Bench):
    for number in range(3):
        bench.repository.write(
            f"pkg/m{number}.py", f"def shared_name():\n    return 'flamingo {number}'\n"
        )
    bench.repository.write("pkg/x.private", "def shared_name():\n    flamingo\n")
    assert await bench.index.ready(timeout=60)
    found, item = await bench.one("#symbol:second()")
    assert found.text.text == "def second():\n    pass\n"
    assert (found.name, found.first_line, found.last_line) == ("src/a.py", 8, 9)
    assert item.name == "src/a.py:8-9"
    attached, _ = await bench.collect("#symbol:shared_name")
    assert {each.name for each in attached} == {f"pkg/m{number}.py" for number in range(3)}
    attached, items = await bench.collect("#search:flamingo")
    assert {each.name for each in attached} == {f"pkg/m{number}.py" for number in range(3)}
    assert all("flamingo" in each.text.text for each in attached)
    assert all(not each.cut for each in items)
    found, item = await bench.one("#tree")
    assert "pkg" in found.text.text
    assert "a.py" in found.text.text
    assert "private" not in found.text.text
    assert item.name == "#tree"
    found, _ = await bench.one("#tree:pkg")
    assert "m1.py" in found.text.text
    assert "a.py" not in found.text.text
    assert "no such name" in (await bench.refused("#symbol:nowhere_at_all")).refused
    assert "nothing fits" in (await bench.refused("#search:xylophone")).refused
    assert (await bench.refused("#tree:../..")).refused
    # A file's name alone does where only one file has it.
    found, _ = await bench.one("#file:m1.py")
    assert found.name == "pkg/m1.py"
    assert (await bench.refused("#file:.py")).refused


async def test_a_definition_is_read_as_it_is_now(bench: Bench):
    assert await bench.index.ready(timeout=60)
    bench.open(
        "src/a.py", "import os\n\n\ndef first():\n    return 1\n\n\ndef second():\n    changed\n"
    )
    found, _ = await bench.one("#symbol:second")
    assert found.text.text.endswith("changed\n")
    bench.gate.update(Privacy(exclude=("src/",)))
    assert (await bench.refused("#symbol:second")).name == "src/a.py"


async def test_without_an_index(bench: Bench):
    for text in ("#symbol:x", "#search:x", "#tree", "#tree:src"):
        _, items = await bench.bare.collect(text, Scene(), bench.root)
        assert items[0].refused == "the workspace is not indexed"
        assert items[0].name == text
    attached, _ = await bench.bare.collect("#file:src/a.py", Scene(), None)
    assert attached[0].name == "src/a.py"
    _, items = await bench.bare.collect("#file:a.py", Scene(), bench.root)
    assert items[0].refused


async def test_the_order_is_that_of_the_message_and_each_counts_once(bench: Bench):
    uri = bench.open("src/a.py", "one\n")
    text = '#file:src/a.py #buffer #file:src/a.py and #file:"b c.txt" #buffer'
    attached, items = await bench.collect(text, Scene(buffer=uri))
    assert [each.name for each in attached] == ["src/a.py", "b c.txt"]
    assert [each.name for each in items] == ["src/a.py", "b c.txt"]


async def test_what_is_embedded(bench: Bench):
    collector = Collector(bench.gate, bench.documents)
    texts = [
        Embedded(bench.uri("src/a.py"), f"as the editor has it {_KEY}", "python"),
        Embedded("zed:///agent/rule", "a rule"),
        Embedded("untitled:x.md", "draft"),
        Embedded(bench.uri("x.private"), "no"),
        Embedded("file:///etc/passwd", "no"),
        Embedded("vscode-remote://host/home/u/.env", "no"),
        Embedded("vscode-remote://host/home/u/x.private", "no"),
        Embedded("zed://x/a%00b", "no"),
    ]
    await bench.gate.look([each.uri for each in texts], 3.0, read=True)
    attached, items = collector.collect(texts)
    assert [each.name for each in attached] == ["src/a.py", "rule", "untitled:x.md"]
    assert [each.language for each in attached] == ["python", "", "markdown"]
    assert _KEY not in attached[0].text.text
    assert attached[0].text.sources == (bench.uri("src/a.py"),)
    assert [bool(each.refused) for each in items] == [False] * 3 + [True] * 5


async def test_what_could_be_typed(bench: Bench):
    async def labels(typed: str) -> list[str]:
        return [each.label for each in await bench.mentions.complete(typed, bench.root)]

    assert {"#selection", "#file", "#diff", "#diff:staged", "#tree"} <= set(await labels("#"))
    assert await labels("#se") == ["#selection", "#search"]
    assert await labels("#diff:s") == ["#diff:staged"]
    assert await labels("#nothing") == await labels("#nothing:x") == []
    choices = await bench.mentions.complete("#fi", bench.root)
    assert choices == (MentionChoice("#file", "#file:", KINDS["file"].description),)
    assert await bench.index.ready(timeout=60)
    assert "src/a.py" in await labels("#file:")
    assert await labels("#file:src/a") == ["src/a.py"]
    (blank,) = await bench.mentions.complete('#file:"b c', bench.root)
    assert blank.insert == '#file:"b c.txt"'
    (symbol,) = await bench.mentions.complete("#symbol:seco", bench.root)
    assert (symbol.insert, symbol.detail) == ("#symbol:second", "function")
    assert await bench.mentions.complete("#symbol:", bench.root) == ()


async def test_what_could_be_typed_without_an_index(bench: Bench):
    bench.open("src/open.py", "x\n")
    bench.open("x.private", "x\n")
    await bench.gate.look([each.uri for each in bench.documents], 3.0)
    assert [each.insert for each in await bench.bare.complete("#file:OPEN", bench.root)] == [
        "#file:src/open.py"
    ]
    assert [each.insert for each in await bench.bare.complete("#file:", None)] == [
        "#file:src/open.py"
    ]
    assert await bench.bare.complete("#symbol:x", bench.root) == ()
    unknown = await bench.mentions.complete("#file:open", "/nowhere")
    assert [each.insert for each in unknown] == ["#file:src/open.py"]


async def test_more_open_documents_than_are_taken(bench: Bench):
    for number in range(MOST_OPEN + 3):
        bench.open(f"d{number:02}.py", f"{number}\n")
    attached, items = await bench.collect("#open")
    assert len(attached) == MOST_OPEN
    assert items[-1].refused == f"#open takes {MOST_OPEN} documents"


async def test_a_picture_is_a_file_like_any_other(bench: Bench):
    bench.repository.write("p.png", b"\x89PNG\r\n\x1a\n" + bytes(200))
    found, item = await bench.one("#file:p.png")
    assert found.media is not None
    assert (item.media_type, item.name) == ("image/png", "p.png")
    assert "no line" in (await bench.refused("#file:p.png:3")).refused


async def test_without_any_folder(bench: Bench):
    bare = Mentions(Gate(Roots(), Privacy(), bench.documents), bench.documents, bench.diagnostics)
    _, items = await bare.collect("#file:a.py", Scene(), None)
    assert items[0].refused == "there is no workspace folder that it could be in"


async def test_what_the_index_can_not_answer_is_said(bench: Bench):
    for text in ("#symbol:x", "#search:x", "#tree", "#file:nothing.py"):
        attached, items = await bench.mentions.collect(text, Scene(), "/nowhere")
        assert attached == []
        assert items[0].refused


async def test_many_files_of_a_diff_must_not_be_sent(bench: Bench):
    for number in range(14):
        bench.repository.write(f"x{number:02}.private", "secret\n")
    bench.repository.run("add", "-f", ".")
    attached, items = await bench.collect("#diff:staged")
    assert attached == []
    assert len(items) == 11
    assert items[-1].refused == "4 more files must not be sent"


async def test_an_enormous_diff(bench: Bench):
    for number in range(MOST_FILES + 2):
        bench.repository.write(f"f{number:03}.txt", "x\n")
    bench.repository.run("add", ".")
    found, item = await bench.one("#diff:staged")
    assert item.cut == f"the first {MOST_FILES} of {MOST_FILES + 2} files"
    assert found.text.text.endswith("(Other files are left out.)\n")
    git = Git(bench.roots, limit=2_000)
    few = Mentions(bench.gate, bench.documents, bench.diagnostics, git)
    _, items = await few.collect("#diff:staged", Scene(), bench.root)
    assert items[0].cut == "the first part of an enormous diff"


def test_the_page_names_every_kind_and_limit():
    page = (Path(__file__).parents[3] / "docs" / "context.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `#")]
    for kind in KINDS.values():
        found = [row for row in rows if f"`#{kind.name}" in row.split("|")[1]]
        assert found, kind.name
        for row in found:
            assert row.endswith((f"| {kind.limit:,} |", "| 50,000 |")), row
            assert kind.limit == 50_000 or "50,000" not in row
        for choice in kind.choices:
            assert any(f"`#{kind.name}:{choice}`" in row for row in found)
