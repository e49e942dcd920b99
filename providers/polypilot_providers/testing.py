"""For tests of providers: a scripted HTTP server, the suites that every provider passes, probes."""

from polypilot_providers.conformance import ProviderConformance
from polypilot_providers.conformance_answers import AnswersConformance, Case
from polypilot_providers.conformance_likelihood import LikelihoodConformance
from polypilot_providers.probes import body_of, key_of, outcome, read
from polypilot_providers.scripted import ScriptedServer
from polypilot_providers.scripts import (
    Close,
    Request,
    Reset,
    Send,
    Stall,
    Step,
    Tick,
    Wait,
    aws_frame,
    reply,
    stream,
)

__all__ = [
    "AnswersConformance",
    "Case",
    "Close",
    "LikelihoodConformance",
    "ProviderConformance",
    "Request",
    "Reset",
    "ScriptedServer",
    "Send",
    "Stall",
    "Step",
    "Tick",
    "Wait",
    "aws_frame",
    "body_of",
    "key_of",
    "outcome",
    "read",
    "reply",
    "stream",
]
