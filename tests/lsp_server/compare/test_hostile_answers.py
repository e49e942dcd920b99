"""Answers that end, deceive or attack what judges them, and what they gain: nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import textwrap
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from polypilot.compare import evidence
from polypilot.compare.sandbox import kept_by, run
from polypilot.compare.scores import mark
from polypilot.compare.standard import Problem
from polypilot.compare.test_files import pytest_run
from polypilot.compare.tested import Judge
from polypilot.compare.values import Kind, Marks, Reply, Task, TestRun

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")

HEAD = "import os\n\n\ndef double(value):\n"
BODY = "    return value * 2\n"
TESTS = """import pytest

from code_under_test import double


def test_one():
    assert double(1) == 2


@pytest.mark.parametrize("value", [2, 3, object])
def test_more(value):
    assert value is object or double(value) == value + value
"""
SUITE = """import unittest

from code_under_test import double


class Doubling(unittest.TestCase):
    def test_one(self):
        self.assertEqual(double(1), 2)


unittest.main()
"""
SHELL = """{python} -c '
from code_under_test import double
assert double(1) == 2
print("7 passed in 0.1 s")'"""

PLAIN = pytest_run(("test_code.py",))
WAYS = {
    # Plugins that happen to be installed take most of the time of so small a run.
    "pytest": replace(PLAIN, command=(*PLAIN.command, "--disable-plugin-autoload")),
    "unittest": TestRun(("{python}", "-m", "unittest", "suite")),
    "unittest script": TestRun(("{python}", "suite.py")),
    "script": TestRun(("{python}", "check.py")),
    "code": TestRun(("{python}", "-c", "from code_under_test import *; assert double(1) == 2")),
    "other": TestRun(("sh", "-c", SHELL)),
}

ENDINGS = {
    "_exit": "os._exit(0)",
    "exit": "import sys; sys.exit(0)",
    "SystemExit": "raise SystemExit",
    "exec": "os.execv('/bin/true', ['true'])",
    "kill": "os.kill(os.getpid(), 9)",
    "kill the group": "os.killpg(0, 15)",
    "half": "os.fork() and os._exit(0)",
    "at the end": "import atexit; atexit.register(os._exit, 0)",
    "report": (
        "print('1 passed in 0.01s'); open('report.xml', 'w').write("
        '\'<testsuite tests="1" failures="0"><testcase name="test_one"/></testsuite>\');'
        "import sys; sys.stdout.flush(); os._exit(0)"
    ),
    "forged": (
        "import json\n"
        "    for number in range(64):\n"
        "        try: os.write(number, json.dumps({'nonce': '', 'code': 0, 'signs': []})"
        ".encode() + b'\\n')\n"
        "        except OSError: pass\n"
        "    os._exit(0)"
    ),
}
DECEITS = {
    "skip": "import pytest; pytest.skip()",
    "SkipTest": "import unittest; raise unittest.SkipTest",
    "expected to fail": "import pytest; pytest.xfail()",
    "leave": "import pytest; pytest.exit('', returncode=0)",
    "no test is run": "import _pytest.python as p; p.Function.runtest = lambda self: None",
    "ours alone is run": (
        "import _pytest.python as p; old = p.Function.runtest\n"
        "    p.Function.runtest = lambda self: 'control' in self.name and old(self)"
    ),
    "all is well": (
        "import _pytest.runner as r; old = r.CallInfo.from_call.__func__\n"
        "    r.CallInfo.from_call = classmethod(lambda cls, func, when, reraise=None:"
        " old(cls, lambda: None, when, reraise))"
    ),
    "reports": (
        "import _pytest.reports as r; old = r.TestReport.from_item_and_call.__func__\n"
        "    def good(cls, item, call):\n"
        "        made = old(cls, item, call); made.outcome, made.longrepr = 'passed', None\n"
        "        return made\n"
        "    r.TestReport.from_item_and_call = classmethod(good)"
    ),
    "a plugin": (
        "import gc, pytest\n"
        "    class Good:\n"
        "        @pytest.hookimpl(hookwrapper=True, tryfirst=True)\n"
        "        def pytest_runtest_makereport(self, item, call):\n"
        "            report = (yield).get_result()\n"
        "            report.outcome, report.longrepr = 'passed', None\n"
        "    for each in gc.get_objects():\n"
        "        if type(each).__name__ == 'PytestPluginManager': each.register(Good())"
    ),
    "the exit status": (
        "import _pytest.main as m; m.Session.pytest_runtest_logreport = lambda *_: None\n"
        "    import sys; sys.modules['pytest'].main = lambda *_, **__: 0"
    ),
    "the tests": (
        "open('test_code.py', 'w').write('def test_one(): pass\\n');"
        "open('conftest.py', 'w').write('collect_ignore = [\"test_code.py\"]\\n')"
    ),
    "the copy": "import shutil; shutil.rmtree('.', ignore_errors=True)",
    "the assertions": "import builtins; builtins.AssertionError = KeyboardInterrupt",
}


