from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.compare.answers import function_name, mended, message
from polypilot.compare.likeness import distance, is_exact, kept, similarity
from polypilot.compare.parsing import parses, still_parses
from polypilot.compare.sandbox import obstacle, run
from polypilot.compare.scores import mark
from polypilot.compare.values import Kind, Reply, Task, TestRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from polypilot.compare.scores import Runs, Verdict

# --- beside what stood there


def slow_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, char in enumerate(one, 1):
        before, row[0] = row[0], at
        for to, its in enumerate(other, 1):
            cost = min(row[to] + 1, row[to - 1] + 1, before + (char != its))
            before, row[to] = row[to], cost
    return row[-1]


@given(st.text("abc→\n", max_size=80), st.text("abc→\n", max_size=80))
def test_the_distance_is_levenshteins(one: str, other: str):
    assert distance(one, other) == slow_distance(one, other)


def test_similarity_is_a_share():
    assert similarity("", "") == 1.0
    assert similarity("abcd", "abxd") == 0.75
    assert similarity("a", "") == similarity("", "a") == 0.0
    assert similarity("x" * 4000, "y" * 4000) == 0.0


@pytest.mark.parametrize(
    ("text", "truth", "exact"),
    [
        ("a = 1", "a = 1", True),
        ("a = 1  \nb\n\n", "a = 1\nb", True),
        (" a = 1", "a = 1", False),
        ("a = 1\n\nb", "a = 1\nb", False),
    ],
)
def test_blanks_at_lines_ends_do_not_count(text: str, truth: str, exact: bool):  # noqa: FBT001  (a case)
    assert is_exact(text, truth) is exact


def test_kept_are_whole_tokens_in_their_order():
    assert kept("return first + other", "return first") == len("return first")
    assert kept("values", "value") == 0
    assert kept("b a", "a b") == 1


# --- parsing


DEEP = ["(" * 100_000, "-" * 100_000 + "1", "a" + ".b" * 100_000, "1" + "+1" * 100_000]


@pytest.mark.parametrize(
    ("text", "language", "valid"),
    [
        ("def f():\n    return 1\n", "python", True),
        ("def f(:\n", "python", False),
        ("return 1\n", "python", False),
        ("x = '\0'\n", "python", False),
        ("x = '\ud800'\n", "python", False),
        ("x = 1 is 1\n", "python", True),
        ('{"a": 1}', "json", True),
        ("{a: 1}", "json", False),
        ("[" * 100_000, "json", False),
        ("a = 1\n", "toml", True),
        ("a = \n", "toml", False),
        ("const a = 1;", "javascript", True),
        ("const = ;", "javascript", False),
        ("let a: number = 1;", "typescript", True),
        ("package a\nfunc f() int { return ) }", "go", False),
        ("package a\nfunc f() int { return 1 }", "go", True),
        ("IDENTIFICATION DIVISION.", "cobol", None),
        ("a" * 1_000_001, "python", None),
    ],
)
def test_a_file_is_valid_or_not_or_nobody_knows(text: str, language: str, valid: bool | None):  # noqa: FBT001  (a case)
    assert parses(text, language) is valid


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_what_is_too_deep_ends_nothing(text: str):
    assert parses(text, "python") in {True, False}


def test_a_file_that_never_was_valid_tells_nothing():
    assert still_parses("def f(:", "def f():\n    pass", "python") is None
    assert still_parses("a = 1", "a = (", "python") is False
    assert still_parses("a = 1", "a = 2", "python") is True
    assert still_parses("a", "b", "cobol") is None


# --- what chat answers propose


TRUTH = "    def twice(self, value):\n        return 2 * value\n"


@pytest.mark.parametrize(
    "answer",
    [
        "So:\n\n```python\n    def twice(self, value):\n        return value + value\n```\n",
        "```python\ndef twice(self, value):\n    return value + value\n```",
        """```py
import a

class A:
    def other(self):
        pass

    def twice(self, value):
        return value + value
```""",
        """```python
def once(value):
    pass
```
and
```python
def twice(self, value):
    return value + value
```""",
    ],
)
def test_the_function_is_taken_from_the_first_block_that_defines_it(answer: str):
    wanted = "    def twice(self, value):\n        return value + value\n"
    assert mended(answer, TRUTH, "python") == wanted


