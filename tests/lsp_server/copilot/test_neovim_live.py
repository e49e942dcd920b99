"""A real Neovim 0.12 with the configuration that it has for Copilot's server, pointed at ours.

The fields are those of nvim-lspconfig's ``lsp/copilot.lua``; what completes is Neovim's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

pytestmark = pytest.mark.e2e

FETCH = Path(__file__).parents[2] / "e2e" / "neovim" / "fetch_nvim.py"
PATIENCE = 60.0

INIT = """\
vim.o.swapfile = false
vim.lsp.config("copilot", {
  cmd = vim.json.decode(vim.env.TEST_COMMAND),
  root_markers = { ".git" },
  init_options = {
    editorInfo = { name = "Neovim", version = tostring(vim.version()) },
    editorPluginInfo = { name = "Neovim", version = tostring(vim.version()) },
  },
  settings = { telemetry = { telemetryLevel = "all" } },
})
vim.lsp.enable("copilot")
vim.lsp.inline_completion.enable(true)
vim.keymap.set("i", "<Tab>", function()
  if not vim.lsp.inline_completion.get() then
    return "<Tab>"
  end
end, { expr = true })

Test = { answers = {}, errors = {} }

local function client()
  return vim.lsp.get_clients({ name = "copilot" })[1]
end

function Test.attached()
  local found = client()
  return found ~= nil and found.initialized and vim.lsp.buf_is_attached(0, found.id)
end

function Test.encoding()
  return client().offset_encoding
end

-- What `:LspCopilotSignIn` and `:LspCopilotSignOut` do with an answer is left to the test.
function Test.ask(method)
  client():request(method, vim.empty_dict(), function(err, result)
    Test.answers[method] = result or err
  end)
  return ""
end

function Test.run(method)
  client():exec_cmd(Test.answers[method].command, { bufnr = 0 }, function(err, result)
    Test.answers["command"] = result or err
  end)
  return ""
end

function Test.ghost()
  local namespace = vim.api.nvim_create_namespace("nvim.lsp.inline_completion")
  local text = ""
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
    for _, chunk in ipairs(mark[4].virt_text or {}) do
      text = text .. chunk[1]
    end
  end
  return text
end

local notify = vim.notify
vim.notify = function(message, level, ...)
  if level and level >= vim.log.levels.WARN then
    table.insert(Test.errors, message)
  end
  return notify(message, level, ...)
end
"""


@pytest.fixture(scope="session")
def neovim() -> str:
    """Neovim 0.12, unpacked beside the system."""
    done = subprocess.run(
        [sys.executable, str(FETCH)], check=False, timeout=300, capture_output=True, text=True
    )
    if done.returncode:
        reason = f"no Neovim 0.12: {done.stderr.strip()}"
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return done.stdout.strip()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="pp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Neovim:
    """An editor that is typed into and looked at through its own remote."""

    def __init__(self, binary: str, socket: Path, environment: dict[str, str]) -> None:
        self._binary, self._socket, self._environment = binary, socket, environment

    async def _remote(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            self._binary,
            "--clean",
            "--server",
            str(self._socket),
            *arguments,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()

    async def type(self, keys: str) -> None:
        await self._remote("--remote-send", keys)

    async def lua(self, expression: str) -> Any:
        """The value of an expression."""
        quoted = expression.replace("'", "''")
        return json.loads(await self._remote("--remote-expr", f"json_encode(luaeval('{quoted}'))"))

    async def until(self, expression: str) -> Any:
        """Wait until it is true; its value."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.lua(expression)):
                pass  # each look is a process of its own, which takes long enough
        return found

    async def lines(self) -> list[str]:
        return await self.lua("vim.api.nvim_buf_get_lines(0, 0, -1, true)")


@pytest.fixture
async def editor(neovim: str, client: Any, short_folder: Path) -> AsyncGenerator[Neovim]:
    """Neovim with an empty home, a Python file in front and the server at work."""
    init = client.home / "init.lua"
    init.write_text(INIT, "utf-8")
    file = client.workspace / "a.py"
    file.write_text("def add(a, b):\n", "utf-8")
    (client.workspace / ".git").mkdir()
    command = [sys.executable, "-P", "-m", "polypilot.cli", "--stdio"]
    environment = {**client.env, "TEST_COMMAND": json.dumps(command)}
    environment |= {f"XDG_{each}_HOME": str(client.home / each) for each in ("CONFIG", "STATE")}
    socket = short_folder / "s"
    process = await asyncio.create_subprocess_exec(
        neovim,
        *("--clean", "--headless", "-u", str(init), "--listen", str(socket), str(file)),
        env=environment,
        cwd=client.workspace,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    made = Neovim(neovim, socket, environment)
    try:
        async with asyncio.timeout(PATIENCE):
            while not socket.exists() and process.returncode is None:  # noqa: ASYNC110 - nobody tells of a file
                await asyncio.sleep(0.01)
        await made.until("Test.attached()")
        yield made
        await made.type("<C-\\><C-N>:qa!<CR>")
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_ghost_text_is_taken_and_the_user_signs_out_and_in(
    editor: Neovim, supplier: Any
) -> None:
    assert await editor.lua("Test.encoding()") == "utf-16"
    # Behind characters that are of different lengths in each encoding.
    await editor.type("Goé = '😀' + ")
    await editor.until("Test.ghost() ~= '' and Test.ghost()")
    assert await editor.lua("Test.ghost()") == "return a + b"
    await editor.type("<Tab>")
    await editor.until("vim.api.nvim_get_current_line():find('return', 1, true)")
    assert await editor.lines() == ["def add(a, b):", "    é = '😀' + return a + b"]
    assert len(supplier.completions) == 1

    async def asked(method: str) -> Any:
        await editor.lua(f"Test.ask('{method}')")
        return await editor.until(f"Test.answers['{method}']")

    assert await asked("signIn") == {"status": "AlreadySignedIn", "user": "Team (coder)"}
    assert await asked("signOut") == {"status": "NotSignedIn"}
    await editor.lua("(function() Test.answers.signIn = nil return 1 end)()")
    assert (await asked("signIn"))["status"] == "PromptUserDeviceFlow"
    # Neovim runs it only if the server has said that it knows the command.
    await editor.lua("Test.run('signIn')")
    finished = await editor.until("Test.answers['command']")
    assert finished == {"status": "OK", "user": "Team (coder)"}
    assert await editor.lua("Test.errors") == []
