"""Models that go on from an answer's beginning are given the wrapper tag."""

from dataclasses import replace

import pytest

from polypilot_prompts.asking import OPEN_TAG
from polypilot_prompts.completion import Aim, build
from polypilot_prompts.context import CursorContext
from polypilot_prompts.postprocess import Filter
from polypilot_providers.types import ChatRequest, assistant

CONTEXT = CursorContext("x = ", "\nprint(x)\n", path="a.py", language="python")


def test_the_answer_is_begun_for_a_model_that_goes_on_from_there():
    begun = build(CONTEXT, Aim("m", "chat", prefill=True), block=False)
    plain = build(CONTEXT, Aim("m", "chat"), block=False)
    assert isinstance(begun.request, ChatRequest)
    assert isinstance(plain.request, ChatRequest)
    assert begun.request.messages == (*plain.request.messages, assistant(OPEN_TAG))
    assert begun.filter == replace(plain.filter, opened=True)


@pytest.mark.parametrize(
    ("block", "said", "shown"),
    [
        (False, "compute()</MISSING>", "compute()"),
        # It is code, whatever it looks like: nothing comes before it.
        (True, "<think>y</think>\n1</MISSING>", "<think>y</think>\n1"),
        (False, "```python\ncompute()\n```</MISSING>", "compute()"),
        (False, "\ncompute()</MISSING>", "compute()"),
    ],
)
def test_what_comes_is_the_text_itself(block: bool, said: str, shown: str):  # noqa: FBT001 - a parameter
    spec = build(CONTEXT, Aim("m", "chat", prefill=True), block=block).filter
    sift = Filter(spec)
    sift.feed(said)
    assert sift.finish().text == shown
