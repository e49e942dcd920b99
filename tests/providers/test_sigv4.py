"""Requests signed with the machine's AWS credentials."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import pytest
from botocore.auth import SigV4Auth  # pyright: ignore[reportMissingTypeStubs] - it has none
from botocore.awsrequest import AWSRequest  # pyright: ignore[reportMissingTypeStubs] - it has none
from botocore.credentials import Credentials  # pyright: ignore[reportMissingTypeStubs] - it has none

from polypilot_providers.catalog import rows
from polypilot_providers.errors import AuthError, ConfigurationError
from polypilot_providers.factory import build
from polypilot_providers.testing import ScriptedServer, aws_frame, outcome, reply, stream
from polypilot_providers.types import ChatRequest, Stop, StopReason, user
from polypilot_providers.wires.bedrock_sigv4 import signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.call import Sign
    from polypilot_providers.http import HttpClient
    from polypilot_providers.testing import Request

ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
END = aws_frame({"stopReason": "end_turn"}, {":event-type": "messageStop"})
DONE = END + aws_frame({}, {":event-type": "metadata"})


def canonical(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The request as the server side of Signature Version 4 writes it down."""
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "\n".join(
        [
            method,
            quote(path, safe="/~"),  # encoded once more than it was sent, except for S3
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            ";".join(sorted(headers)),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def signature(canonical_request: str, when: str, region: str, service: str) -> str:
    """The signature that the server side computes for SECRET."""
    scope = f"{when[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    key = b"AWS4" + SECRET.encode()
    for step in (when[:8], region, service, "aws4_request", f"AWS4-HMAC-SHA256\n{when}\n{scope}\n"):
        text = step + digest if "\n" in step else step
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return key.hex()


def verify(request: Request, region: str, service: str) -> set[str]:
    """See that ``request`` is signed; the names of the headers that are."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    fields = dict(field.split("=", 1) for field in rest.split(", "))
    when = request.headers["x-amz-date"]
    assert fields["Credential"] == f"{ID}/{when[:8]}/{region}/{service}/aws4_request"
    names = fields["SignedHeaders"].split(";")
    path, _, query = request.path.partition("?")
    signed = {name: request.headers[name] for name in names}
    text = canonical(request.method, path, query, signed, request.body)
    assert fields["Signature"] == signature(text, when, region, service)
    return set(names)


# AWS's published examples: the test suite's get-vanilla, and the guide's ListUsers.
EXAMPLES = [
    (
        "service",
        "https://example.amazonaws.com/",
        {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"},
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "iam",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": "iam.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
        },
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
]


@pytest.mark.parametrize(("service", "url", "headers", "expected"), EXAMPLES)
def test_published_examples(service: str, url: str, headers: dict[str, str], expected: str) -> None:
    """Both that the tests' own check is right, and that botocore's signing is."""
    query = url.partition("?")[2]
    text = canonical("GET", "/", query, headers, b"")
    assert signature(text, "20150830T123600Z", "us-east-1", service) == expected
    auth: Any = SigV4Auth(Credentials(ID, SECRET), service, "us-east-1")
    asked: Any = AWSRequest("GET", url, headers=headers)
    asked.context["timestamp"] = "20150830T123600Z"
    text = auth.string_to_sign(asked, auth.canonical_request(asked))
    assert auth.signature(text, asked) == expected


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing of this machine's AWS set-up is found."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def bedrock(http: HttpClient) -> Callable[..., Provider]:
    """Makes the provider of a row that signs, whose key source must not be asked."""

    async def key() -> None:
        raise AssertionError

    def make(url: str, /, **fields: object) -> Provider:
        region = {"variables": {"region": "eu-central-1"}}
        row = rows({})["bedrock"].model_copy(update={"auth": "aws"} | region | fields)
        return build(row, key, http, base_url=url)

    return make


ASK = ChatRequest("us.amazon.nova-x:0", (user("Olá?"),))


async def test_the_server_can_verify_what_is_signed(
    bedrock: Callable[..., Provider], aws: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aws.setenv("AWS_ACCESS_KEY_ID", ID)
    aws.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    aws.setenv("AWS_SESSION_TOKEN", "the-session's-token")
    caplog.set_level(logging.DEBUG)
    async with ScriptedServer(stream(DONE)) as server:
        provider = bedrock(server.url)
        for _ in range(2):
            got, error = await outcome(provider.chat(ASK))
            assert (got, error) == ([Stop(StopReason.END)], None)
            sent = server.requests[-1]
            assert sent.path.endswith("/model/us.amazon.nova-x%3A0/converse-stream")
            assert sent.headers["x-amz-security-token"] == "the-session's-token"
            assert verify(sent, "eu-central-1", "bedrock") == {
                "content-type",
                "host",
                "x-amz-date",
                "x-amz-security-token",
            }
        server.play(reply(200, {}))
        assert await provider.models()
        verify(server.requests[-1], "eu-central-1", "bedrock")
    assert "the-session's-token" not in caplog.text
    assert SECRET not in caplog.text


async def test_a_changed_body_would_not_verify(
    bedrock: Callable[..., Provider], aws: pytest.MonkeyPatch
) -> None:
    aws.setenv("AWS_ACCESS_KEY_ID", ID)
    aws.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    async with ScriptedServer(stream(DONE)) as server:
        await outcome(bedrock(server.url).chat(ASK))
        sent = server.requests[0]
        assert verify(sent, "eu-central-1", "bedrock") == {"content-type", "host", "x-amz-date"}
        sent.body += b" "
        with pytest.raises(AssertionError):
            verify(sent, "eu-central-1", "bedrock")


async def test_the_account_is_the_profile(
    bedrock: Callable[..., Provider], aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        f"[work]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n", encoding="utf-8"
    )
    mantle = "https://bedrock-mantle.{region}.api.aws"
    async with ScriptedServer(stream(DONE)) as server:
        provider = bedrock(server.url, account="work", base_url=mantle)
        got, _ = await outcome(provider.chat(ASK))
        assert got
        verify(server.requests[0], "eu-central-1", "bedrock-mantle")
        aws.setenv("AWS_PROFILE", "work")
        got, _ = await outcome(bedrock(server.url).chat(ASK))
        assert got
        # Neither an unknown profile nor its name gets anywhere.
        _, error = await outcome(bedrock(server.url, account="private-name").chat(ASK))
        assert isinstance(error, AuthError)
        assert "ProfileNotFound" in error.message
        assert "private-name" not in str(error) + error.cure
        assert len(server.requests) == 2


REGION = {"auth": "aws", "variables": {"region": "us-east-1"}}


async def used(sign: Sign | None) -> str:
    """Whose credentials sign a request."""
    assert sign is not None
    headers = await sign("GET", "https://example.org/", {}, b"")
    return headers["authorization"].partition("Credential=")[2].partition("/")[0]


async def test_credentials_are_kept_for_half_a_minute(aws: pytest.MonkeyPatch) -> None:
    """Finding them takes a while; the user may have changed them since."""
    now = 0.0
    aws.setenv("AWS_ACCESS_KEY_ID", "AKIDONE")
    aws.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    row = rows({})["bedrock"].model_copy(update=REGION)
    sign = signer(row, clock=lambda: now)
    assert await used(sign) == "AKIDONE"
    aws.setenv("AWS_ACCESS_KEY_ID", "AKIDTWO")
    now += 29
    assert await used(sign) == "AKIDONE"
    now += 2
    assert await used(sign) == "AKIDTWO"
    aws.setenv("AWS_ACCESS_KEY_ID", "AKIDTHREE")
    now += 29
    assert await used(sign) == "AKIDTWO"


async def test_credentials_that_renew_themselves_are_looked_for_once(
    aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del aws
    runs, program = tmp_path / "runs", tmp_path / "program.py"
    keys = {"Version": 1, "AccessKeyId": ID, "SecretAccessKey": SECRET, "SessionToken": "t"}
    keys["Expiration"] = "2999-01-01T00:00:00Z"
    program.write_text(
        f"open({str(runs)!r}, 'a').write('x')\nprint({json.dumps(keys)!r})\n", encoding="utf-8"
    )
    (tmp_path / "config").write_text(
        f'[default]\ncredential_process = "{sys.executable}" "{program}"\n', encoding="utf-8"
    )
    now = 0.0
    sign = signer(rows({})["bedrock"].model_copy(update=REGION), clock=lambda: now)
    for _ in range(3):
        assert await used(sign) == ID
        now += 1000
    assert runs.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    ("account", "cure"),
    [("", "`aws sso login`"), ("work", "`aws sso login --profile work`")],
)
async def test_credentials_that_are_refused_are_not_a_key_to_enter(
    bedrock: Callable[..., Provider],
    aws: pytest.MonkeyPatch,
    tmp_path: Path,
    account: str,
    cure: str,
) -> None:
    del aws
    keys = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
    (tmp_path / "credentials").write_text(f"[default]\n{keys}[work]\n{keys}", encoding="utf-8")
    expired = reply(
        403,
        {"message": "The security token included in the request is expired"},
        {"x-amzn-errortype": "ExpiredTokenException:http://internal.amazon.com/"},
    )
    async with ScriptedServer(expired) as server:
        provider = bedrock(server.url, account=account)
        _, error = await outcome(provider.chat(ASK))
        assert isinstance(error, AuthError)
        assert cure in error.cure
        assert "expired" in error.message
        with pytest.raises(AuthError) as caught:
            await provider.models()
        assert cure in caught.value.cure
        # What a policy forbids, no signing in allows.
        server.play(reply(403, {"message": "no"}, {"x-amzn-errortype": "AccessDeniedException"}))
        _, error = await outcome(provider.chat(ASK))
        assert isinstance(error, AuthError)
        assert "sso" not in error.cure
    (tmp_path / "config").write_text(
        "[profile broken]\ncredential_process = not-there\n", encoding="utf-8"
    )
    _, error = await outcome(bedrock(server.url, account="broken").chat(ASK))
    assert isinstance(error, AuthError)
    assert "--profile broken" in error.cure


async def test_an_api_key_that_has_expired_has_to_be_made_anew(
    http: HttpClient, key: KeySource
) -> None:
    for words, kind in (
        ("Bearer Token has expired", "AccessDeniedException"),
        ("The security token included in the request is expired", "ExpiredTokenException"),
    ):
        async with ScriptedServer(reply(403, {"message": words}, {"x-amzn-errortype": kind})) as it:
            _, error = await outcome(
                build(rows({})["bedrock"], key, http, base_url=it.url).chat(ASK)
            )
            assert isinstance(error, AuthError)
            assert "new key" in error.cure
            assert "sso" not in error.cure


async def test_without_credentials_nothing_is_sent(
    bedrock: Callable[..., Provider], aws: pytest.MonkeyPatch
) -> None:
    del aws
    async with ScriptedServer(stream(DONE)) as server:
        _, error = await outcome(bedrock(server.url).chat(ASK))
        assert isinstance(error, AuthError)
        assert "not set up" in error.message
        assert "aws configure" in error.cure
        _, error = await outcome(bedrock(server.url, variables={}).chat(ASK))
        assert isinstance(error, ConfigurationError)
        assert "region" in error.message
        assert server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes to wait on")
async def test_credentials_that_never_come_are_given_up(
    aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Here they come from a program that waits; the event loop and the user do not."""
    del aws
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "config").write_text(
        f"[default]\ncredential_process = cat {pipe}\n", encoding="utf-8"
    )
    fields = {"auth": "aws", "variables": {"region": "us-east-1"}}
    sign = signer(rows({})["bedrock"].model_copy(update=fields), patience=0.5)
    assert sign is not None
    with pytest.raises(AuthError, match="in time"):
        await sign("GET", "https://example.org/", {}, b"")
    # The program is let go: it ends once its pipe has had a writer.
    await asyncio.to_thread(pipe.write_bytes, b"")


def test_only_rows_that_say_so_sign(key: KeySource, http: HttpClient) -> None:
    row = rows({})["bedrock"]
    assert signer(row) is None
    assert build(row, key, http, base_url="http://127.0.0.1:1").id == "bedrock"


def test_without_botocore_the_extra_is_named() -> None:
    """In a fresh interpreter that finds no botocore, as without the extra."""
    script = """
import asyncio, sys
sys.modules["botocore"] = None
from polypilot_providers.catalog import rows
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.wires.bedrock import BedrockProvider
from polypilot_providers.wires.bedrock_sigv4 import signer
fields = {"auth": "aws", "variables": {"region": "us-east-1"}}
sign = signer(rows({})["bedrock"].model_copy(update=fields))
try:
    asyncio.run(sign("GET", "https://example.org/", {}, b""))
except ConfigurationError as error:
    sys.exit(0 if 'pip install "polypilot[bedrock]"' in error.cure else 2)
sys.exit(3)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == 0


def test_botocore_is_imported_when_something_is_signed() -> None:
    script = """
import sys
import polypilot_providers.suppliers
import polypilot_providers.wires.bedrock
sys.exit("botocore" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == 0
