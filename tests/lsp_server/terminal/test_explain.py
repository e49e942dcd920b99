"""``polypilot complete --explain`` shows what is sent, by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polypilot_providers.testing import ScriptedServer


async def test_the_parts_and_then_their_text(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["completion"]("sum(items)"))
    code = "def total(items):\n    return \n\n\nprint(total([1]))\n"
    (cli.folder / "app.py").write_text(code, "utf-8")
    done = await cli.run("complete", "app.py:2:12", "--explain")
    assert (done.status, done.out) == (0, "sum(items)\n")
    assert done.err == (
        "team coder, openai-completions: 17 of 8,000 tokens (estimated)\n"
        "  suffix       7    0.1%\n"
        "  prefix      10    0.1%\n"
        "--- suffix\n\n\n\nprint(total([1]))\n"
        "--- prefix\ndef total(items):\n    return\n"
        "---\n"
        "team · coder · no cost\n"
    )


async def test_nothing_in_a_file_moves_the_cursor(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["completion"]("1"))
    (cli.folder / "app.py").write_text("y = '\x1b[2J\x07\u202e'\nx = \n", "utf-8")
    done = await cli.run("complete", "app.py:2:5", "--explain")
    assert "y = ''\n" in done.err
    assert not {"\x1b", "\x07", "\u202e"} & set(done.err)


async def test_as_json_the_prompt_is_the_first_event(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(answers["completion"]("sum(items)"))
    (cli.folder / "app.py").write_text("def total(items):\n    return \n", "utf-8")
    done = await cli.run("complete", "app.py:2:12", "--explain", "--json")
    prompt, *rest = done.events
    assert prompt == {
        "type": "prompt",
        "provider": "team",
        "model": "coder",
        "mode": "openai-completions",
        "parts": [
            {"name": "suffix", "text": "\n", "tokens": 1},
            {"name": "prefix", "text": "def total(items):\n    return", "tokens": 10},
        ],
        "tokens": 11,
        "budget": 8000,
    }
    assert [event["type"] for event in rest] == ["text", "usage", "stop"]


async def test_without_it_nothing_is_shown(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["completion"]("1"))
    (cli.folder / "app.py").write_text("x = \n", "utf-8")
    done = await cli.run("complete", "app.py:1:5")
    assert done.err == ""


async def test_a_bad_template_is_a_note(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["completion"]("1"))
    (cli.config.parent / "prompts").mkdir()
    (cli.config.parent / "prompts" / "completion.md").write_text("$nobody", "utf-8")
    (cli.folder / "app.py").write_text("x = \n", "utf-8")
    done = await cli.run("complete", "app.py:1:5")
    assert done.out == "1\n"
    assert "completion.md: holds an unknown $nobody." in done.err


async def test_a_fallback_with_nothing_to_say_is_named(
    cli: Any, server: ScriptedServer, other: ScriptedServer, answers: Any
):
    for _ in range(2):
        server.play(answers["reply"](503, {"error": "out"}))
        other.play(answers["completion"](""))
    text = cli.config.read_text("utf-8")
    fallback = 'model = "coder"\nfallback = ["spare/second"]'
    row = f"""[providers.spare]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{other.url}/v1"
auth = "none"
"""
    cli.config.write_text(text.replace('model = "coder"', fallback) + row, "utf-8")
    (cli.folder / "app.py").write_text("x = \n", "utf-8")
    as_json = await cli.run("complete", "app.py:1:5", "--json")
    (stop,) = [event for event in as_json.events if event["type"] == "stop"]
    assert (stop["provider"], stop["model"]) == ("spare", "second")
    explained = await cli.run("complete", "app.py:1:5", "--explain")
    assert explained.out == ""
    assert "team coder, openai-completions" in explained.err  # whose prompt it was
    assert "spare · second · " in explained.err.splitlines()[-1]
