from __future__ import annotations

import asyncio
import base64
import errno
import io
import json
import logging
import subprocess
import sys
import textwrap
import unicodedata
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot import errors, logs
from polypilot.errors import UserError, describe, printable, redact, register_secret
from polypilot_providers.errors import AuthError, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, Callable[[], str]]]:
    """A logger with the redaction installed, and what it has written."""
    restore = logs.install_log_redaction()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("polypilot.test.errors")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger, stream.getvalue
    logger.removeHandler(handler)
    restore()


# --- what a user is told


def test_our_own_errors_and_the_providers_speak_for_themselves() -> None:
    class TrustError(UserError):
        code = "trust"

    assert describe(TrustError("not trusted", cure="trust it")) == errors.Problem(
        "trust", "not trusted", "trust it"
    )
    assert describe(UserError("m", code="x")).code == "x"
    assert describe(AuthError("refused", cure="check it")).code == "auth"


def test_of_any_other_exception_only_the_type_is_told() -> None:
    problem = describe(RuntimeError("the user's code, and sk-canary-0123456789abcdef"))
    assert problem.code == "internal"
    assert "RuntimeError" in problem.message
    assert "canary" not in repr(problem)
    assert "code," not in repr(problem)


@pytest.mark.parametrize(
    ("exc", "code", "word"),
    [
        (OSError(errno.ENOSPC, "x", "/secret/path"), "system", "full"),
        (OSError(errno.EROFS, "x", "/secret/path"), "system", "read-only"),
        (OSError(errno.EMFILE, "x"), "system", "files"),
        (MemoryError("x"), "system", "memory"),
        (PermissionError(errno.EACCES, "x", "/secret/path"), "system", "permissions"),
        (TimeoutError("x"), "timeout", "long"),
        (asyncio.CancelledError("x"), "cancelled", "cancelled"),
        (RecursionError("x"), "internal", "RecursionError"),
    ],
)
def test_the_systems_failures_have_words_of_their_own(
    exc: BaseException, code: str, word: str
) -> None:
    problem = describe(exc)
    assert problem.code == code
    assert word in f"{problem.message} {problem.cure}"
    assert "/secret" not in repr(problem)


def test_a_group_is_told_by_the_member_that_has_words() -> None:
    group = ExceptionGroup("g", [ValueError("x"), RateLimited("slow down")])
    assert describe(group).code == "rate_limited"
    assert describe(ExceptionGroup("g", [ValueError("x")])).code == "internal"


def test_messages_are_cleaned_at_the_border() -> None:
    message = "bad\n\x1b[31m\u202ekey sk-ant-canary0123456789abcdef"
    problem = describe(UserError(message, cure="Bearer abcdefgh1234"))
    assert problem.message == "bad\\n\\x1b[31m\\u202ekey [secret]"
    assert problem.cure == "Bearer [secret]"


# --- control characters

MEANT_FOR_MACHINES = {"Cc", "Cs", "Zl", "Zp"}


@given(st.text(alphabet=st.characters(codec=None)))
@settings(max_examples=500)
def test_no_text_breaks_a_log_line_or_steers_a_terminal(text: str) -> None:
    clean = printable(text)
    assert len(clean.splitlines()) <= 1
    assert not any(unicodedata.category(char) in MEANT_FOR_MACHINES for char in clean)
    assert not any("\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069" for char in clean)
    clean.encode("utf-8")


@given(st.text(), st.text())
@settings(max_examples=300)
def test_no_logged_value_forges_a_second_line(text: str, argument: str) -> None:
    restore = logs.install_log_redaction()
    try:
        record = logging.getLogRecordFactory()("n", logging.INFO, "f", 1, text, (argument,), None)
        line = logging.Formatter("%(message)s").format(record)
    finally:
        restore()
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    "point", [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x200B, 0xFEFF]
)
def test_each_control_character_is_escaped(point: int) -> None:
    assert chr(point) not in printable(f"a{chr(point)}b")


def test_ordinary_text_stays() -> None:
    text = "naïve Größe 東京 🙂 /usr/bin a=b"
    assert printable(text) == text


# --- secrets

CANARY = 'canary/Kf+9"\\é~ %zz0123456789'
SHAPELESS = "correcthorsebatterystaple"


