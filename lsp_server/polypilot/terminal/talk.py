"""The conversation at a terminal: lines that are questions, and commands for the talk itself."""

from __future__ import annotations

import contextlib
import importlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.terminal.edits import offer
from polypilot.terminal.program import OK

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.chat.values import Question, SessionInfo
    from polypilot.terminal.answer import Answer
    from polypilot.terminal.program import Program, Session

_HELP = """\
/provider ID [MODEL], /model MODEL   who answers from now on
/mode plain|ask|edit, /effort LEVEL  what it may use, how much it reasons
/again                               the last answer once more
/sent QUESTION                       what QUESTION would send, without sending it
/edits                               the edits that the last answer proposes
/new, /list [WORDS], /open NUMBER    conversations
/quit                                or Ctrl-D; Ctrl-C stops an answer; \\ at a line's end goes on
Other commands go to the model, such as /explain; #file:PATH and others attach."""


class Talk:
    """Asks, answers, asks again. A failed or stopped answer does not end the conversation.

    Args:
        program, session: of this run.
        answer: shows answers, and knows the conversation.
        first: what the command line says of the first question; its text is not used.
    """

    def __init__(self, program: Program, session: Session, answer: Answer, first: Question) -> None:
        self._program = program
        self._session = session
        self._answer = answer
        self._next = replace(first, text="")
        self._listed: list[SessionInfo] = []
        self._commands: dict[str, Callable[[str], None]] = {
            "/provider": self._provider,
            "/model": self._model,
            "/mode": self._mode,
            "/effort": self._effort,
            "/again": self._again,
            "/sent": self._sent,
            "/edits": self._edits,
            "/new": self._new,
            "/list": self._list,
            "/open": self._open,
            "/help": self._help,
        }

    def run(self) -> int:
        """Until the user has had enough."""
        self._program.output.note(
            "/help lists commands; /quit or Ctrl-D ends; Ctrl-C stops an answer; "
            "\\ at a line's end goes on."
        )
        with contextlib.suppress(ImportError):
            importlib.import_module("readline")  # gives input() line editing and history
        while True:
            line = _ask()
            if line is None or line.strip() in {"/quit", "/exit"}:
                return OK
            if line.strip():
                self._take(line)

    def _take(self, line: str) -> None:
        name, _, rest = line.strip().partition(" ")
        command = self._commands.get(name)
        try:
            if command is not None:
                command(rest.strip())
            else:
                self._ask_model(replace(self._next, text=line))
        except KeyboardInterrupt:
            self._program.output.note("Stopped.")
        except Exception as error:  # noqa: BLE001 - shown with its cure; the talk goes on
            self._program.failed(error)

    def _ask_model(self, question: Question) -> None:
        self._session.run(self._answer.to(question))
        # What was chosen holds in the conversation now, and files go along once.
        self._next = replace(
            self._next,
            attachments=(),
            provider=None,
            model=None,
            effort=None,
            mode=None,
        )

    # -- commands ------------------------------------------------------------------------

    def _provider(self, rest: str) -> None:
        provider, _, model = rest.partition(" ")
        if not provider:
            self._say("Which one? `polypilot providers` lists them.")
            return
        self._session.backend.row(provider)  # raises for one that is not there
        self._next = replace(self._next, provider=provider, model=model.strip() or None)
        self._say(f"{provider} answers from now on.")

    def _model(self, rest: str) -> None:
        if not rest:
            self._say("Which one? `polypilot models` lists them.")
            return
        self._next = replace(self._next, model=rest)
        self._say(f"{rest} answers from now on.")

    def _mode(self, rest: str) -> None:
        match rest:
            case "plain" | "ask" | "edit":
                self._next = replace(self._next, mode=rest)
                self._say(f"Mode {rest} from now on.")
            case _:
                self._say("plain, ask or edit?")

    def _effort(self, rest: str) -> None:
        match rest:
            case "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max" | "default":
                self._next = replace(self._next, effort=rest)
                self._say(f"Effort {rest} from now on.")
            case _:
                self._say("none, minimal, low, medium, high, xhigh, max or default?")

    def _again(self, _rest: str) -> None:
        if self._answer.message_id is None:
            self._say("There is no answer yet.")
            return
        self._ask_model(replace(self._next, text="", replaces=self._answer.message_id))

    def _sent(self, rest: str) -> None:
        question = replace(self._next, text=rest, session_id=self._answer.session_id)
        seen = self._session.run(self._session.backend.chat.preview(question))
        rows = [
            (each.name, "not sent: " + each.refused if each.refused else str(each.tokens))
            for each in seen.parts
        ]
        self._program.output.table(("part", "tokens"), rows)
        room = f" of {seen.window}" if seen.window else ""
        self._say(f"{seen.provider} {seen.model}: about {seen.tokens} tokens{room}.")

    def _edits(self, _rest: str) -> None:
        offer(self._program, self._session, self._answer.proposals)

    def _new(self, _rest: str) -> None:
        self._answer.session_id = self._answer.message_id = None
        self._say("A new conversation.")

    def _list(self, rest: str) -> None:
        chat = self._session.backend.chat
        self._listed = self._session.run(chat.sessions(rest, limit=20))
        rows = [
            (str(number), each.title, each.provider, str(each.messages))
            for number, each in enumerate(self._listed, 1)
        ]
        self._program.output.table(("", "title", "provider", "messages"), rows)

    def _open(self, rest: str) -> None:
        if not (rest.isdecimal() and 1 <= int(rest) <= len(self._listed)):
            self._say("/list shows the numbers.")
            return
        wanted = self._listed[int(rest) - 1].session_id
        shown = self._session.run(self._session.backend.chat.load(wanted))
        for message in shown.messages[-4:]:
            who = "you" if message.role == "user" else message.provider or message.role
            self._program.output.print(f"{who}:", "bold")
            self._program.output.print(message.text)
        self._answer.session_id = wanted
        self._answer.message_id = next(
            (each.id for each in reversed(shown.messages) if each.role == "assistant"), None
        )

    def _help(self, _rest: str) -> None:
        self._say(_HELP)
        listed = self._session.run(self._session.backend.chat.commands())
        self._say("\n".join(f"/{each.name} {each.hint}: {each.description}" for each in listed))

    def _say(self, text: str) -> None:
        self._program.output.note(text)


def _ask() -> str | None:
    """The next question, or None when the user has had enough."""
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        try:
            lines.append(input("... " if lines else "> "))
        except EOFError:
            print(file=sys.stderr)  # noqa: T201 - the shell's prompt belongs on a new line
            return None
        except KeyboardInterrupt:
            # At the prompt Ctrl-C drops what was typed, as in a shell.
            print(file=sys.stderr)  # noqa: T201 - likewise
            return ""
    return "\n".join(line.removesuffix("\\") for line in lines)
