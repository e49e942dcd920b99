"""What to ask a server in order to learn what it takes, and the row that its answers make. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from polypilot_providers.catalog import rows
from polypilot_providers.detect import RUNTIMES, Kind, Place, writers
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.families import family
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str

if TYPE_CHECKING:
    from polypilot_providers.answer import Answer
    from polypilot_providers.catalog import Wire
    from polypilot_providers.origin import Origin

_HEAD = "def add(first, second):\n    return "
_TAIL = "\n\n\ndef subtract(first, second):\n    return first - second\n\n\nprint(add(40, 2))\n"
"""Ours: nothing of the user's is ever in a question that only wants to learn something."""
_FEW = 8
"""Up to so many models the first is taken for a sensible choice; beyond, the user has to choose."""
CATALOG: dict[Kind, tuple[str, ...]] = {
    Kind.OLLAMA: ("ollama",),
    Kind.LLAMA_CPP: ("llama.cpp",),
    Kind.LMSTUDIO: ("lmstudio",),
    Kind.VLLM: ("vllm",),
    Kind.MLX: ("mlx-lm",),
    Kind.APPLE: ("afm", "apple-fm", "apfel"),
    Kind.LITELLM: ("litellm",),
}
"""The catalog's rows of each kind, the one to be like first; at most one of them per port."""
_ALIKE = ("effort_field", "logprobs", "prompt_tokens", "stop_limit")
"""What every server of a kind takes, wherever it is."""

ENDPOINTS = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
    "completions": "/completions",
    "fim": "/fim/completions",
}
"""Addresses below a base that an empty request is sent to: it costs nothing, its refusal tells."""


@dataclass(frozen=True, slots=True)
class Question:
    """One token of an answer over ``wire``, and what had to be changed for it to be taken."""

    wire: Wire
    model: str
    max_tokens_field: str = "max_tokens"
    stream_usage: bool = True

    @property
    def path(self) -> str:
        """Where it goes, below the base."""
        names: dict[str, str] = {"openai-responses": "responses", "anthropic-messages": "messages"}
        return ENDPOINTS[names.get(self.wire, "chat")]

    def body(self) -> dict[str, object]:
        """The request's body."""
        words = "Say ok."
        if self.wire == "openai-responses":
            # The least that OpenAI's takes.
            return {"model": self.model, "input": words, "max_output_tokens": 16, "store": False}
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": words}],
            self.max_tokens_field: 1,
        }
        if self.wire == "openai-chat":
            body["stream"] = True
            if self.stream_usage:
                body["stream_options"] = {"include_usage": True}
        return body

    def after(self, answer: Answer) -> Question | None:
        """What to ask next, if a parameter was refused that we can change."""
        error = answer.error
        if self.wire != "openai-chat" or not isinstance(error, ParameterRefused) or took(answer):
            return None
        if self.max_tokens_field == "max_tokens" and error.names("max_tokens"):
            return replace(self, max_tokens_field="max_completion_tokens")
        if self.stream_usage and error.names("stream_options"):
            return replace(self, stream_usage=False)
        return None


def took(answer: Answer) -> bool:
    """Whether the model was asked, even if one token was too few for it to say anything."""
    if answer.error is not None:
        return "output limit was reached" in answer.error.message
    marks = (b'"choices"', b'"output"', b'"content"')
    return answer.ok and any(mark in answer.body for mark in marks)


def fill(model: str, *, suffix: bool) -> dict[str, object]:
    """A request for one token before ``_TAIL``, or the same without it."""
    body: dict[str, object] = {"model": model, "prompt": _HEAD, "max_tokens": 1}
    return body | {"suffix": _TAIL} if suffix else body


def heeds_suffix(without: Answer, given: Answer) -> bool | None:
    """Whether what follows the cursor reached the model: then its prompt is longer.

    None: not told. Servers that don't know the field take it and ignore it.
    """
    if not given.ok:
        return False if given.status else None
    short, long = (
        as_int(as_dict(as_dict(each.json).get("usage")).get("prompt_tokens"))
        for each in (without, given)
    )
    return None if short is None or long is None else long > short


def inserts(shown: Answer) -> bool:
    """Whether an Ollama model, by what ``/api/show`` says of it, completes before a suffix."""
    return "insert" in as_list(as_dict(shown.json).get("capabilities"))


def lacks_infill(answer: Answer) -> bool:
    """Whether llama.cpp's ``/infill`` says that its model can't, or is not there."""
    said = as_str(as_dict(as_dict(answer.json).get("error")).get("type"))
    return answer.status in (404, 405, 501) or said == "not_supported_error"


