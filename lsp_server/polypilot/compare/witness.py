"""Runs a Python test program and testifies how it went; run as text by the tests' interpreter.

That may be another Python than ours, without our packages: so this imports nothing of ours, and
keeps to what Python 3.8 has. Its input is a line of JSON: ``nonce``, which signs what it says,
and ``tell``, the descriptor to say it to. Both stay in one function's own variables, and the
input is empty for the tests. What it says, once, when the program has come to its end: ``code``
(the exit status to be) and ``signs``, digests of

- each test that has passed, of pytest and unittest;
- ``control``: a test of ours that must fail, run like the others, did fail;
- ``untouched``: no function of pytest, pluggy or unittest was exchanged since the program's
  start, or since tests were looked for;
- how it ended: by its last line, or by which function's ``SystemExit``.

Whoever ends the process, or leaves it from within the tested code, leaves no such word, or
another one than the untouched code does. Code that reads this function's frame can still sign
what it likes: the same process runs both.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import runpy
import sys
import types
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    Functions = dict[tuple[str, str], tuple[int, int]]

MOST = 4000
"""Signs at the most: the same ones are left out of each run."""


def digest(kind: str, name: str) -> str:
    """A sign: the kind's first letter, and a digest, since a name may quote the user's code."""
    data = f"{kind} {name}".encode("utf-8", "backslashreplace")
    return kind[0] + hashlib.sha256(data).hexdigest()[:12]


def functions() -> Functions:
    """What the functions of the test packages are now, by their names."""
    found: dict[tuple[str, str], tuple[int, int] | None] = {}
    for place, module in list(sys.modules.items()):
        if place.partition(".")[0] in {"_pytest", "pytest", "pluggy", "unittest"}:
            for name, value in list(vars(module).items()):
                found[place, name] = _identity(value)
                if isinstance(value, type) and value.__module__ == place:
                    inner = list(vars(value).items())
                    found.update(((place, f"{name}.{key}"), _identity(own)) for key, own in inner)
    return {key: value for key, value in found.items() if value}


def _identity(value: Any) -> tuple[int, int] | None:
    plain = value
    if isinstance(value, (classmethod, staticmethod)):
        plain = cast("Any", value).__func__
    return (id(plain), id(plain.__code__)) if isinstance(plain, types.FunctionType) else None


def pytest_witness(passed: set[str], failed: set[str], before: list[Functions]) -> object:  # noqa: C901  (a plugin is its hooks)
    """A pytest plugin that notes what has passed and failed; our control passes by failing."""
    pytest = importlib.import_module("pytest")
    controls: list[Any] = []

    def polypilot_control() -> None:
        assert [len(controls)] == [], "this must fail"  # noqa: S101  (that is what it is for)

    class Witness:
        @pytest.hookimpl(tryfirst=True)
        def pytest_load_initial_conftests(self) -> None:
            before.append(functions())  # plugins that are installed may have exchanged some

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection(self) -> None:
            before.append(functions())  # others do so when they are configured

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items: list[Any]) -> None:
            module = items[-1].getparent(pytest.Module) if items else None
            if module is not None:
                make = pytest.Function.from_parent
                name = polypilot_control.__name__
                controls.append(make(module, name=name, callobj=polypilot_control))
                items.extend(controls)

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
            report: Any = (yield).get_result()
            if item in controls:
                if report.when == "call" and report.outcome == "failed" and call.excinfo:
                    passed.add(digest("control", ""))
                report.outcome, report.longrepr = "passed", None
            elif call.excinfo and not hasattr(report, "wasxfail"):
                failed.add(digest("test", item.nodeid))

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_logreport(self, report: Any) -> None:
            sign = digest("test", report.nodeid)
            if report.outcome == "failed":
                failed.add(sign)
            elif report.when == "call" and report.outcome == "passed" and not is_control(report):
                passed.add(sign)

    def is_control(report: Any) -> bool:
        return report.nodeid in {each.nodeid for each in controls}

    return Witness()


def watch_unittest(passed: set[str]) -> Callable[[], None]:
    """Note what unittest counts as passed; what is to be asked at the end, for the control."""
    unittest = importlib.import_module("unittest")
    result = unittest.TestResult
    before = result.addSuccess

    def noted(self: Any, test: Any) -> Any:
        passed.add(digest("test", test.id()))
        return before(self, test)

    result.addSuccess = noted

    def control() -> None:
        failing = unittest.FunctionTestCase(lambda: failing.fail("this must fail"))
        found = result()
        failing.run(found)
        if len(found.failures) == 1:
            passed.add(digest("control", ""))

    return control


def start(mode: str, words: Sequence[str], plugin: object) -> int:
    """Run the program as Python itself would; its exit status."""
    sys.argv = list(words)
    if mode in {"module", "pytest-module"}:
        sys.path[0] = os.getcwd()  # noqa: PTH109  (a string)
    elif mode == "pytest":
        del sys.path[0]
    if mode.startswith("pytest"):
        sys.argv[0] = "pytest"
        return int(importlib.import_module("pytest").main(words[1:], plugins=[plugin]))
    if mode == "module":
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif mode == "script":
        sys.path[0] = os.path.dirname(os.path.abspath(words[0]))  # noqa: PTH100, PTH120  (strings)
        runpy.run_path(words[0], run_name="__main__")
    else:
        sys.argv[0] = "-c"
        scope = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(compile(words[0], "<string>", "exec"), scope)  # noqa: S102  (it is the user's command)
    return 0


def leave_sign(error: BaseException) -> str:
    """Which function has raised the end."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next:
        trace = trace.tb_next
    if trace is None:
        return digest("left by", "")
    code = trace.tb_frame.f_code
    return digest("left by", f"{code.co_filename} {code.co_name}")


def main() -> None:
    """See the module."""
    with os.fdopen(os.dup(0), encoding="utf-8") as file:
        given = json.load(file)
    nonce, tell, process = given["nonce"], given["tell"], os.getpid()
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.set_inheritable(tell, False)
    mode, words = sys.argv[1], sys.argv[2:]
    passed: set[str] = set()
    failed: set[str] = set()
    control, leave, code = None, digest("ended", ""), 1
    before: list[Functions] = []
    plugin = pytest_witness(passed, failed, before) if mode.startswith("pytest") else None
    if plugin is None:
        control = watch_unittest(passed)
        before.append(functions())
    try:
        code = start(mode, words, plugin)
    except SystemExit as error:
        leave = leave_sign(error)
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        raise
    finally:
        after = functions()
        for number, earlier in enumerate(before):
            if all(after.get(key) == value for key, value in earlier.items()):
                passed.add(digest("untouched", str(number)))
        if control:
            control()
        signs = sorted({*(passed - failed), leave})[:MOST]
        if os.getpid() == process:  # a copy that a test has made of it says nothing
            said = json.dumps({"nonce": nonce, "code": code, "signs": signs})
            with contextlib.suppress(OSError):
                os.write(tell, said.encode() + b"\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