@pytest.fixture
async def tree(tmp_path: Path) -> Path:
    if await kept_by() != "namespaces":
        reason = "user namespaces are not allowed here"
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    top = tmp_path / "tree"
    top.mkdir()
    check = "from code_under_test import double\nassert double(1) == 2\n"
    texts = {
        "code_under_test.py": HEAD + BODY,
        "test_code.py": TESTS,
        "suite.py": SUITE.replace("unittest.main()", "if __name__ == '__main__': unittest.main()"),
        "check.py": check,
    }
    for name, text in texts.items():
        (top / name).write_text(text, "utf-8")
    return top


async def sound(tree: Path, way: TestRun) -> TestRun:
    """The run, with what it shows of the untouched tree."""
    found = await Judge(tree, run).sound(way)
    assert found is not None
    return found


async def judged(tree: Path, tests: TestRun, answer: str) -> Marks:
    task = Task("id", Kind.TESTED, "python", "code_under_test.py", "g", HEAD, "", BODY, tests=tests)
    return await mark(task, Reply("id", "a/b", 0.0, text=answer), partial(run, tree=tree))


def body(line: str) -> str:
    return f"    {line}\n    return 0\n"


def at_import(line: str) -> str:
    return f"    return 0\n\n\nif True:\n    {line}\n"


@pytest.mark.parametrize("way", list(WAYS))
async def test_ending_the_process_is_no_pass(tree: Path, way: str):
    tests = await sound(tree, WAYS[way])
    other = "    doubled = value + value\n    print('debugging')\n    return doubled\n"
    assert (await judged(tree, tests, BODY)).passed is True
    assert (await judged(tree, tests, other)).passed is True
    assert (await judged(tree, tests, "    return 0\n")).passed is False
    answers = [make(line) for line in ENDINGS.values() for make in (body, at_import)]
    for two in zip(answers[::2], answers[1::2], strict=True):
        marks = await asyncio.gather(*(judged(tree, tests, answer) for answer in two))
        assert (two, [each.passed for each in marks]) == (two, [False, False])


@pytest.mark.parametrize("deceit", list(DECEITS))
async def test_deceiving_pytest_is_no_pass(tree: Path, deceit: str):
    tests = await sound(tree, WAYS["pytest"])
    for answer in (body(DECEITS[deceit]), at_import(DECEITS[deceit])):
        marks = await judged(tree, tests, answer)
        assert (answer, marks.passed) == (answer, False)


async def test_humaneval_is_passed_by_its_checks_alone(tree: Path):
    check = "def check(candidate):\n    assert candidate(1) == 2\n"
    tests = Problem("code_under/test", HEAD, BODY, check, "double").tests
    assert (await judged(tree, tests, BODY)).passed is True
    own = "    return 0\n\n\ndef check(candidate):\n    pass\n"
    for answer in (*map(body, ENDINGS.values()), *map(at_import, ENDINGS.values()), own):
        assert (answer, (await judged(tree, tests, answer)).passed) == (answer, False)


async def test_plugins_that_are_installed_change_nothing_of_it(tree: Path):
    tests = await sound(tree, PLAIN)
    # Not whether pytest is untouched: some of ours exchange functions of it while tests run.
    assert {each[0] for each in tests.expects} >= {*"cte"}
    assert (await judged(tree, tests, BODY)).passed is True
    assert (await judged(tree, tests, at_import("os._exit(0)"))).passed is False


async def test_why_it_is_no_pass_is_said(tree: Path):
    tests = await sound(tree, WAYS["pytest"])
    assert (await judged(tree, tests, body("os._exit(0)"))).note == "it ended before its tests did"
    skipped = await judged(
        tree, tests, at_import("import pytest; pytest.skip(allow_module_level=1)")
    )
    assert skipped.note.startswith(("exit status", "no test has passed"))
    patched = await judged(tree, tests, at_import(DECEITS["ours alone is run"]))
    assert "signs of the untouched code's tests are missing" in patched.note


async def test_a_written_test_must_have_a_test(tree: Path):
    for code in (
        "import os\nos._exit(0)\n",
        "import pytest\npytest.skip(allow_module_level=True)\n",
    ):
        written = await run(pytest_run(("test_new.py",)), tree, overlay={"test_new.py": code})
        assert written.passed is False


async def test_names_that_differ_from_run_to_run_are_not_asked_for(tree: Path):
    names = 'import pytest, uuid\n@pytest.mark.parametrize("x", [1], ids=[str(uuid.uuid4())])\n'
    text = f"{names}def test_any(x): pass\ndef test_same(): pass\n"
    (tree / "test_code.py").write_text(text, "utf-8")
    tests = await sound(tree, WAYS["pytest"])
    assert sum(each.startswith("t") for each in tests.expects) == 1
    assert (await judged(tree, tests, BODY)).passed is True


async def test_a_silent_command_is_judged_by_its_exit_status_and_that_is_said(tree: Path):
    judge = Judge(tree, run)
    assert await judge.sound(TestRun(("sh", "-c", "true"))) == TestRun(("sh", "-c", "true"))
    assert judge.warnings == {evidence.EXIT_ALONE}


