"""Secrets are found wherever they stand, and nothing else is."""

from __future__ import annotations

import itertools
import json
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.workspace.secrets import (
    MARGIN,
    Finding,
    placeholder,
    redact,
    redact_between,
    scan,
)

Make = Callable[..., tuple[str, str]]

_NOT_FOUND = {"plain_password"}
"""Recognised by nothing but a guess; what the documentation says is not found."""

_CODE = "def f(a, b):\n    return [a + b for _ in range(10)]\n\n"
_POSITIONS: dict[str, Callable[[str], str]] = {
    "alone": lambda s: s,
    "first in the file": lambda s: s + "\n" + _CODE,
    "last in the file, no line break": lambda s: _CODE + s,
    "double quotes": lambda s: f'{_CODE}KEY = "{s}"\n{_CODE}',
    "single quotes": lambda s: f"{_CODE}KEY = '{s}'\n{_CODE}",
    "triple quotes": lambda s: f'{_CODE}KEY = """{s}"""\n{_CODE}',
    "comment": lambda s: _CODE + "\n".join("# " + line for line in s.split("\n")) + "\n" + _CODE,
    "block comment": lambda s: "/*\n" + "\n".join(" * " + line for line in s.split("\n")) + "\n */",
    "shell": lambda s: f"#!/bin/sh\nexport THING={s}\n",
    "yaml": lambda s: "a:\n  b: |\n" + "\n".join("    " + line for line in s.split("\n")) + "\n",
    "json": lambda s: json.dumps({"a": 1, "value": s, "z": [1, 2]}, indent=2),
    "json in one line": lambda s: json.dumps({"a": 1, "value": s, "z": [1, 2]}),
    "argument": lambda s: f"client = Client({s!r}, timeout=3)\n",
    "markdown": lambda s: f"Use `{s}` to log in.\n\n* or `{s}`.\n",
    "after other scripts": lambda s: (
        f"# h\u00e9llo \u4f60\u597d \U0001f600\U0001f600\nk = '\u00e9{s}'\n"
    ),
    "windows line ends": lambda s: f"a\nb\nk = '{s}'\nc\n".replace("\n", "\r\n"),
    "old line ends": lambda s: f"a\nb\nk = '{s}'\nc\n".replace("\n", "\r"),
    "long line": lambda s: "x" * 5_000 + " = '" + s.replace("\n", "\\n") + "' + " + "y" * 5_000,
    "after an escape": lambda s: 't = "first\\n' + s.replace("\n", "\\n") + '\\tlast"\n',
    "diff": lambda s: "@@ -1 +1 @@\n-old\n" + "\n".join("+" + x for x in s.split("\n")) + "\n ok\n",
    "address": lambda s: f"curl 'https://example.com/x?key={s}&y=1' -H 'A: {s}'\n",
    "joined strings": lambda s: "k = (" + "\n    ".join(f'"{x}\\n"' for x in s.split("\n")) + ")\n",
    "several": lambda s: f"{s}\n{_CODE}{s}\n{_CODE}{s} {_CODE}",
}


def _leaks(text: str, secret: str) -> list[str]:
    """Pieces of 12 characters of the secret that ``text`` still has."""
    material = re.sub(r"-----[^-]*-----", "", secret)
    pieces: set[str] = set()
    for line in material.split("\n"):
        pieces |= {line[at : at + 12] for at in range(max(1, len(line) - 11)) if len(line) >= 8}
    return [piece for piece in pieces if piece in text]