@dataclass(slots=True)
class Found:
    """What is known of a server so far; None: not known."""

    origin: Origin
    place: Place
    kind: Kind
    base: str
    """The path below which it has its list of models."""
    names: list[str] = field(default_factory=list[str])
    """Its models."""
    given_wire: Wire | None = None
    given_model: str = ""
    endpoints: dict[str, bool | None] = field(default_factory=dict[str, bool | None])
    inserts: list[str] = field(default_factory=list[str])
    """Ollama's models that take a suffix."""
    infill: bool | None = None
    fim: bool | None = None
    suffix: bool | None = None
    question: Question | None = None
    """As it was taken."""
    auth_header: str = ""
    """Set if the key travels in another header than the wire's own."""
    notes: list[str] = field(default_factory=list[str])

    @property
    def runtime(self) -> bool:
        """Whether it computes itself, as far as can be told."""
        return self.kind in RUNTIMES

    @property
    def wire(self) -> Wire:
        """The wire to chat over."""
        if self.given_wire is not None:
            return self.given_wire
        if self.kind in _WIRES:
            return _WIRES[self.kind]
        has = self.endpoints.get
        if has("chat") is not False:
            return "openai-chat"
        if has("responses"):
            return "openai-responses"
        return "anthropic-messages" if has("messages") else "openai-chat"

    @property
    def writers(self) -> list[str]:
        """The models that may be asked for text, the user's choice first."""
        names = writers(self.names)
        given = self.given_model
        return [given, *(name for name in names if name != given)] if given else names

    @property
    def chat_model(self) -> str:
        """The model to chat with, if there is an obvious one."""
        names = self.writers
        if self.given_model or len(names) <= _FEW or self.runtime:
            talkers = [name for name in names if not name.lower().endswith(("base", "fim"))]
            return (talkers or names or [""])[0]
        return ""

    @property
    def completion_model(self) -> str:
        """The model to complete with: one that was trained to, if there is one."""
        coders = self.inserts or [name for name in self.writers if family(name)]
        if self.given_model and self.given_model not in coders:
            return self.given_model
        return coders[0] if coders else self.chat_model

    @property
    def completion(self) -> str:
        """How a completion is asked for."""
        template = family(self.completion_model)
        raw = f"template:{template}" if template else "chat"
        match self.wire:
            case "ollama":
                return "ollama-generate" if self.completion_model in self.inserts else raw
            case "llama-cpp":
                return "llama-infill" if self.infill is not False else raw
            case "openai-chat":
                return self._over_openai(raw)
            case _:
                return "chat"

    def _over_openai(self, raw: str) -> str:
        if self.kind in (Kind.OPENAI, Kind.LITELLM):
            if self.fim:
                return "mistral-fim"
            if self.suffix:
                return "openai-completions"
            return raw if self.endpoints.get("completions") else "chat"
        return "chat" if self.kind is Kind.APPLE else raw

    @property
    def base_url(self) -> str:
        """The address for the row."""
        path = self.base
        if self.wire in ("ollama", "llama-cpp", "anthropic-messages"):
            path = self.place.root
        elif self.wire == "gemini" and self.place.bases[0] == self.place.root:
            path = f"{self.place.root}/v1beta"  # the version that is current, if none was named
        return f"{self.origin}{path}"

    def fields(self) -> dict[str, object]:
        """The row's fields that differ from the defaults, but for who may ask."""
        fields: dict[str, object] = {"wire": self.wire, "base_url": self.base_url}
        known: tuple[tuple[str, object, object], ...] = (
            ("completion", self.completion, "chat"),
            ("completion_model", self.completion_model, ""),
            ("chat_model", self.chat_model, ""),
            ("auth_header", self.auth_header, ""),
            ("free", self.runtime and self.origin.is_loopback, False),
            ("forwards", self.kind is Kind.LITELLM and self.origin.is_loopback, False),
            ("max_tokens_field", self._asked.max_tokens_field, "max_tokens"),
            ("stream_usage", self._asked.stream_usage, True),
        )
        fields |= {name: value for name, value, default in known if value != default}
        for like in CATALOG.get(self.kind, ())[:1]:
            row = rows({})[like].model_dump(include=set(_ALIKE), exclude_defaults=True)
            fields |= {name: row[name] for name in _ALIKE if name in row}
        return fields

    @property
    def _asked(self) -> Question:
        return self.question or Question(self.wire, "")

    def unknown(self) -> list[str]:
        """What could not be found out, for the user."""
        open_: list[str] = []
        if not self.names:
            open_.append("which models it serves: name one with `polypilot use NAME/MODEL`")
        elif not self.chat_model:
            open_.append("which of its models to use: choose with `polypilot use NAME/MODEL`")
        if self.question is None and not self.runtime:
            open_.append("whether a model answers: none was asked")
        guess = self.completion == "chat" and self.endpoints.get("completions")
        if self.suffix is None and self.kind in (Kind.OPENAI, Kind.LITELLM) and guess:
            open_.append("whether it completes between prefix and suffix: chat is used instead")
        return open_


_WIRES: dict[Kind, Wire] = {
    Kind.OLLAMA: "ollama",
    Kind.LLAMA_CPP: "llama-cpp",
    Kind.LMSTUDIO: "openai-chat",
    Kind.VLLM: "openai-chat",
    Kind.MLX: "openai-chat",
    Kind.APPLE: "openai-chat",
    Kind.ANTHROPIC: "anthropic-messages",
    Kind.GEMINI: "gemini",
}