@pytest.mark.parametrize(
    "answer",
    [
        "It is fine.",
        "```python\ndef other():\n    pass\n```",
        "```python\ndef twice(self):\n    pass",
    ],
)
def test_an_answer_without_the_function_gives_none(answer: str):
    assert mended(answer, TRUTH, "python") is None


def test_decorators_come_with_the_function_and_broken_code_is_taken_as_it_is():
    answer = "```python\n@cache\ndef twice(value):\n    return 2\n```"
    assert mended(answer, "@cache\ndef twice(value):\n    return 1\n", "python") == (
        "@cache\ndef twice(value):\n    return 2\n"
    )
    broken = "```python\ndef twice(value):\n    return (\n```"
    assert mended(broken, "def twice(v):\n    pass", "python") == "def twice(value):\n    return ("


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("async def one():", "one"),
        ("func (s *Server) Two() {", "Two"),
        ("export function three() {", "three"),
        ("pub fn four() {", "four"),
        ("x = 1", ""),
    ],
)
def test_a_functions_name(source: str, name: str):
    assert function_name(source) == name


def test_a_function_of_another_language_is_a_whole_block():
    answer = "```javascript\nfunction two() {\n  return 2;\n}\n```"
    assert mended(answer, "  function two() {\n  }\n", "javascript") == (
        "  function two() {\n    return 2;\n  }\n"
    )


def test_a_fence_round_a_message_is_none_of_it():
    assert message("```text\nAdd a thing\n\nBecause.\n```\n") == "Add a thing\n\nBecause."
    assert message(" Add a thing ") == "Add a thing"


# --- marks

HEAD = "def clamp(value, low, high):\n"
BODY = "    if value < low:\n        return low\n    return min(value, high)\n"
CHECK = (
    "from code_under_test import clamp\n"
    "assert clamp(1, 2, 3) == 2\nassert clamp(9, 2, 3) == 3\nassert clamp(2.5, 2, 3) == 2.5\n"
)
CHECKED = TestRun(("{python}", "check.py"), files=(("check.py", CHECK),), seconds=20)


@dataclass
class Room:
    """A tree whose runs are counted."""

    tree: Path
    count: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def runs(self) -> Runs:
        real = partial(run, tree=self.tree)

        async def counted(test: TestRun, /, *, overlay: Mapping[str, str]) -> Verdict:
            self.count.append(dict(overlay))
            return await real(test, overlay=overlay)

        return counted


@pytest.fixture
async def room(tmp_path: Path) -> Room:
    if await obstacle():
        pytest.skip("tests can't be run here, see test_sandbox.py")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "code_under_test.py").write_text(f"\n\n{HEAD}{BODY}", "utf-8")
    return Room(tree)


def task(kind: Kind, truth: str = BODY, tests: TestRun | None = None) -> Task:
    path, prefix = "code_under_test.py", f"\n\n{HEAD}{BODY}".removesuffix(truth)
    return Task("id-1", kind, "python", path, "g", prefix, "", truth, tests=tests)


def reply(text: str, error: str = "") -> Reply:
    return Reply("id-1", "a/b", 0.0, text=text, error=error)


async def test_a_completion_beside_the_truth(room: Room):
    marks = await mark(task(Kind.BLOCK), reply(BODY.replace("low\n", "high\n")), room.runs)
    assert (marks.task, marks.target, marks.shown) == ("id-1", "a/b", True)
    assert (marks.exact, marks.parses, marks.passed) == (False, True, None)
    assert 0.9 < (marks.similar or 0) < 1
    assert (marks.kept, marks.wrong) == (len(BODY.rstrip()) - len("low"), len("high"))
    assert room.count == []


@pytest.mark.parametrize("kind", [Kind.TESTED, Kind.HUMANEVAL, Kind.INFILL])
async def test_tests_judge_a_completion(room: Room, kind: Kind):
    given = task(kind, tests=CHECKED)
    right = await mark(given, reply("    return max(low, min(value, high))\n"), room.runs)
    assert (right.exact, right.passed, right.note) == (False, True, "")
    wrong = await mark(given, reply("    return value\n"), room.runs)
    assert (wrong.parses, wrong.passed, wrong.note) == (True, False, "exit status 1")
    broken = await mark(given, reply("    return (\n"), room.runs)
    assert (broken.parses, broken.passed) == (False, False)


