"""What the tests of comparisons share: tasks, and suppliers that know some of the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.compare.values import Kind, Task
from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from polypilot_providers.testing import Request, Step

ROW = """
[providers.{name}]
wire = "openai-chat"
completion = "{mode}"
base_url = "{url}/v1"
auth = "none"
{more}
"""


def configure(mode: str = "openai-completions", more: str = "", **rows: str) -> None:
    """Write config.toml: a row for each name and address; ``more`` lines for each row."""
    file = paths.config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    made = [ROW.format(name=name, url=url, more=more, mode=mode) for name, url in rows.items()]
    file.write_text("\n".join(made), "utf-8")


def line_task(number: int, *, path: str = "pkg/a.py") -> Task:
    """A line of a small module, whose answer nobody could guess."""
    prefix = f'"""Module."""\n\n\ndef make_{number}(value):\n    marker_{number} = '
    truth = f"value + {number * 7919 % 1000}"
    suffix = f"\n    return marker_{number}\n"
    return Task(f"line-{number}", Kind.LINE, "python", path, path, prefix, suffix, truth)


def chat_task(number: int) -> Task:
    """A question about a function."""
    return Task(
        f"chat-{number}", Kind.EXPLAIN, "python", "pkg/a.py", "pkg/a.py",
        question=f"What does make_{number} do?",
        attached=(("pkg/a.py", f"def make_{number}(value):\n    return value\n"),),
    )  # fmt: skip


def write_tree(tree: Path, tasks: Iterable[Task]) -> Path:
    """The work tree that tasks are from."""
    for task in tasks:
        file = tree / task.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(task.prefix + task.truth + task.suffix, "utf-8")
    return tree


def completing(text: str, **usage: object) -> list[Step]:
    """A completion with its counts, as an OpenAI-compatible server sends it."""
    counts = {"prompt_tokens": 70, "completion_tokens": 9, **usage}
    events: list[dict[str, object]] = [
        {"id": "c", "choices": [{"text": text}]},
        {"id": "c", "choices": [{"text": "", "finish_reason": "stop"}]},
        {"id": "c", "choices": [], "usage": counts},
    ]
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    return list(stream(*lines, b"data: [DONE]\n\n"))


def saying(text: str, **usage: object) -> list[Step]:
    """A chat answer with its counts."""
    counts = {"prompt_tokens": 70, "completion_tokens": 9, **usage}
    events: list[dict[str, object]] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "c", "choices": [], "usage": counts},
    ]
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    return list(stream(*lines, b"data: [DONE]\n\n"))


def always(steps: Iterable[Step]) -> Callable[[int, Task], list[Step]]:
    """The same answer to everything."""
    given = list(steps)

    def fate(_number: int, _task: Task) -> list[Step]:
        return given

    return fate


class Oracle(ScriptedServer):
    """A supplier that knows what stood in each hole, and answers as ``fate`` has it.

    Args:
        tasks: what it knows.
        fate: from the number of a request and its task to what is sent; None: the truth.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        fate: Callable[[int, Task], list[Step] | None] | None = None,
    ) -> None:
        super().__init__(reply(500, {"error": "unused"}))
        self._known = tasks
        self._fate = fate
        self.asked: list[str] = []
        """Ids of the tasks, in the order asked."""

    def next_script(self, request: Request) -> list[Step]:
        """Answer a request."""
        super().next_script(request)
        task = self._task_of(json.dumps(request.json))
        self.asked.append(task.id)
        given = self._fate(len(self.asked) - 1, task) if self._fate else None
        if given is not None:
            return given
        if task.kind.purpose == "chat":
            return saying(f"It makes {task.id}.\nSo it does.")
        return completing(task.truth)

    def _task_of(self, body: str) -> Task:
        for task in self._known:
            sign = task.prefix.rpartition("    ")[2].strip() or task.question
            if len(self._known) == 1 or (sign and sign in body):
                return task
        raise AssertionError("a question that is none of the tasks")