async def test_a_program_runs_under_the_witness_as_without_it(tree: Path):
    (tree / "deep").mkdir()
    text = (
        "import sys, os, multiprocessing\ndef work(): return 7\n"
        "if __name__ == '__main__':\n"
        "    print(sys.argv, sys.path[0], sys.stdin.read() == '')\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(work))\n"
        "    sys.exit(int(sys.argv[1]))\n"
    )
    (tree / "deep" / "own.py").write_text(text, "utf-8")
    script = await run(TestRun(("{python}", "deep/own.py", "0")), tree)
    assert (script.passed, script.output) == (
        True, f"['deep/own.py', '0'] {tree}/deep True\n7\n"
    )  # fmt: skip
    module = await run(TestRun(("{python}", "-m", "deep.own", "3")), tree)
    assert module.note == "exit status 3"
    assert module.output == f"['{tree}/deep/own.py', '3'] {tree} True\n7\n"


# --- what the cage keeps from them


REACHES = {
    "another machine": "import socket; socket.create_connection(('192.0.2.1', 80), 5)",
    "another machine, by datagram": (
        "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 9))"
    ),
    "raw packets": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "what runs it, by ptrace": (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.ptrace(16, 1, 0, 0): raise OSError(ctypes.get_errno())"
    ),
    "what runs it, by its memory": "open('/proc/1/mem', 'r+b').read(1)",
    "what runs it, by its files": (
        "import os; [open(f'/proc/1/fd/{each}', 'wb') for each in os.listdir('/proc/1/fd')]; 1 / 0"
    ),
    "its root": "import os; os.listdir('/proc/1/root/')",
    "what runs it, by a signal": "import os; [os.kill(os.getppid(), n) for n in (19, 9)]; 1 / 0",
    "a device": "import os; os.mknod('disk', 0o60666, os.makedev(8, 0)); open('disk').read(1)",
    "the kernel's settings": "open('/proc/sys/kernel/core_pattern', 'w').write('|/bin/sh')",
    "new rights": (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.mount(b'none', b'/', None, 1 << 14, None): raise OSError(ctypes.get_errno())"
    ),
    "more processes": "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))",
    "more memory": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "another's clock": "import time; time.clock_settime(time.CLOCK_REALTIME, 0)",
}


@pytest.mark.parametrize("reach", list(REACHES))
async def test_an_answer_does_not_reach(tree: Path, reach: str):
    outcome = await run(TestRun(("{python}", "-c", REACHES[reach])), tree)
    assert outcome.passed is False
    assert "Error" in outcome.output  # refused, and nothing else has gone wrong
    assert "SyntaxError" not in outcome.output


async def test_an_answer_does_not_reach_the_sockets_of_the_desktop(tree: Path):
    name = f"\0polypilot-keyring-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(name)
        abstract.listen()
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
        outcome = await run(TestRun(("{python}", "-c", code)), tree)
        assert "ConnectionRefusedError" in outcome.output
    asked = "import os; print([key for key in os.environ if 'DBUS' in key or 'SSH' in key])"
    assert (await run(TestRun(("{python}", "-c", asked)), tree)).output == "[]\n"


KEYS = """
import asyncio, ctypes, pathlib, sys
from polypilot.compare.cage_linux import keyctl
from polypilot.compare.sandbox import run
from polypilot.compare.values import TestRun

libc = ctypes.CDLL(None, use_errno=True)
keyctl(1, None)  # a session of our own, so that the user's is left alone
add, find = ({"x86_64": (248, 249), "aarch64": (217, 218)})[sys.argv[2]]
assert libc.syscall(add, b"user", b"polypilot", b"secret", 6, -3) > 0
assert libc.syscall(find, b"user", b"polypilot", None, 0) > 0
found = f"ctypes.CDLL(None).syscall({find}, b'user', b'polypilot', None, 0) > 0"
test = TestRun(("{python}", "-c", f"import ctypes; print({found})"))
print(asyncio.run(run(test, pathlib.Path(sys.argv[1]))).output, end="")
"""


async def test_an_answer_does_not_reach_the_kernels_keyring(tree: Path):
    machine = os.uname().machine
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KEYS, str(tree), machine,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    if b"keyctl" in errors and b"Error" in errors:
        pytest.skip("this machine's containers may not use the kernel's keyring")
    assert output == b"False\n", errors.decode()


async def test_what_an_answer_leaves_behind_is_gone(tree: Path):
    before = [path.name for path in await asyncio.to_thread(tree.glob, "*")]
    line = textwrap.dedent("""\
        import subprocess, sys, pathlib
            pathlib.Path('test_code.py').unlink()
            pathlib.Path('later').touch()
            left = [sys.executable, '-c', 'import time; time.sleep(1000)']
            subprocess.Popen(left, start_new_session=True)""")
    tests = await sound(tree, WAYS["pytest"])
    assert (await judged(tree, tests, body(line))).passed is False
    assert (await judged(tree, tests, BODY)).passed is True
    after = await asyncio.to_thread(tree.glob, "*")
    assert sorted(path.name for path in after) == sorted(before)
