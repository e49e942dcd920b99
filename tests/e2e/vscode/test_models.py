"""The user's models, asked by another extension through VS Code's `lm`, as its chat does."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from vscode_desk import until
from vscode_supplier import Supplier, answer

from polypilot_providers.testing import stream

if TYPE_CHECKING:
    from pathlib import Path

    from vscode_desk import Desk

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(480)]

MANIFEST: dict[str, Any] = {
    "name": "asker",
    "publisher": "tests",
    "version": "1.0.0",
    "engines": {"vscode": "^1.104.0"},
    "main": "./main.js",
    "activationEvents": [],
    "contributes": {"commands": [{"command": "asker.ask", "title": "Asker: Ask"}]},
}
MAIN = """
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");

async function ask() {
  const [model] = await vscode.lm.selectChatModels({ vendor: "polypilot" });
  const tools = [{ name: "weather", description: "Tells the weather",
    inputSchema: { type: "object", properties: { place: { type: "string" } } } }];
  const tokens = await model.countTokens("some words to count");
  const said = { model: model.id, tokens, parts: [] };
  const messages = [vscode.LanguageModelChatMessage.User("What is the weather in Bern?")];
  for (let turn = 0; turn < 2; turn += 1) {
    const response = await model.sendRequest(messages, { tools, justification: "to ask" });
    const calls = [];
    for await (const part of response.stream) {
      if (part instanceof vscode.LanguageModelToolCallPart) {
        calls.push(part);
        said.parts.push({ call: part.name, input: part.input });
      } else if (part instanceof vscode.LanguageModelTextPart) said.parts.push(part.value);
    }
    if (calls.length === 0) break;
    messages.push(vscode.LanguageModelChatMessage.Assistant(calls));
    const sunny = [new vscode.LanguageModelTextPart("sunny")];
    messages.push(vscode.LanguageModelChatMessage.User(calls.map((call) =>
      new vscode.LanguageModelToolResultPart(call.callId, sunny))));
  }
  return said;
}

exports.activate = (context) => {
  context.subscriptions.push(vscode.commands.registerCommand("asker.ask", async () => {
    const file = path.join(vscode.workspace.workspaceFolders[0].uri.fsPath, "said.json");
    let said;
    try { said = await ask(); } catch (error) { said = { error: String(error) }; }
    fs.writeFileSync(`${file}.new`, JSON.stringify(said));
    fs.renameSync(`${file}.new`, file);
  }));
};
"""
VSIXMANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" Id="asker" Version="1.0.0" Publisher="tests"/>
<DisplayName>asker</DisplayName></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
<Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json"/></Assets>
</PackageManifest>"""
TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension=".json" ContentType="application/json"/>
<Default Extension=".js" ContentType="application/javascript"/>
<Default Extension=".vsixmanifest" ContentType="text/xml"/></Types>"""


def asker(folder: Path) -> Path:
    """The other extension, to be installed."""
    target = folder / "asker.vsix"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("extension.vsixmanifest", VSIXMANIFEST)
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("extension/package.json", json.dumps(MANIFEST))
        archive.writestr("extension/main.js", MAIN)
    return target


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def calls_weather() -> list[Any]:
    """An answer that calls the tool, its arguments in two pieces."""
    function = {"name": "weather", "arguments": '{"pla'}
    first = {"index": 0, "id": "call_1", "type": "function", "function": function}
    rest = {"index": 0, "function": {"arguments": 'ce": "Bern"}'}}
    deltas = [{"content": "Let me look. "}, {"tool_calls": [first]}, {"tool_calls": [rest]}]
    events = [_event({"id": "c", "choices": [{"index": 0, "delta": each}]}) for each in deltas]
    end = _event({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    return stream(*events, end, b"data: [DONE]\n\n")


async def test_another_extension_asks_the_users_model_and_gives_it_a_tool(
    user: Desk, supplier: Supplier, tmp_path: Path
) -> None:
    supplier.play(calls_weather(), answer("It is ", "sunny."))
    user.configure(supplier.config(auth="none"))
    user.write("code.py", "x = 1\n")
    await user.install(asker(tmp_path))
    window = await user.begin()
    await window.open_file("code.py")
    await window.command("Asker: Ask")
    file = user.workspace / "said.json"
    await until(file.exists, "the other extension was answered", lambda: "")
    await window.shot("answered")
    said = json.loads(file.read_text("utf-8"))
    assert "error" not in said, said["error"]
    assert said["model"] == "team/wise"
    assert said["tokens"] > 0
    text = "".join(each for each in said["parts"] if isinstance(each, str))
    calls = [each for each in said["parts"] if not isinstance(each, str)]
    assert text == "Let me look. It is sunny."
    assert calls == [{"call": "weather", "input": {"place": "Bern"}}]
    first, second = (json.loads(each.body) for each in supplier.chats)
    assert first["tools"][0]["function"]["name"] == "weather"
    assert [each["role"] for each in second["messages"]][-3:] == ["user", "assistant", "tool"]
    assert second["messages"][-1]["content"] == "sunny"
