"""What token commands print, as their programs' documentation shows it."""

from __future__ import annotations

import base64
import json
import sys
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.backend.printed import Printed, read

NOW = 1_795_000_000.0
TOKEN = "token-of-the-test"


def at(seconds: float) -> str:
    """A time of this machine, as the Azure CLI prints it: without its zone."""
    return datetime.fromtimestamp(NOW + seconds).strftime("%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ006 - that is the point


def utc(seconds: float) -> str:
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def jwt(**claims: object) -> str:
    parts = ({"alg": "none"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(text.rstrip("=") for text in texts), "c2ln"])


@pytest.mark.parametrize(
    ("printed", "left"),
    [
        (TOKEN, None),
        (f"  {TOKEN}\r\n", None),
        (json.dumps(TOKEN), None),
        ({"accessToken": TOKEN, "expiresOn": at(3600), "expires_on": NOW + 1800}, 1800),
        ({"accessToken": TOKEN, "expiresOn": at(3600), "tokenType": "Bearer"}, 3600),
        ({"accessToken": TOKEN, "expires_on": str(int(NOW) + 900)}, 900),
        ({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}, 3599),
        ({"access_token": TOKEN, "expires_in": "3599"}, 3599),
        ({"access_token": TOKEN, "expires_in": True, "expires_at": NOW + 60}, 60),
        ({"access_token": TOKEN, "expires_at": (NOW + 60) * 1000}, 60),
        ({"access_token": TOKEN, "expires_in": 3600, "expires_at": utc(100)}, 100),
        ({"credential": {"access_token": TOKEN, "token_expiry": utc(700)}}, 700),
        (
            {
                "kind": "ExecCredential",
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "spec": {},
                "status": {"expirationTimestamp": utc(840), "token": TOKEN},
            },
            840,
        ),
        ({"token": TOKEN}, None),
        ({"token": TOKEN, "expiry": "soon"}, None),
        ({"token": TOKEN, "expiry": "9" * 50}, 1e47),
        ({"token": TOKEN, "expires_in": "inf"}, None),
        ({"token": TOKEN, "expires_in": [1]}, None),
        ({"token": TOKEN, "expires_in": 10**400}, None),
        ({"token": TOKEN, "expires_in": -5}, -5),
    ],
)
def test_the_token_and_its_end_are_found(printed: object, left: float | None) -> None:
    found = read(printed if isinstance(printed, str) else json.dumps(printed, indent=2), NOW)
    assert found.token == TOKEN
    assert found.left == (left if left is None else pytest.approx(left, abs=1))


@pytest.mark.parametrize(
    ("claims", "left"),
    [
        ({"exp": NOW + 3000}, 3000),
        ({"exp": NOW + 3000, "iat": NOW - 600}, 3000),
        # This machine's clock is an hour late: the token's own length is what counts.
        ({"exp": NOW + 7200, "iat": NOW + 3600}, 3600),
        ({"exp": NOW + 3000, "iat": NOW + 9000}, 3000),
        ({"exp": NOW - 10}, -10),
        ({}, None),
        ({"exp": "soon"}, None),
        ({"exp": None, "iat": 1}, None),
    ],
)
def test_a_web_token_says_itself_when_it_ends(
    claims: dict[str, object], left: float | None
) -> None:
    token = jwt(**claims)
    for printed in (token, json.dumps({"access_token": token})):
        found = read(printed, NOW)
        assert found.token == token
        assert found.left == left


def test_the_earlier_of_two_ends_counts() -> None:
    token = jwt(exp=NOW + 300)
    assert read(json.dumps({"token": token, "expires_in": 600}), NOW).left == 300
    assert read(json.dumps({"token": token, "expires_in": 200}), NOW).left == 200


@pytest.mark.parametrize(
    "token",
    ["a.b.c", "a.bbbb.c", "a.W10.c", "e30.bnVsbA.x", f"e30.{'W3' * 8000}.x", "e30.e30", "a.b.c.d"],
)
def test_what_only_looks_like_a_web_token_is_a_token(token: str) -> None:
    assert read(token, NOW) == Printed(token, None)


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "  \n",
        "two words",
        "one\ntwo",
        "esc\x1b[31mape",
        "schlüssel",
        "{}",
        "{",
        "[]",
        f'["{TOKEN}"]',
        "[" * 100_000,
        '{"a":' * 20_000,
        '"' + "two words" + '"',
        '""',
        '{"accessToken": 7}',
        '{"token": ""}',
        '{"status": "secret-thing"}',
        '{"error": "secret-thing"}',
    ],
)
def test_what_is_no_token_is_refused_without_quoting_it(printed: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*secret)") as caught:
        read(printed, NOW)
    assert "words" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="the zone of a process is fixed there")
def test_the_azure_clis_time_is_this_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = json.dumps({"accessToken": TOKEN, "expiresOn": "2026-11-22 10:00:00.000000"})
    ends: list[float | None] = []
    for zone in ("UTC0", "TST-5:30"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        ends.append(read(printed, 0).left)
    monkeypatch.undo()
    time.tzset()
    assert ends == [1_795_341_600.0, 1_795_341_600.0 - 5.5 * 3600]


@given(
    st.text()
    | st.recursive(
        st.text(),
        lambda each: st.dictionaries(
            st.sampled_from(["token", "status", "access_token", "expires_on", "expiry", "exp"]),
            each | st.floats() | st.integers(),
        ),
    ).map(json.dumps)
)
def test_whatever_is_printed_is_a_token_or_refused(text: str) -> None:
    try:
        found = read(text, NOW)
    except ValueError:
        return
    assert found.token
    assert found.token.isascii()
    assert found.token.isprintable()
    assert " " not in found.token
