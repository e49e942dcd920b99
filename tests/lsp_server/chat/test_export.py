from __future__ import annotations

from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from inline_snapshot import snapshot

from polypilot.chat import events
from polypilot.chat.export import exported, fence_for
from polypilot.chat.values import Conversation, PlanEntry, SessionInfo, ShownMessage
from polypilot_providers.types import Cost, Usage


def info(**given: object) -> SessionInfo:
    values: dict[str, object] = {
        "session_id": "s1",
        "title": "Closing sockets",
        "provider": "anthropic",
        "model": "claude-1",
        "messages": 2,
        "created": 1_700_000_000.0,
        "updated": 1_700_003_600.0,
    }
    return SessionInfo(**(values | given))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (by name)


def answer(*made: events.ChatEvent, text: str = "", reason: str = "end") -> ShownMessage:
    return ShownMessage(
        "m2", "assistant", text, 1.0, made, (), "anthropic", "claude-1", stop_reason=reason
    )


def written(*messages: ShownMessage, **given: object) -> str:
    """Without the conversation's own lines."""
    whole = exported(Conversation(info(**given), messages))
    return whole[whole.index("## ") :]


def test_a_conversation_becomes_a_document() -> None:
    question = ShownMessage(
        "m1",
        "user",
        "Why is `close` slow?\n\nSee #file:a.py",
        1.0,
        context=(
            events.ContextItem("file:///a.py", 1_200, redacted=2, name="a.py"),
            events.ContextItem("file:///b.py", refused="private *"),
        ),
    )
    first = answer(
        events.Thought("The socket\n"),
        events.Thought("lingers."),
        events.Text("I look "),
        events.Text("at it."),
        events.ToolCall("c1", "read_file", '{"path": "a.py"}', "Read src/a_b.py"),
        events.ToolUpdate("c1", "in_progress"),
        events.ToolUpdate("c1", "completed", "whole text of the file"),
        events.Usage(Usage(1_000, 20), cost=Cost(Decimal("0.003"), "prices")),
        events.Text("It waits:\n\n```python\nsock.close()\n```\n"),
        events.Usage(Usage(1_500, 40), cost=Cost(Decimal("0.00451"), "prices")),
    )
    whole = exported(
        Conversation(
            info(root="/home/me/project"), (question, first), session_cost=Decimal("0.00751")
        ),
        timezone(timedelta(hours=1), "CET"),
    )
    assert whole == snapshot("""\
# Closing sockets

- Begun: 2023-11-14 23:13 CET
- Last changed: 2023-11-15 00:13 CET
- About: `/home/me/project`
- Model: anthropic claude-1
- Cost: $0.00751

## You

> Attached: `a.py` (about 1,200 tokens, 2 secrets hidden), `file:///b.py` (not sent: private \\*)

Why is `close` slow?

See #file:a.py

## anthropic claude-1

> *Thoughts*
>
> The socket
> lingers.

I look at it.

- Tool `read_file`: Read src/a\\_b.py (completed)

It waits:

```python
sock.close()
```

*2,500 tokens in, 60 tokens out, $0.00751*
""")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("cancelled", "> Stopped."),
        ("", "> Not finished."),
        ("length", "> Cut off: the answer reached the model's limit of length."),
        ("budget", "> Stopped: the budget was used up."),
    ],
)
def test_a_cut_answer_says_so(reason: str, told: str) -> None:
    assert written(answer(events.Text("Half"), reason=reason)) == (
        f"## anthropic claude-1\n\nHalf\n\n{told}\n"
    )