@pytest.mark.parametrize("position", _POSITIONS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_secret_is_hidden_wherever_it_stands(secret: Make, kind: str, position: str, seed: int):
    written, value = secret(kind, seed)
    text = _POSITIONS[position](written)
    cleaned = redact(text)
    if kind in _NOT_FOUND:
        assert cleaned == text
        return
    assert _leaks(text, value), "the test itself lost the secret"
    assert not _leaks(cleaned, value)
    assert len(cleaned.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("where", [0.05, 0.2, 0.5, 0.8, 0.95])
def test_a_secret_that_the_cursor_cuts_leaves_nothing_on_either_side(
    secret: Make, kind: str, where: float
):
    written, value = secret(kind)
    text = f"{_CODE}k = '{written}'\n{_CODE}"
    cursor = text.index(value[:20]) + max(1, int(len(value) * where))
    findings = scan(text)
    prefix = redact_between(text, 0, cursor, findings)
    suffix = redact_between(text, cursor, len(text), findings)
    if kind not in _NOT_FOUND:
        assert not _leaks(prefix, value)
        assert not _leaks(suffix, value)
        assert placeholder(findings[0].kind) in prefix
    assert (prefix + suffix).count("\n") == text.count("\n")


@pytest.mark.parametrize("cut", [10, 40, 70, 200, 400, 800])
@pytest.mark.parametrize("tail", [False, True])
def test_a_key_block_is_hidden_when_only_a_part_of_it_is_seen(secret: Make, cut: int, tail: bool):  # noqa: FBT001 - pytest and hypothesis fill it in by name
    _, value = secret("private_key")
    text = f"{value[:-cut]}" if tail else f"{value[cut:]}\nreturn value\n"
    assert not _leaks(redact(text), value)


@pytest.mark.parametrize("label", ["", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "])
def test_every_label_of_a_key_block(secret: Make, label: str):
    _, value = secret("private_key")
    text = value.replace("RSA ", label)
    assert not _leaks(redact(f"a\n{text}\nb"), value)
    assert redact(f"a\n{text}\nb").startswith("a\n")
    assert redact(f"a\n{text}\nb").endswith("\nb")


def test_a_pgp_block_with_headers_and_checksum(secret: Make):
    body = "\n".join(secret("private_key")[1].split("\n")[1:-1])
    name = "PGP PRIVATE" + " KEY BLOCK"
    text = f"x\n-----BEGIN {name}-----\nVersion: 2\n\n{body}\n=aB3d\n-----END {name}-----\ny\n"
    assert not _leaks(redact(text), body)
    assert redact(text).endswith("\ny\n")


@pytest.mark.parametrize(
    "text",
    [
        'if line == "-----BEGIN RSA {} KEY-----":\n    reading = True\n    return\n',
        'BEGIN = "-----BEGIN {} KEY-----"\nEND = "-----END {} KEY-----"\n',
        'start = s.find("-----END {} KEY-----")\nx = 1\n',
        "-----BEGIN {} KEY-----\n(your key here)\n-----END {} KEY-----\n",
    ],
)
def test_programs_that_read_key_blocks_stay_as_they_are(text: str):
    text = text.replace("{}", "PRIVATE")
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:password@localhost/x",
        "https://${USER}:${PASSWORD}@host/",
        "http://{user}:{password}@host/",
        "http://user:<password>@host",
        "http://host:8080/path/user@example.com",
        "scp://a:b/c@d",
        "git@github.com:owner/name.git",
        "sk-learn-and-other-words-with-dashes",
        "task-0123456789012345678901234567",
        "api_key = get_the_api_key_from_the_environment_now()",
        "hf_transformers_and_tokenizers_are_words",
        "eyJhbGciOiJIUzI1NiJ9 alone is a header",
        "AKIAIOSFODNN7",
        "sha = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
        "uuid = '123e4567-e89b-12d3-a456-426614174000'",
        "REDACTED_OPENAI_KEY and REDACTED_PRIVATE_KEY",
        "Authorization: Bearer <token>",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert scan(text) == []


def test_the_secret_half_of_an_aws_key_is_found_near_the_other(secret: Make):
    (_, key), (_, other) = secret("aws_access_key"), secret("aws_secret_key")
    assert not _leaks(redact(f"id: {key}\npassphrase: {other}\n"), other)
    assert not _leaks(redact(f"[default]\n{other}\n{key}\n"), other)
    assert redact(f"digest: {other}\n") == f"digest: {other}\n"


def test_a_secret_swallowed_by_what_looks_like_a_token_is_found(secret: Make):
    _, value = secret("github_classic")
    assert not _leaks(redact(f"eyJabcdefghijkl-{value}"), value)


def test_findings_count_code_points(secret: Make):
    _, value = secret("github_classic")
    text = f"\U0001f600\u00e9\ud800 {value}\n"
    assert scan(text) == [Finding(4, 4 + len(value), "github_token")]


def test_few_false_alarms_in_the_standard_library():
    lines = 0
    alarms: list[tuple[str, str]] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) + sorted(
        Path(sysconfig.get_path("stdlib")).glob("*/*.py")
    ):
        if "site-packages" in path.parts:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        lines += text.count("\n")
        alarms += [(path.name, found.kind) for found in scan(text)]
    assert lines > 100_000
    assert len(alarms) <= lines / 10_000, alarms


_word = st.sampled_from(
    ["\n", " ", "=", "'", '"', "://", ":", "@", "sk-", "eyJ", ".", "A" * 20, "a1B2" * 9, "AKIA",
     "-----BEGIN PRIVATE" + " KEY-----", "-----END PRIVATE" + " KEY-----", "\r\n", "\u00e9",
     "token",
     "AccountKey=", "ghp" + "_", "x" * 40, "aws_secret_access_key", "\\n", "# ", "/", "\U0001f600"]
)  # fmt: skip


@given(st.lists(_word, max_size=40).map("".join))
def test_hiding_is_idempotent_and_keeps_lines(text: str):
    once = redact(text)
    assert redact(once) == once
    assert len(re.split(r"\r\n|\r|\n", once)) == len(re.split(r"\r\n|\r|\n", text))


@given(st.lists(_word, max_size=40).map("".join), st.integers(0, 400), st.integers(0, 400))
def test_a_cut_shows_no_more_than_the_whole(text: str, first: int, second: int):
    findings = scan(text)
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    inside = redact_between(text, start, end, findings)
    hidden = {at for found in findings for at in range(found.start, found.end)}
    shown = [text[at] for at in range(start, end) if at not in hidden]
    for found in findings:
        inside = inside.replace(placeholder(found.kind), "")
    # What is left besides the placeholders is what was not hidden (and a block's punctuation).
    assert len(inside) >= len(shown)
    assert inside.count("\n") == text[start:end].count("\n")


def test_findings_are_in_order_and_apart(secret: Make):
    text = "\n".join(secret("github_classic", seed)[0] for seed in range(50))
    findings = scan(text)
    assert len(findings) == 50
    assert all(a.end <= b.start for a, b in itertools.pairwise(findings))


def test_the_margin_is_longer_than_a_big_key():
    assert MARGIN > 6_400  # an 8192-bit RSA key in PEM form
