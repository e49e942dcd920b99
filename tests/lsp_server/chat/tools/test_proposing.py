"""Edits that a model proposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tools_support import KEY, Shop

from polypilot.chat.edits import Edits
from polypilot.chat.tools.proposing import ProposeEdit
from polypilot.chat.values import FileDiff
from polypilot.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.chat.values import ToolResult
    from polypilot.workspace.roots import Roots


class Bench(Shop):
    """A workspace whose files may be edited."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.edits = Edits(self.gate, self.documents, self.roots)
        self.proposing = ProposeEdit(self.ground, self.edits)
        self.box = self.toolbox()

    async def propose(self, **arguments: object) -> ToolResult:
        return await self.call("propose_edit", **arguments)

    async def preview(self, **arguments: object) -> tuple[FileDiff, ...]:
        return await (await self.tool("propose_edit")).preview(arguments, self.context())


@pytest.fixture
async def bench(tmp_path: Path, roots: Roots):
    made = Bench(tmp_path / "w", roots)
    yield made
    await made.box.aclose()


async def test_it_is_offered_in_mode_edit_alone_and_asks(bench: Bench):
    assert (await bench.tool("propose_edit")).asks
    assert "propose_edit" not in {tool.spec.name for tool in await bench.box.offered("ask")}


async def test_a_change_is_shown_then_proposed_and_the_disk_stays_as_it_is(bench: Bench):
    path = bench.write("src/a.py", "one = 1\ntwo = 2\n")
    edits = [{"old_text": "two = 2\n", "new_text": "two = 3\n"}]
    expected = (FileDiff(str(path), "one = 1\ntwo = 2\n", "one = 1\ntwo = 3\n"),)
    assert await bench.preview(path="src/a.py", edits=edits) == expected
    assert bench.edits.of("s") == (), "a preview is no proposal"
    result = await bench.propose(path="src/a.py", edits=edits)
    assert result.diffs == expected
    assert "proposed" in result.text.text
    [proposal] = bench.edits.of("s")
    assert result.proposals == (proposal.id,)
    assert (await bench.edits.accept(proposal.id)).edits
    assert path.read_text() == "one = 1\ntwo = 2\n"
    assert [(place.path, place.line) for place in result.locations] == [(str(path), 2)]


async def test_a_new_file_is_proposed_and_not_made(bench: Bench):
    result = await bench.propose(path="src/new.py", new_text="x = 1\n")
    assert [(diff.old, diff.new) for diff in result.diffs] == [(None, "x = 1\n")]
    assert not (bench.root / "src").exists()


async def test_unsaved_text_is_what_is_edited(bench: Bench):
    bench.write("a.py", "on disk\n")
    bench.open("a.py", "in the editor\n")
    diff = await bench.preview(
        path="a.py", edits=[{"old_text": "in the editor", "new_text": "changed"}]
    )
    assert diff[0].new == "changed\n"


CASES: list[tuple[dict[str, object], str]] = [
    ({"path": "a.py"}, "either edits or new_text"),
    ({"path": "a.py", "edits": []}, "either edits or new_text"),
    ({"path": "a.py", "edits": [{"old_text": "x", "new_text": "y"}], "new_text": ""}, "either"),
    ({"path": "a.py", "edits": "x"}, "edits must be a list"),
    ({"path": "a.py", "edits": [{"old_text": "x"}]}, r"new_text in edits\[0\] is missing"),
    ({"path": "a.py", "edits": [{"old_text": "absent", "new_text": "y"}]}, "not in the file"),
    ({"path": "a.py", "edits": [{"old_text": "same", "new_text": "y"}]}, "2 times"),
    ({"path": "a.py", "new_text": "same\nsame\n"}, "change nothing"),
    ({"path": "../a.py", "new_text": "x"}, "below a workspace folder"),
    ({"path": "/etc/passwd", "new_text": "x"}, "below a workspace folder"),
    ({"path": "file:///etc/passwd", "new_text": "x"}, "below a workspace folder"),
    ({"path": ".vscode/tasks.json", "new_text": "x"}, "proposed: "),
    ({"path": ".GIT/hooks/pre-commit", "new_text": "x"}, "proposed: "),
    ({"path": ".github/workflows/a.yml", "new_text": "x"}, "proposed: "),
    ({"path": ".polypilot.toml", "new_text": "x"}, "proposed: "),
    ({"path": ".env", "new_text": "x"}, ""),
]


@pytest.mark.parametrize(("arguments", "said"), CASES)
async def test_what_can_t_be_proposed_is_refused_in_words(
    bench: Bench, arguments: dict[str, object], said: str
):
    bench.write("a.py", "same\nsame\n")
    for call in (bench.preview, bench.propose):
        with pytest.raises(UserError, match=said or None):
            await call(**arguments)
    assert bench.edits.of("s") == ()


async def test_what_stands_for_a_secret_never_takes_its_place(bench: Bench):
    bench.write("a.py", f'key = "{KEY}"\nx = 1\n')
    seen = (await bench.text("read_file", path="a.py")).split("\t")[1].split("\n")[0]
    assert "REDACTED" in seen
    with pytest.raises(UserError, match="hidden secret"):
        await bench.propose(path="a.py", new_text=f"{seen}\nx = 2\n")
    assert bench.edits.of("s") == ()
    result = await bench.propose(path="a.py", edits=[{"old_text": "x = 1", "new_text": "x = 2"}])
    assert KEY in result.diffs[0].new
    assert KEY not in result.text.text