def forms(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "raw": secret,
        "url": urllib.parse.quote(secret, safe=""),
        "url plus": urllib.parse.quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "json utf-8": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json in json": json.dumps(json.dumps(secret))[1:-1],
        "repr": repr(secret),
        "hex": raw.hex(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "basic auth": base64.b64encode(b"user:" + raw).decode(),
        "basic auth, one more": base64.b64encode(b"users:" + raw + b"!").decode(),
        "in a blob": base64.b64encode(b"\x01" + raw + b"\x02\x03").decode(),
    }


@pytest.mark.parametrize("secret", [CANARY, SHAPELESS])
@pytest.mark.parametrize("form", list(forms(CANARY)))
def test_a_registered_secret_is_masked_in_every_form(secret: str, form: str) -> None:
    register_secret(secret)
    register_secret(secret)
    text = forms(secret)[form]
    clean = redact(f"before {text} after")
    assert "before " in clean
    assert " after" in clean
    for other in forms(secret).values():
        assert other not in clean
    # No more than the three bytes at either end that its neighbours share in base64.
    if form.startswith("base64") or form in {"basic auth", "basic auth, one more", "in a blob"}:
        rest = clean.replace("before ", "").replace(" after", "").split(errors.MASK)
        assert len(rest) == 2
        assert max(len(part) for part in rest) <= 12


SHAPES = [
    "sk-proj-abcdefghijklmnop1234",
    "sk-ant-api03-abcdefghijklmnop",
    "sk_live_abcdefghijklmnop",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "AKIAABCDEFGHIJKLMNOP",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_abcdefghijklmnopqrstuv",
    "glpat-abcdefghijklmnopqrst",
    "xoxb-123456789012-abcdef",
    "hf_abcdefghijklmnopqrstuv",
    "gsk_abcdefghijklmnopqrstuv",
    "xai-abcdefghijklmnopqrstuv",
    "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("key", SHAPES)
def test_an_unregistered_key_is_known_by_its_shape(key: str) -> None:
    assert redact(f"the key {key}, you see") == "the key [secret], you see"
    assert errors.looks_like_key(f"x={key}")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc123def", "Authorization: Bearer [secret]"),
        ('{"x-api-key": "abc123def"}', '{"x-api-key": "[secret]"}'),
        ("GET /v1?key=abc123&alt=sse", "GET /v1?key=[secret]&alt=sse"),
        ("proxy http://me:hunter22@proxy:3128", "proxy http://me:[secret]@proxy:3128"),
        ("authorization='Basic dTpw'", "authorization='Basic [secret]'"),
    ],
)
def test_what_stands_where_keys_stand_is_masked(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "task-runner-and-friends is fine",
        "risk-assessment-of-everything",
        "https://api.openai.com:443/v1/models",
        "provider openai answered 200 in 35 ms",
        "AKIA is a prefix; sk- too; eyJ as well",
    ],
)
def test_ordinary_text_is_not_masked(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "bomb",
    [
        *("eyJ" * 60_000, "sk-" * 60_000, "://a" * 50_000, "://" + "a" * 200_000),
        *("bearer " * 30_000, "api_key" + " " * 200_000, "x" * 200_000, "key=" * 50_000),
    ],
    ids=range(8),
)
@pytest.mark.timeout(20)
def test_no_text_makes_the_scan_slow(bomb: str) -> None:
    # Quadratic matching takes minutes on these, and the time limit ends it.
    assert len(redact(bomb)) <= 2 * len(bomb)


# --- logs


def test_a_record_hides_secrets_in_message_and_arguments(
    log: tuple[logging.Logger, Callable[[], str]],
) -> None:
    logger, written = log
    register_secret(SHAPELESS)
    logger.info("key %s and %r", SHAPELESS, {"x-api-key": "abcdef1234"})
    logger.debug(f"inline {SHAPELESS}\nFORGED")  # noqa: G004  (the careless way)
    assert SHAPELESS not in written()
    assert "abcdef1234" not in written()
    assert written().count("\n") == 2


def test_a_traceback_is_logged_without_any_text(
    log: tuple[logging.Logger, Callable[[], str]],
) -> None:
    logger, written = log

    def inner() -> None:
        raise ValueError("def users_code(): pass")

    try:
        try:
            inner()
        except ValueError as exc:
            raise KeyError("more of it") from exc
    except KeyError:
        logger.exception("it failed")
    assert "users_code" not in written()
    assert "more of it" not in written()
    assert "KeyError" in written()
    assert "ValueError" in written()
    assert "in inner" in written()


def test_a_careless_log_call_does_not_spill_its_arguments(
    log: tuple[logging.Logger, Callable[[], str]], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, written = log
    logger.info("two %s %s", "def users_code(): pass")  # noqa: PLE1206  (the fault)
    assert "users_code" not in written() + capsys.readouterr().err
    assert "two" in written()


def test_a_long_message_is_cut_between_words_so_that_no_half_key_is_left(
    log: tuple[logging.Logger, Callable[[], str]],
) -> None:
    logger, written = log
    register_secret(SHAPELESS)
    logger.info("%s %s", "x " * 9_995, SHAPELESS * 3)
    assert "correct" not in written()
    assert len(written()) < 21_000


def test_uncaught_exceptions_of_a_process_show_no_text() -> None:
    code = """
    import asyncio, logging, threading
    from polypilot import logs
    logging.basicConfig(level=logging.DEBUG)
    logs.install_log_redaction()
    logs.install_crash_hooks()

    class Leaky:
        def __del__(self):
            raise ValueError("canary in a destructor")

    def thread():
        raise ValueError("canary in a thread")

    async def task():
        raise ValueError("canary in a task")

    async def main():
        lost = asyncio.ensure_future(task())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del lost

    Leaky()
    worker = threading.Thread(target=thread)
    worker.start()
    worker.join()
    asyncio.run(main())
    raise ValueError("canary in the main thread")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr
    assert done.stderr.count("ValueError") == 4
