"""For tests of providers: a scripted HTTP server, and the suite that every provider passes."""

from polypilot_providers.conformance import ProviderConformance
from polypilot_providers.scripted import (
    Close,
    Request,
    Reset,
    ScriptedServer,
    Send,
    Stall,
    Step,
    Tick,
    Wait,
    reply,
    stream,
)

__all__ = [
    "Close",
    "ProviderConformance",
    "Request",
    "Reset",
    "ScriptedServer",
    "Send",
    "Stall",
    "Step",
    "Tick",
    "Wait",
    "reply",
    "stream",
]
