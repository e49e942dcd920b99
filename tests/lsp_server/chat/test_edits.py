"""Proposed edits: found in answers, made against the text as it is, never anywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from polypilot.chat.edits import Change, EditError, Edits, Proposal, Refused
from polypilot.chat.values import Attach, Scene
from polypilot.workspace.documents import Change as Typed
from polypilot.workspace.documents import DocumentStore, Position
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.workspace.text_units import Encoding

OLD = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"


@dataclass(frozen=True)
class Privacy:
    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


class Bench:
    """A workspace, what is open in it, and the edits that are proposed of it."""

    def __init__(self, root: Path, encoding: Encoding = "utf-16") -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.roots = Roots([str(root)])
        self.store = DocumentStore(encoding)
        self.gate = Gate(self.roots, Privacy(), self.store)
        self.edits = Edits(self.gate, self.store, self.roots)
        self.scene = Scene()

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def open(self, name: str, text: str) -> str:
        uri = (self.root / name).as_uri()
        self.store.open(uri, "python", 1, text)
        return uri

    async def found(self, answer: str) -> tuple[Proposal | Refused, ...]:
        return await self.edits.found("s", answer, self.scene, str(self.root))

    async def one(self, answer: str) -> Proposal:
        (proposal,) = await self.found(answer)
        assert isinstance(proposal, Proposal), proposal
        return proposal

    async def refusal(self, answer: str) -> str:
        (refusal,) = await self.found(answer)
        assert isinstance(refusal, Refused), refusal
        assert refusal.event().refused == refusal.reason
        return refusal.reason

    def made(self, change: Change) -> str:
        """The text after a change, as an editor makes it."""
        document = self.store.get(change.uri)
        if document is None:
            path = self.root.parent / change.uri.removeprefix(self.root.parent.as_uri() + "/")
            text = path.read_bytes().decode() if path.exists() else ""
            self.store.open(change.uri, "", 1, text)
            document = self.store.get(change.uri)
        assert document is not None
        spans = [(each.start, each.end) for each in change.edits]
        assert all(left[1] <= right[0] for left, right in pairwise(spans))
        for each in reversed(change.edits):
            typed = Typed(each.text, each.start, each.end)
            assert self.store.change(change.uri, document.version + 1, [typed])
        return document.text

    async def accepted(self, answer: str, hunks: tuple[int, ...] | None = None) -> str:
        proposal = await self.one(answer)
        return self.made(await self.edits.accept(proposal.id, hunks))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "w")


@pytest.fixture(params=["utf-8", "utf-16", "utf-32"])
def encoded(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    return Bench(tmp_path / "w", request.param)


@pytest.fixture
def other(tmp_path: Path, bench: Bench) -> Path:
    """A second workspace folder."""
    folder = tmp_path / "other"
    folder.mkdir()
    bench.roots.add(str(folder))
    return folder


def whole(code: str, path: str = "a.py") -> str:
    return f"Here:\n\n```python path={path}\n{code}```\n"


def pair(old: str, new: str, path: str = "a.py") -> str:
    return f"{path}\n```\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n"


async def test_a_whole_file(bench: Bench):
    bench.file("a.py", OLD)
    proposal = await bench.one(whole(OLD.replace("1", "3")))
    assert proposal.diff == (
        "--- a/a.py\n+++ b/a.py\n@@ -1,5 +1,5 @@\n"
        " def a():\n-    return 1\n+    return 3\n \n \n def b():\n"
    )
    assert proposal.path == str(bench.root / "a.py")
    assert (proposal.old_text, proposal.new_text) == (OLD, OLD.replace("1", "3"))
    event = proposal.event()
    assert (event.id, event.path, event.diff) == (proposal.id, proposal.path, proposal.diff)
    change = await bench.edits.accept(proposal.id)
    assert (change.creates, change.version) == (False, None)
    assert bench.made(change) == OLD.replace("1", "3")
    assert bench.edits.applied(proposal.id).state == "applied"


async def test_the_open_text_counts_not_the_file(bench: Bench):
    bench.file("a.py", "gone = 1\n")
    bench.open("a.py", OLD)
    proposal = await bench.one(pair("    return 2\n", "    return 4\n"))
    assert proposal.old_text == OLD
    change = await bench.edits.accept(proposal.id)
    assert change.version == 1
    assert bench.made(change) == OLD.replace("2", "4")


async def test_a_new_file(bench: Bench):
    proposal = await bench.one(whole("x = 1\ny = 2\n", "new/a.py"))
    assert proposal.creates
    assert proposal.diff == "--- /dev/null\n+++ b/new/a.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n"
    change = await bench.edits.accept(proposal.id)
    assert change.creates
    assert bench.made(change) == "x = 1\ny = 2\n"


async def test_a_new_file_that_is_there_by_now(bench: Bench):
    proposal = await bench.one(whole("x = 1\n", "new.py"))
    bench.file("new.py", "precious\n")
    with pytest.raises(EditError, match="there is such a file"):
        await bench.edits.accept(proposal.id)
    bench.file("new.py", "")
    assert bench.made(await bench.edits.accept(proposal.id)) == "x = 1\n"


async def test_a_file_that_is_gone_by_now(bench: Bench):
    path = bench.file("a.py", OLD)
    proposal = await bench.one(whole("x = 1\n"))
    path.unlink()
    with pytest.raises(EditError, match="gone"):
        await bench.edits.accept(proposal.id)


async def test_a_diff_with_wrong_numbers(bench: Bench):
    bench.file("a.py", OLD)
    head = "```diff\n--- a/a.py\n+++ b/a.py\n@@ -99,7 +99,1 @@\n"
    diff = head + " def b():\n-    return 2\n+    return 5\n```"
    assert await bench.accepted(diff) == OLD.replace("2", "5")


async def test_a_diff_that_makes_a_file(bench: Bench):
    diff = "```diff\n--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x\n```"
    assert await bench.accepted(diff) == "x\n"


async def test_several_blocks_for_one_file_are_one_edit(bench: Bench):
    bench.file("a.py", OLD)
    answer = pair("    return 1\n", "    return 3\n") + pair("    return 3\n", "    return 7\n")
    answer += pair("    return 2\n", "    return 8\n") + whole("n = 1\n", "b.py")
    first, second = await bench.found(answer)
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    assert first.new_text == OLD.replace("1", "7").replace("2", "8")
    assert second.path.endswith("b.py")


async def test_blanks_do_not_matter_and_the_indent_is_kept(bench: Bench):
    bench.file("a.py", "class A:\n\tdef f(self):\n\t\treturn  1\n\n\t\t# end\n")
    out = await bench.accepted(
        pair("\ndef f(self):\n    return 1\n", "\ndef f(self):\n    return 2\n")
    )
    assert out == "class A:\n\tdef f(self):\n\t    return 2\n\n\t\t# end\n"


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        ("    return 9\n", "not in the file"),
        ("    return 1\n", "2 times"),
        ("", "does not say which lines"),
        ("\n  \n", "does not say which lines"),
    ],
)
async def test_what_does_not_fit_is_refused(bench: Bench, old: str, reason: str):
    bench.file("a.py", "def a():\n    return 1\n\n\ndef b():\n    return 1\n")
    assert reason in await bench.refusal(pair(old, "x\n"))


async def test_a_line_number_decides_between_several(bench: Bench):
    bench.file("a.py", "x = 1\ny = 2\nx = 1\n")
    diff = "```diff\n--- a/a.py\n+++ b/a.py\n@@ -3 +3 @@\n-x = 1\n+x = 4\n```"
    assert await bench.accepted(diff) == "x = 1\ny = 2\nx = 4\n"


async def test_an_empty_search_fills_an_empty_file(bench: Bench):
    bench.file("a.py", "\n")
    assert await bench.accepted(pair("", "x = 1\n")) == "x = 1\n"
    assert await bench.accepted(pair("", "x = 1\n", "new.py")) == "x = 1\n"
    assert "no such file" in await bench.refusal(pair("a\n", "b\n", "none.py"))


LONG = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(20)).rstrip("\n") + "\n"


@pytest.mark.parametrize(
    "mark",
    ["# ... existing code ...", "# ...", "# rest of the file unchanged", "# … (other functions)"],
)
async def test_code_that_is_left_out_stays(bench: Bench, mark: str):
    bench.file("a.py", LONG)
    code = "def f7():\n    value = 70\n    return value\n\n\ndef f8():\n    return 8\n"
    part = f"{mark}\n\n{code}\n{mark}\n"
    out = await bench.accepted(whole(part))
    assert out == LONG.replace("    return 7\n", "    value = 70\n    return value\n")


async def test_the_beginning_and_the_end_may_be_shown(bench: Bench):
    bench.file("a.py", LONG)
    head = "import os\n\n\ndef f0():\n    return 0\n"
    part = f"{head}\n# ... existing code ...\n\ndef f19():\n    return 190\n"
    out = await bench.accepted(whole(part))
    assert out == "import os\n\n\n" + LONG.replace("return 19\n", "return 190\n")


@pytest.mark.parametrize(
    "part",
    [
        "# ... existing code ...\n",
        "# ... existing code ...\ndef new():\n    return 1\n# ... rest unchanged ...\n",
        "def new():\n    return 1\n",
        "# ... existing code ...\n    return 1\n# ... rest ...\ndef zz():\n    pass\n# ...\n",
        "",
    ],
)
async def test_a_part_of_which_it_is_not_clear_where_it_belongs_deletes_nothing(
    bench: Bench, part: str
):
    bench.file("a.py", LONG)
    assert await bench.refusal(whole(part))


async def test_a_function_alone_takes_the_place_of_itself(bench: Bench):
    bench.file("a.py", LONG)
    out = await bench.accepted(whole("def f3():\n    x = 30\n    return 3\n"))
    assert out == LONG.replace("    return 3\n", "    x = 30\n    return 3\n")


async def test_dots_are_code_in_python_and_the_files_own_remarks_stay(bench: Bench):
    bench.file("a.py", "class A:\n    ...\n# rest of the code here\nx = 1\n")
    out = await bench.accepted(whole("class A:\n    ...\n# rest of the code here\nx = 2\n"))
    assert out == "class A:\n    ...\n# rest of the code here\nx = 2\n"
    bench.file("a.js", "a();\nb();\nc();\n")
    out = await bench.accepted("```js path=a.js\na(1);\nb();\n...\nc();\n```")
    assert out == "a(1);\nb();\nc();\n"


async def test_the_comment_with_the_name_stays_if_the_file_has_it(bench: Bench):
    bench.file("src/a.py", "# src/a.py\nx = 1\n")
    assert await bench.accepted("```py\n# src/a.py\nx = 2\n```") == "# src/a.py\nx = 2\n"
    bench.file("src/b.py", "x = 1\n")
    assert await bench.accepted("```py\n# src/b.py\nx = 2\n```") == "x = 2\n"


async def test_markdown_that_may_have_been_cut_is_refused(bench: Bench):
    bench.file("a.md", "x\n")
    assert "where it ends" in await bench.refusal("```md path=a.md\nx\n```py\ny\n```")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\n"),
        ("a\rb\rc\r", "a\rB\rc\r"),
        ("a\nb\nc", "a\nB\nc"),
        ("a\r\nb", "a\r\nB"),
        ("b", "B"),
        ("\ufeffa\nb\n", "a\nB\n"),
    ],
)
async def test_breaks_and_the_end_are_kept(encoded: Bench, old: str, new: str):
    bench = encoded
    bench.open("a.txt", old.removeprefix("\ufeff"))
    said = "\n".join(
        "B" if line == "b" else line for line in old.removeprefix("\ufeff").splitlines()
    )
    assert await bench.accepted(f"```text path=a.txt\n{said}\n```") == new
    bench.file("c.txt", old)
    other = await bench.one(f"```text path=c.txt\n{said}\n```")
    assert other.new_text == new


async def test_positions_are_the_stores(encoded: Bench):
    bench = encoded
    bench.open("a.txt", "👩‍💻 ü\nx 👩‍💻")
    assert await bench.accepted(pair("x 👩‍💻\n", "y\nz\n", "a.txt")) == "👩‍💻 ü\ny\nz"


async def test_hunks_can_be_taken_one_by_one(bench: Bench):
    uri = bench.open("a.py", LONG)
    new = LONG.replace("return 0\n", "return 100\n").replace("return 9\n", "a = 9\n    return a\n")
    proposal = await bench.one(whole(new.replace("return 15\n", "return 150\n")))
    assert [each.id for each in proposal.hunks] == [0, 1, 2]
    assert proposal.hunks[1].header == "@@ -35,7 +35,8 @@"
    assert proposal.hunks[2].header == "@@ -59,7 +60,7 @@"
    bench.made(await bench.edits.accept(proposal.id, [1]))
    assert bench.edits.applied(proposal.id).applied == {1}
    with pytest.raises(EditError, match="no such hunk"):
        await bench.edits.accept(proposal.id, [1])
    with pytest.raises(EditError, match="no such hunk"):
        await bench.edits.accept(proposal.id, [0, 7])
    document = bench.store.get(uri)
    assert document is not None
    assert bench.made(await bench.edits.accept(proposal.id)) == proposal.new_text
    assert bench.edits.applied(proposal.id).state == "applied"
    with pytest.raises(EditError, match="applied already"):
        await bench.edits.accept(proposal.id)


async def test_what_the_user_typed_meanwhile_moves_the_hunks(bench: Bench):
    uri = bench.open("a.py", LONG)
    proposal = await bench.one(whole(LONG.replace("return 9\n", "return 90\n")))
    top = Position(0, 0)
    bench.store.change(uri, 2, [Typed("import os\n\n\n", top, top)])
    out = bench.made(await bench.edits.accept(proposal.id))
    assert out == "import os\n\n\n" + LONG.replace("return 9\n", "return 90\n")


async def test_one_hunk_that_no_longer_fits_stops_all(bench: Bench):
    uri = bench.open("a.py", LONG)
    new = LONG.replace("return 0\n", "return 100\n").replace("return 9\n", "return 90\n")
    proposal = await bench.one(whole(new))
    line = LONG.splitlines().index("    return 9")
    bench.store.change(uri, 2, [Typed("?", Position(line, 4), Position(line, 5))])
    with pytest.raises(EditError, match=r"part 2 \(line 38\) no longer fits"):
        await bench.edits.accept(proposal.id)
    out = bench.made(await bench.edits.accept(proposal.id, [0]))
    assert "return 100\n" in out


async def test_lines_that_are_there_several_times_are_not_guessed(bench: Bench):
    uri = bench.open("a.txt", "x\n")
    bench.store.change(uri, 2, [Typed("a\nb\nc\nx\nd\ne\nf\n")])
    proposal = await bench.one(pair("x\n", "y\n", "a.txt"))
    bench.store.change(uri, 3, [Typed("x\nq\nx\nq\n")])
    with pytest.raises(EditError, match="no longer fits"):
        await bench.edits.accept(proposal.id)
    bench.store.change(uri, 4, [Typed("q\nx\nq\n")])
    assert bench.made(await bench.edits.accept(proposal.id)) == "q\ny\nq\n"


async def test_an_insertion_needs_what_is_around_it(bench: Bench):
    uri = bench.open("a.txt", "a\nb\n")
    proposal = await bench.one(pair("a\n", "a\nnew\n", "a.txt"))
    bench.store.change(uri, 2, [Typed("c\nd\n")])
    with pytest.raises(EditError, match="no longer fits"):
        await bench.edits.accept(proposal.id)


async def test_rejecting_and_forgetting(bench: Bench):
    bench.file("a.py", OLD)
    proposal = await bench.one(whole("x = 1\n"))
    assert bench.edits.of("s") == (proposal,)
    assert bench.edits.reject(proposal.id).state == "rejected"
    with pytest.raises(EditError, match="rejected already"):
        await bench.edits.accept(proposal.id)
    assert bench.edits.reject(proposal.id).state == "rejected"
    bench.edits.forget("s")
    with pytest.raises(EditError) as caught:
        bench.edits.get(proposal.id)
    assert caught.value.code == "unknown_edit"


async def test_the_store_is_bounded(bench: Bench):
    bench.file("a.py", OLD)
    first = await bench.one(whole("x = 0\n"))
    for number in range(1, 205):
        await bench.edits.propose("s", "a.py", f"x = {number}\n")
    assert len(bench.edits.of("s")) == 200
    with pytest.raises(EditError):
        bench.edits.get(first.id)


# -- where ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        ".vscode/settings.json", ".git/hooks/pre-commit", ".github/workflows/x.yml", ".envrc",
        ".polypilot.toml", "AGENTS.md", "sub/../.git/config", ".GIT/config", ".npmrc", ".bashrc",
        "../outside.py", "/etc/passwd", "~/x.py", "a/../../outside.py", "file:///etc/x.py",
        "//host/x.py", "secrets/x.py", "id_rsa.py/../../../x.py", "GIT~1/config.py", "innocent.py",
        "x\x07y.py",
    ],
)  # fmt: skip
async def test_nothing_is_offered_outside_or_for_sensitive_files(bench: Bench, path: str):
    hook = bench.file(".git/hooks/pre-commit", "#!/bin/sh\n")
    (bench.root / "innocent.py").symlink_to(hook)
    if "\x07" not in path:
        for answer in (
            f"```python path={path}\nx = 1\n```",
            f"```diff\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-#!/bin/sh\n+x\n```",
            f"```diff\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n```",
            f"```diff\n--- a/{path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n```",
            f"```diff\n--- a/ok.py\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+y\n```",
        ):
            assert all(isinstance(each, Refused) for each in await bench.found(answer)), answer
    with pytest.raises(EditError):
        await bench.edits.propose("s", path, "x = 1\n")
    assert bench.edits.of("s") == ()


async def test_what_the_gate_keeps_back_is_not_edited(bench: Bench):
    bench.file(".gitignore", "hidden.py\n")
    bench.file("hidden.py", OLD)
    assert "excluded" in await bench.refusal(whole("x = 1\n", "hidden.py"))
    bench.open("hidden.py", OLD)
    assert "excluded" in await bench.refusal(whole("x = 1\n", "hidden.py"))


async def test_files_are_not_moved_or_deleted(bench: Bench):
    bench.file("a.py", "x\n")
    gone = "```diff\n--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n```"
    assert "not deleted" in await bench.refusal(gone)
    moved = "```diff\n--- a/a.py\n+++ b/b.py\n@@ -1 +1 @@\n-x\n+y\n```"
    assert "not moved" in await bench.refusal(moved)


async def test_what_is_no_text_is_not_edited(bench: Bench):
    (bench.root / "a.py").write_bytes(b"\x00\x01")
    assert "not text" in await bench.refusal(whole("x = 1\n"))
    (bench.root / "a.py").write_bytes("x = 'ü'\n".encode("latin-1"))
    assert await bench.refusal(whole("x = 1\n"))
    (bench.root / "b.py").mkdir()
    assert await bench.refusal(whole("x = 1\n", "b.py"))
    bench.file("f", "x")
    assert await bench.refusal(whole("x = 1\n", "f/x.py"))


async def test_a_document_out_of_sync_is_not_edited(bench: Bench):
    uri = bench.open("a.py", OLD)
    bench.store.lost(uri)
    assert "not known for sure" in await bench.refusal(whole("x = 1\n"))


async def test_the_root_that_has_the_file_is_meant(bench: Bench, other: Path):
    (other / "lib").mkdir()
    (other / "lib" / "a.py").write_text("x = 1\n", encoding="utf-8")
    proposal = await bench.one(whole("x = 2\n", "lib/a.py"))
    assert proposal.path == str(other / "lib" / "a.py")
    named = await bench.one(whole("x = 2\n", "other/lib/a.py"))
    assert named.path == proposal.path
    absolute = await bench.one(whole("x = 2\n", str(other / "lib" / "a.py")))
    assert absolute.path == proposal.path
    fresh = await bench.one(whole("x = 2\n", "lib\\n.py"))
    assert fresh.path == str(bench.root / "lib" / "n.py")


async def test_without_a_root_nothing_is_named(bench: Bench):
    bench.roots.replace(())
    (refusal,) = await bench.edits.found("s", whole("x\n"), Scene(), None)
    assert isinstance(refusal, Refused)


async def test_an_untitled_document_that_was_asked_about(bench: Bench):
    uri = "untitled:Untitled-1"
    bench.store.open(uri, "python", 1, "x = 1\n")
    assert await bench.refusal(whole("x = 2\n", uri))
    bench.scene = Scene(buffer=uri)
    named = await bench.one("```python path=untitled:Untitled-1\nx = 2\n```")
    assert (named.uri, named.path) == (uri, uri)
    change = await bench.edits.accept(named.id)
    assert bench.made(change) == "x = 2\n"
    bench.store.close(uri)
    with pytest.raises(EditError, match="closed"):
        await bench.edits.accept(named.id)


# -- the selection ----------------------------------------------------------------------------


def selected(uri: str, start: tuple[int, int], end: tuple[int, int]) -> Scene:
    return Scene(selection=Attach(uri, Position(*start), Position(*end)))


@pytest.mark.parametrize(
    ("start", "end", "code", "out"),
    [
        ((1, 0), (2, 0), "return 5\n", OLD.replace("return 1", "return 5")),
        ((1, 4), (1, 12), "    return 5\n", OLD.replace("return 1", "return 5")),
        ((1, 11), (1, 12), "5\n", OLD.replace("1", "5")),
        ((0, 0), (2, 0), "def a():\n    return 6\n", OLD.replace("1", "6")),
    ],
)
async def test_a_block_without_a_name_takes_the_place_of_the_selection(
    bench: Bench, start: tuple[int, int], end: tuple[int, int], code: str, out: str
):
    uri = bench.open("a.py", OLD)
    bench.scene = selected(uri, start, end)
    assert await bench.accepted(f"Like this:\n```python\n{code}```") == out


async def test_loose_hunks_are_for_the_document_in_front(bench: Bench):
    uri = bench.open("a.py", OLD)
    bench.scene = Scene(buffer=uri)
    assert await bench.accepted("```diff\n-    return 1\n+    return 3\n```") == OLD.replace(
        "1", "3"
    )


@pytest.mark.parametrize(
    "answer",
    [
        "```py\nx\n```\n```py\ny\n```",
        "```diff\n-not there\n+y\n```",
        "no code",
        "```py\n\n```",
    ],
)
async def test_what_is_for_nothing_is_no_edit(bench: Bench, answer: str):
    uri = bench.open("a.py", OLD)
    bench.scene = selected(uri, (0, 0), (1, 0))
    assert await bench.found(answer) == ()


async def test_without_a_selection_a_snippet_is_only_shown(bench: Bench):
    assert await bench.found("```py\nx\n```") == ()
    uri = bench.open("a.py", OLD)
    bench.scene = Scene(buffer=uri)
    assert await bench.found("```py\nx\n```") == ()
    bench.scene = Scene(buffer=(bench.root / "closed.py").as_uri())
    assert await bench.found("```py\nx\n```") == ()
    bench.scene = selected(uri, (1, 0), (1, 0))
    assert await bench.found("```py\nx\n```") == ()


# -- for tools --------------------------------------------------------------------------------


async def test_a_tool_proposes(bench: Bench):
    bench.file("a.py", OLD)
    whole_text = await bench.edits.propose("s", "a.py", "x = '\u202e1'\n", root=str(bench.root))
    assert whole_text.new_text == "x = '1'\n"
    pairs = await bench.edits.propose(
        "s", "a.py", edits=[("return 1\n", "return 7"), ("def b():", "def c():")]
    )
    assert pairs.new_text == OLD.replace("1", "7").replace("b()", "c()")
    with pytest.raises(EditError, match="nothing"):
        await bench.edits.propose("s", "a.py", OLD)
    with pytest.raises(EditError, match="no such file"):
        await bench.edits.propose("s", "b.py", edits=[("x", "y")])
    fresh = await bench.edits.propose("s", "b.py", edits=[("", "y")])
    assert fresh.new_text == "y\n"


async def test_what_was_only_shown_can_be_withdrawn(bench: Bench):
    proposal = await bench.edits.propose("s", "a.py", "x = 1\n")
    bench.edits.withdraw(proposal.id)
    assert bench.edits.of("s") == ()


async def test_a_big_rewrite_is_one_hunk(bench: Bench):
    old = "".join(f"{number}\n" for number in range(9_000))
    bench.file("a.txt", f"top\n{old}end\n")
    new = "".join(f"{number}\n" for number in range(9_000, 0, -1))
    proposal = await bench.edits.propose("s", "a.txt", f"top\n{new}end\n")
    assert len(proposal.hunks) == 1
    assert bench.made(await bench.edits.accept(proposal.id)) == f"top\n{new}end\n"
