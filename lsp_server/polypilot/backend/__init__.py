"""The backend: settings, keys, gate, providers and engines put together once for every face."""

from __future__ import annotations

from polypilot.backend.core import Backend
from polypilot.backend.discovering import LocalServer
from polypilot.backend.doctor_check import Check
from polypilot.backend.file_completion import CompletionResult
from polypilot.backend.providers_view import ProviderState
from polypilot.backend.selecting import Selected
from polypilot.backend.status import Choice, State, Status

__all__ = [
    "Backend",
    "Check",
    "Choice",
    "CompletionResult",
    "LocalServer",
    "ProviderState",
    "Selected",
    "State",
    "Status",
]
