"""``generateContent``, judged by Google's SDK."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, cast

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ChatRequest, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Loopback = Any  # conftest.Loopback, which importlib mode does not let us import

ANSWER = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"x"}],"role":"model"},'
    b'"finishReason":"STOP","index":0}]}\n\n'
)


@pytest.fixture
async def client(
    genai: Any, loopback: Loopback, key: str
) -> AsyncIterator[Callable[[ProviderRow], Any]]:
    """Makes the SDK's client for a row of ours."""
    made: list[Any] = []

    def make(row: ProviderRow) -> Any:
        url = loopback.url(row).removesuffix("/publishers/google")
        base, version, _ = re.split(r"/(v1\w*)", url)
        options = {"base_url": base, "api_version": version}
        if "/projects/" in url:
            _, project, location = re.split(r".*/projects/([^/]+)/locations/", url)
            there = {"project": project, "location": location, "vertexai": True}
            token = importlib.import_module("google.oauth2.credentials").Credentials(key)
            made.append(genai.Client(**there, credentials=token, http_options=options))
        else:
            made.append(genai.Client(api_key=key, http_options=options))
        return made[-1]

    yield make
    for each in made:
        await each.aio.aclose()
        each.close()


def asked(genai: Any, body: dict[str, Any]) -> dict[str, Any]:
    """The SDK's arguments for a body of ours; raises for a field that it does not know."""
    rest = dict(body)
    contents = [genai.types.Content.model_validate(each) for each in rest.pop("contents")]
    config = genai.types.GenerateContentConfig.model_validate(
        {**rest.pop("generationConfig", {}), **rest}
    )
    return {"contents": contents, "config": config}


def spelled(value: Any, *, within: str = "") -> Any:
    """``value`` in one spelling, since the service takes several.

    Field names in either case, base64 in either alphabet, levels in either case; what is left
    empty is left out. What is in the user's own objects stays.
    """
    if within in {"args", "response", "parametersJsonSchema"}:
        return value
    if isinstance(value, dict):
        fields: dict[str, Any] = {}
        for name, each in cast("dict[str, Any]", value).items():
            camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
            fields[camel] = spelled(each, within=camel)
        return {name: each for name, each in fields.items() if each != {} or name == "args"}
    if isinstance(value, list):
        return [spelled(each) for each in cast("list[Any]", value)]
    if within in {"data", "thoughtSignature"}:
        return value.translate(str.maketrans("-_", "+/"))
    return value.lower() if within == "thinkingLevel" else value


async def ask(sdk: Any, model: str, arguments: dict[str, Any]) -> Any:
    """Read an answer to its end."""
    answer = await sdk.aio.models.generate_content_stream(model=model, **arguments)
    return [chunk async for chunk in answer]


@pytest.mark.wire("gemini")
async def test_generate_content(
    row: ProviderRow, genai: Any, loopback: Loopback, client: Any, subtests: pytest.Subtests
):
    loopback.play(ANSWER)
    sdk = client(row)
    async for case, request, ours, _ in loopback.each_chat(row):
        with subtests.test(case):
            arguments = asked(genai, ours.json)
            theirs = await loopback.same(ours, ask(sdk, request.model, arguments))
            assert spelled(theirs.json) == spelled(ours.json)


# --- answers


def read_by_sdk(chunks: list[Any], read: Any) -> None:
    """What the SDK makes of an answer."""
    for chunk in chunks:
        for candidate in chunk.candidates or ():
            for part in (candidate.content and candidate.content.parts) or ():
                if part.function_call:
                    call = part.function_call
                    read.calls.append((call.id, call.name, call.args or {}))
                elif part.thought:
                    read.thought += part.text or ""
                else:
                    read.text += part.text or ""
        if usage := chunk.usage_metadata:
            read.input_tokens = usage.prompt_token_count
            thought, said = usage.thoughts_token_count, usage.candidates_token_count
            read.output_tokens = (said or 0) + (thought or 0)


def without_invented_ids(read: Any) -> Any:
    """Where the service gives a call no id, ours do."""
    read.calls = [
        (None if (each[0] or "").startswith("call_") else each[0], *each[1:]) for each in read.calls
    ]
    return read


ROW = ProviderRow(id="x", wire="gemini", base_url="http://localhost/v1beta")


async def test_the_suites_answer_is_read_alike(
    loopback: Loopback, client: Any, suite: Any, reading: Any
):
    found = suite("test_gemini", "TestGemini")
    loopback.play(found.answer)
    theirs, ours = reading(), reading.ours(found.events)
    read_by_sdk(await ask(client(ROW), "m", {"contents": "x"}), theirs)
    assert theirs == without_invented_ids(ours)
    assert ours.text


async def test_recorded_answers_are_read_alike(
    loopback: Loopback, client: Any, recordings: Any, reading: Any, subtests: pytest.Subtests
):
    for each in recordings:
        if each.endpoint.endswith(":streamGenerateContent"):
            with subtests.test(each.name):
                loopback.play(each.data)
                theirs = reading()
                read_by_sdk(await ask(client(ROW), "m", {"contents": "x"}), theirs)
                try:
                    events = await loopback.events(ROW, ChatRequest("m", (user("x"),)))
                except ProviderError:
                    assert not theirs.text
                    continue
                assert without_invented_ids(reading.ours(events)) == theirs