async def test_an_empty_answer_is_wrong_and_runs_nothing(room: Room):
    marks = await mark(task(Kind.TESTED, tests=CHECKED), reply("  \n"), room.runs)
    assert (marks.shown, marks.exact, marks.similar, marks.passed) == (False, False, 0.0, False)
    assert (marks.kept, marks.wrong, room.count) == (0, 0, [])


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_failure_of_the_supplier_has_no_marks(room: Room, kind: Kind):
    marks = await mark(task(kind, tests=CHECKED), reply("half", error="rate_limited"), room.runs)
    assert (marks.shown, marks.exact, marks.similar, marks.passed) == (False, None, None, None)
    assert (marks.note, room.count) == ("no answer: rate_limited", [])


async def test_a_function_that_was_mended(room: Room):
    given = task(Kind.FIX, HEAD + BODY, CHECKED)
    answer = f"The fault is the sign.\n\n```python\n{HEAD}{BODY}```\nThat is all."
    marks = await mark(given, reply(answer), room.runs)
    assert (marks.exact, marks.similar, marks.passed, marks.kept) == (True, 1.0, True, None)
    assert room.count == [{"code_under_test.py": f"\n\n{HEAD}{BODY}"}]
    wrong = await mark(given, reply(f"```python\n{HEAD}    return 1\n```"), room.runs)
    assert (wrong.exact, wrong.passed) == (False, False)
    none = await mark(given, reply("Look at the sign."), room.runs)
    assert (none.shown, none.passed, none.note) == (True, False, "no code block has the function")


WRITTEN = TestRun(("{python}", "check_answer.py"), seconds=20)


@pytest.mark.parametrize("truth", [BODY, HEAD + BODY])
async def test_a_test_that_notices_faults(room: Room, truth: str):
    given = task(Kind.WRITE_TEST, truth, WRITTEN)
    marks = await mark(given, reply(f"```python\n{CHECK}```"), room.runs)
    assert marks.passed is True
    assert marks.parses is True
    assert (marks.similar or 0) >= 0.6
    assert "faults" in marks.note
    assert all(set(each) <= {"check_answer.py", "code_under_test.py"} for each in room.count)
    faults = [each["code_under_test.py"] for each in room.count[1:]]
    assert len(set(faults)) == len(faults) >= 3
    assert all(text.startswith(f"\n\n{HEAD}") for text in faults)


async def test_a_test_that_notices_nothing_has_not_passed(room: Room):
    given = task(Kind.WRITE_TEST, BODY, WRITTEN)
    marks = await mark(given, reply("```python\nimport code_under_test\n```"), room.runs)
    assert (marks.passed, marks.similar) == (False, 0.0)


@pytest.mark.parametrize("code", ["assert False", "def ("])
async def test_a_test_that_fails_on_the_real_code(room: Room, code: str):
    given = task(Kind.WRITE_TEST, BODY, WRITTEN)
    marks = await mark(given, reply(f"```python\n{code}\n```"), room.runs)
    assert (marks.passed, marks.similar, len(room.count)) == (False, 0.0, 1)


async def test_explanations_have_no_verdict(room: Room):
    given = task(Kind.EXPLAIN)
    named = await mark(given, reply("`clamp` keeps a value within limits."), room.runs)
    assert (named.shown, named.passed, named.note) == (True, None, "names the function")
    other = await mark(given, reply("It keeps a value."), room.runs)
    assert other.note == "does not name the function"


async def test_a_message_beside_the_real_one(room: Room):
    diff = "--- a/code.py\n+++ b/code.py\n@@\n--- a/x/other.py\n+++ b/x/other.py\n"
    given = replace(
        task(Kind.COMMIT, "Keep values within limits"), attached=(("changes.diff", diff),)
    )
    marks = await mark(given, reply("Keep code within limits"), room.runs)
    assert (marks.exact, marks.passed, marks.parses) == (False, None, None)
    assert 0.7 < (marks.similar or 0) < 1
    assert marks.note == "names 1 of 2 changed files"