@pytest.mark.parametrize("reason", ["end", "stop_sequence"])
def test_a_whole_one_does_not(reason: str) -> None:
    assert written(answer(events.Text("All"), reason=reason)) == "## anthropic claude-1\n\nAll\n"


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```python\nx = 1", "```python\nx = 1\n```"),
        ("````md\n```\nx\n```\n", "````md\n```\nx\n```\n````"),
        ("~~~\n```\n", "~~~\n```\n~~~"),
        ("```\nx\n```\ny", "```\nx\n```\ny"),
        ("```\nx\n``` python", "```\nx\n``` python\n```"),
        ("```x``` is code in a line", "```x``` is code in a line"),
        ("   ```\nx", "   ```\nx\n```"),
        ("    ```\nindented", "    ```\nindented"),
    ],
)
def test_an_open_code_block_is_closed(text: str, closed: str) -> None:
    assert written(answer(events.Text(text))) == f"## anthropic claude-1\n\n{closed}\n"


def test_nothing_in_a_title_or_a_name_is_markdown() -> None:
    whole = exported(
        Conversation(info(title="# <b>Hi</b>\n[x](y) `z`", model="gpt_4*", root="/a`b"), ())
    )
    assert whole.splitlines()[0] == r"# \# \<b\>Hi\</b\> \[x\](y) \`z\`"
    assert "- Model: anthropic gpt\\_4\\*\n" in whole
    assert "- About: `` /a`b ``\n" in whole
    assert exported(Conversation(info(title=" "), ())).startswith("# Untitled conversation\n")


def test_a_diff_stays_in_its_fence() -> None:
    diff = "+```python\n+````\n-x\n"
    fence = fence_for(diff)
    assert fence == "`````"
    assert written(answer(events.Proposal("p1", "/a.md", diff))) == (
        f"## anthropic claude-1\n\nProposed edit of `/a.md`:\n\n{fence}diff\n{diff}{fence}\n"
    )
    assert fence_for("no ticks") == "```"


def test_the_rest_of_what_an_answer_is_made_of() -> None:
    assert written(
        answer(
            events.Plan((PlanEntry("old"),)),
            events.ToolCall("c1", "search", "{}"),
            events.ToolUpdate("c1", "failed", "no"),
            events.ToolCall("c2", "ask", "{}"),
            events.Plan((PlanEntry("read", "completed"), PlanEntry("write"))),
            events.Proposal("", "/x", "", refused="it is a settings file"),
            events.Notice("openai takes its place"),
            events.Citation("https://a.example/x", "A page", ""),
            events.Citation("https://b.example", "", ""),
            events.Refusal("I can't do that."),
            events.Error("overloaded", "the supplier is overloaded"),
            events.Usage(Usage(None, 5)),
            reason="error",
        )
    ) == snapshot("""\
## anthropic claude-1

- Tool `search`: search (failed)

- Tool `ask`: ask (pending)

Plan:

- [x] read
- [ ] write

> Edit of `/x` refused: it is a settings file

> openai takes its place

I can't do that.

> Error: the supplier is overloaded

Sources:

- A page: `https://a.example/x`
- `https://b.example`

> Cut off by an error.

*5 tokens out*
""")


def test_a_text_without_events_is_there_too() -> None:
    summary = ShownMessage("m0", "summary", "We talked about herons.", 1.0)
    assert written(summary, answer(events.Usage(Usage()), text="Yes")) == (
        "## Summary of what came before\n\nWe talked about herons.\n\n"
        "## anthropic claude-1\n\nYes\n"
    )


@pytest.mark.parametrize(
    ("cost", "told"),
    [("0", "$0.00"), ("1.5", "$1.50"), ("0.0001234", "$0.000123"), ("1E-9", "under $0.000001")],
)
def test_money_is_written_as_money(cost: str, told: str) -> None:
    spent = events.Usage(Usage(), cost=Cost(Decimal(cost), "supplier"))
    assert written(answer(spent)) == f"## anthropic claude-1\n\n*{told}*\n"


def test_thoughts_with_an_open_code_block_end_with_their_quote() -> None:
    assert written(answer(events.Thought("```\nx"), events.Text("y"))) == (
        "## anthropic claude-1\n\n> *Thoughts*\n>\n> ```\n> x\n> ```\n\ny\n"
    )
