"""Chat in Neovim with nothing but ``vim.lsp.start``: no plugin of ours is loaded."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import ScriptedServer, Stall, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from conftest import Editor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

MODEL_S = 120.0
"""Loading the embedded model and a cold prompt on a busy machine; a wait's bound, not a claim."""
CODE = "import os\n\n\ndef add(a, b):\n\treturn a - b  # 😀\n"
FIXED = CODE.replace("a - b", "a + b")
WORDS = [f"word{number}{' ' if number % 5 else chr(10)}" for number in range(1, 101)]
SCRIPTED = """
[completion]
enabled = false
[chat]
provider = "team"
model = "talker"
[providers.team]
wire = "openai-chat"
base_url = "{url}/v1"
auth = "none"
"""
COMPLETING = """
[completion]
provider = "team"
model = "coder"
[providers.team]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""
EMBEDDED = """
[completion]
enabled = false
[chat]
provider = "embedded"
[embedded]
model = "smollm2-135m"
model_file = "{file}"
threads = 1
idle_minutes = 1
"""


class Model:
    """A supplier on a loop of its own, so that the test may wait for the editor."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server = ScriptedServer(_said("nothing"))
        self._do(self.server.__aenter__())

    def says(self, *pieces: str, stalls: bool = False) -> None:
        self._loop.call_soon_threadsafe(self.server.play, _said(*pieces, stalls=stalls))

    def plays(self, steps: list[Any]) -> None:
        self._loop.call_soon_threadsafe(self.server.play, steps)

    def gone(self) -> bool:
        """Whether the client of the last request has gone."""
        return bool(self.server.requests) and self.server.requests[-1].gone.is_set()

    def close(self) -> None:
        self._do(self.server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def _said(*pieces: str, stalls: bool = False) -> list[Any]:
    def event(choice: Any) -> bytes:
        value = {"id": "c", "choices": [{"index": 0, **choice}]}
        return f"data: {json.dumps(value)}\n\n".encode()

    events: list[Any] = [event({"delta": {"content": each}}) for each in pieces]
    if stalls:
        return stream(*events, Stall())
    return stream(*events, event({"delta": {}, "finish_reason": "stop"}), b"data: [DONE]\n\n")


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.close()


@pytest.fixture
def bare(
    nvim_binary: Path, start_editor: Callable[..., Editor], short_folder: Path
) -> Callable[[str], Any]:
    """Starts Neovim whose language server, our program, has these settings."""

    @contextmanager
    def start(settings: str) -> Generator[Editor]:
        folder = short_folder / "settings"
        folder.mkdir()
        (folder / "config.toml").write_text(settings, encoding="utf-8")
        environment = {
            "POLYPILOT_CONFIG_DIR": str(folder),
            "POLYPILOT_DATA_DIR": str(short_folder / "pp-data"),
            "POLYPILOT_CACHE_DIR": str(short_folder / "pp-cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        editor = start_editor(nvim_binary, short_folder, [], environment)
        try:
            yield editor
            assert editor.lua("return package.loaded['polypilot']") is None
        finally:
            editor.close()

    return start


def opened(editor: Editor, name: str, text: str) -> Path:
    """Opens a file; the server is attached as its documentation says."""
    path = editor.home / name
    path.write_bytes(text.encode())
    editor.command(f"edit {path}")
    program = str(Path(sys.executable).with_name("polypilot"))
    editor.lua(
        "local command, root = ...\n"
        "vim.lsp.start({ name = 'polypilot', cmd = { command }, root_dir = root })",
        program,
        str(editor.home),
    )
    editor.wait("(vim.lsp.get_clients({ bufnr = 0 })[1] or {}).initialized == true")
    return path


def act(editor: Editor, title: str) -> None:
    """Takes the code action with that title, by keys as a user's mapping would.

    By itself Neovim tells a server of the server's own problems only.
    """
    editor.lua(
        "local title = ... Test.act = function()"
        " local line = vim.api.nvim_win_get_cursor(0)[1] - 1"
        " local problems = vim.lsp.diagnostic.from(vim.diagnostic.get(0, { lnum = line }))"
        " vim.lsp.buf.code_action({ apply = true, context = { diagnostics = problems },"
        " filter = function(action) return action.title == 'Polypilot: ' .. title end }) end",
        title,
    )
    editor.keys(":lua Test.act()<CR>")


def watch(editor: Editor) -> None:
    """Keeps what the last progress said."""
    editor.lua(
        "vim.api.nvim_create_autocmd('LspProgress', { callback = function(event)"
        " Test.token = event.data.params.token"
        " Test.value = event.data.params.value end })"
    )


def text(editor: Editor) -> str:
    return "\n".join(editor.lines()) + "\n"


def wait_text(editor: Editor, expected: str) -> None:
    lines = expected.removesuffix("\n").split("\n")
    editor.lua("Test.expected = ...", lines)
    editor.wait("vim.deep_equal(vim.api.nvim_buf_get_lines(0, 0, -1, false), Test.expected)")


@pytest.mark.feature("neovim", "code actions")
def test_a_problem_is_fixed_and_one_undo_takes_it_back(
    bare: Callable[[str], Any], model: Model
) -> None:
    model.says("```python\ndef add(a, b):\n    return a + b  # 😀\n```")
    with bare(SCRIPTED.format(url=model.server.url)) as editor:
        path = opened(editor, "code.py", CODE)
        editor.lua(
            "vim.diagnostic.set(vim.api.nvim_create_namespace('lint'), 0,"
            " {{ lnum = 4, col = 1, message = 'subtracts', severity = 1 }})"
        )
        editor.keys("4j")
        act(editor, "fix: subtracts")
        wait_text(editor, FIXED)
        editor.keys("u")
        wait_text(editor, CODE)
        editor.command("write")
        assert path.read_bytes() == CODE.encode()


def test_an_explanation_opens_in_a_window(bare: Callable[[str], Any], model: Model) -> None:
    model.says("It ", "subtracts.")
    with bare(SCRIPTED.format(url=model.server.url)) as editor:
        opened(editor, "code.py", CODE)
        editor.keys("4j")
        act(editor, "explain")
        editor.wait("vim.api.nvim_buf_get_name(0):find('/transcripts/') ~= nil")
        assert text(editor).endswith("\n## Polypilot\n\nIt subtracts.\n\n## You\n\n")


@pytest.mark.feature("neovim", "chat in a Markdown file")
def test_an_answer_comes_in_the_right_order(bare: Callable[[str], Any], model: Model) -> None:
    model.says(*WORDS)
    question = "## You\n\nCount.\n"
    with bare(SCRIPTED.format(url=model.server.url)) as editor:
        opened(editor, "chat.md", question)
        editor.keys("2j")
        act(editor, "answer here")
        wait_text(editor, f"{question}\n## Polypilot\n\n{''.join(WORDS)}\n## You\n\n")


def test_an_answer_in_one_edit_is_taken_back_by_one_undo(
    bare: Callable[[str], Any], model: Model
) -> None:
    model.says(*WORDS)
    question = "## You\n\nCount.\n"
    with bare(SCRIPTED.format(url=model.server.url)) as editor:
        path = opened(editor, "chat.md", question)
        editor.keys("2j")
        act(editor, "answer here, in one edit")
        wait_text(editor, f"{question}\n## Polypilot\n\n{''.join(WORDS)}\n## You\n\n")
        editor.keys("u")
        wait_text(editor, question)
        editor.command("write")
        assert path.read_bytes() == question.encode()


def test_an_answer_streams_while_the_user_edits_elsewhere(
    bare: Callable[[str], Any], model: Model
) -> None:
    """The pieces come while lines are added above: each at its place, none twice."""
    with bare(SCRIPTED.format(url=model.server.url)) as editor:
        question = "## You\n\nCount.\n"
        model.says("first\n", stalls=True)
        opened(editor, "chat.md", question)
        editor.keys("2j")
        act(editor, "answer here")
        wait_text(editor, f"{question}\n## Polypilot\n\nfirst\n\n")
        editor.keys("ggOabove<Esc>")
        editor.keys(":lua Test.act()<CR>")  # the question is answered: no such action any more
        act(editor, "stop (answer)")
        wait_text(editor, f"above\n{question}\n## Polypilot\n\nfirst\n\n*Stopped.*\n\n## You\n\n")
        editor.wait("true")
    assert model.gone()


def test_stopping_by_the_progress_closes_the_suppliers_socket(
    bare: Callable[[str], Any], model: Model
) -> None:
    model.says("It", stalls=True)
    with bare(SCRIPTED.format(url=model.server.url)) as editor:
        opened(editor, "code.py", CODE)
        watch(editor)
        editor.keys("4j")
        act(editor, "explain")
        editor.wait("((Test.value or {}).message or ''):find('characters') ~= nil")
        editor.lua(
            "vim.lsp.get_clients({ bufnr = 0 })[1]:notify("
            "'window/workDoneProgress/cancel', { token = Test.token })"
        )
        editor.wait("Test.value.kind == 'end'")
        editor.wait("vim.api.nvim_buf_get_name(0):find('/transcripts/') ~= nil")
        assert "It\n\n*Stopped.*" in text(editor)
    assert model.gone()


@pytest.mark.feature("neovim", "completion menu")
def test_suggestions_in_neovims_own_menu(bare: Callable[[str], Any], model: Model) -> None:
    """Switched on by the editor's greeting, as editors without inline completion do it."""
    event = {"id": "c", "choices": [{"index": 0, "text": "alue + 1", "finish_reason": "stop"}]}
    model.plays(stream(f"data: {json.dumps(event)}\n\n".encode(), b"data: [DONE]\n\n"))
    with bare(COMPLETING.format(url=model.server.url)) as editor:
        path = editor.home / "code.py"
        path.write_text("value = 1\n", encoding="utf-8")
        editor.command(f"edit {path}")
        editor.command("set completeopt=menuone,noselect")
        program = str(Path(sys.executable).with_name("polypilot"))
        editor.lua(
            "local command, root = ...\n"
            "local options = { polypilot = { completion = { menu = true } } }\n"
            "vim.lsp.start({ name = 'polypilot', cmd = { command }, root_dir = root,"
            " init_options = options })",
            program,
            str(editor.home),
        )
        editor.wait("(vim.lsp.get_clients({ bufnr = 0 })[1] or {}).initialized == true")
        editor.wait(
            "vim.lsp.get_clients({ bufnr = 0 })[1]:supports_method('textDocument/completion')"
        )
        editor.keys("oresult = v<C-x><C-o>")
        editor.wait("vim.fn.pumvisible() == 1", MODEL_S)
        editor.keys("<C-n><C-y>")
        # Neovim 0.11's own menu takes the first word of an edit.
        whole = editor.lua("return vim.fn.has('nvim-0.12')") == 1
        line = "result = value + 1" if whole else "result = value"
        editor.wait(f"vim.api.nvim_get_current_line() == '{line}'")


@pytest.mark.parametrize("nvim_binary", ["0.11"], indirect=True)
def test_with_the_embedded_model(bare: Callable[[str], Any], smollm2: Path) -> None:
    """What so small a model says is not judged, and it may go on for long: that it comes counts."""
    with bare(EMBEDDED.format(file=smollm2)) as editor:
        opened(editor, "code.py", CODE)
        watch(editor)
        editor.keys("4j")
        act(editor, "explain")
        editor.wait("((Test.value or {}).message or ''):find('characters') ~= nil", MODEL_S)
        act(editor, "stop (explain)")
        editor.wait("vim.api.nvim_buf_get_name(0):find('/transcripts/') ~= nil", MODEL_S)
        assert text(editor).partition("\n## Polypilot\n\n")[2].partition("\n## You\n")[0].strip()
        question = "## You\n\nSay yes.\n"
        opened(editor, "chat.md", question)
        editor.keys("2j")
        act(editor, "answer here")
        page = "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')"
        editor.wait(f"{page}:find('## Polypilot\\n\\n.*%w') ~= nil", MODEL_S)
        act(editor, "stop (answer)")
        editor.wait(f"{page}:find('## You\\n.*\\n## You\\n') ~= nil", MODEL_S)
        assert text(editor).startswith(f"{question}\n## Polypilot\n\n")
