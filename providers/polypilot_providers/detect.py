"""What a server is and what it takes, judged by its answers. Pure: the asking is the caller's.

The marks of each kind of server are those of its documentation or source: Ollama's
``/api/version``, llama.cpp's ``/props`` and ``owned_by``, LM Studio's ``/api/v1/models``, vLLM's
``owned_by`` and ``max_model_len``, LiteLLM's ``x-litellm-*`` headers, mlx-lm's use of Python's
``http.server``, ``owned_by`` of the servers of Apple's model, and the shapes of refusals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from polypilot_providers.errors import UnknownModel
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot_providers.answer import Answer


class Kind(StrEnum):
    """The kinds of servers that can be told apart."""

    OLLAMA = "Ollama"
    LLAMA_CPP = "llama.cpp server"
    LMSTUDIO = "LM Studio"
    VLLM = "vLLM"
    MLX = "mlx-lm server"
    APPLE = "server of Apple's on-device model"
    LITELLM = "LiteLLM proxy"
    ANTHROPIC = "Anthropic-compatible API"
    GEMINI = "Gemini API"
    OPENAI = "OpenAI-compatible API"


RUNTIMES = frozenset((Kind.OLLAMA, Kind.LLAMA_CPP, Kind.LMSTUDIO, Kind.VLLM, Kind.MLX, Kind.APPLE))
"""Those that compute themselves: nothing is paid per token, and what they take is known."""

FINGERPRINTS = {
    "version": "/api/version",
    "props": "/props",
    "lmstudio": "/api/v1/models",
}
"""Addresses, below the root, that only one kind of server answers."""

_ENDPOINT = re.compile(
    r"/(?:chat/completions|fim/completions|completions|responses|messages|models|embeddings|infill"
    r"|api/(?:chat|generate|tags|version|show))/*$"
)
_VERSION = re.compile(r"/v\d+(?:beta\d*|alpha\d*)?$")


@dataclass(frozen=True, slots=True)
class Place:
    """Where on a host an API may be."""

    root: str
    """Path below which servers have what is their own (``/api/version``, ``/v1/messages``)."""
    bases: tuple[str, ...]
    """Paths below which ``/models`` may be, the likeliest first."""


def place(path: str) -> Place:
    """Where to look, given the path of an address that a person pasted."""
    path = _ENDPOINT.sub("", path.rstrip("/")).rstrip("/")
    root = _VERSION.sub("", path)
    return Place(root, (path, f"{path}/v1") if root == path else (path, root))


def models(answer: Answer) -> list[Mapping[str, object]]:
    """The entries of a list of models, whatever API it is of; empty if it is none."""
    value = answer.json if answer.ok else None
    fields = as_dict(value)
    entries = as_list(value) or as_list(fields.get("data")) or as_list(fields.get("models"))
    return [entry for each in entries if model_id(entry := as_dict(each))]


def model_id(entry: Mapping[str, object]) -> str:
    """The name by which a listed model is asked for; empty if it has none that can be shown."""
    name = as_str(entry.get("id")) or as_str(entry.get("model")) or as_str(entry.get("key"))
    name = name or as_str(entry.get("name")).removeprefix("models/")
    return name if name.isprintable() else ""


def is_list(answer: Answer) -> bool:
    """Whether it is a list of models, though it may be empty."""
    return bool(models(answer)) or (
        answer.ok and isinstance(as_dict(answer.json).get("data"), list)
    )


def speaks(answer: Answer) -> bool:
    """Whether an API answered: a list, or a refusal in JSON other than "there is no such page"."""
    if answer.ok:
        return is_list(answer)
    return answer.status in (400, 401, 402, 403, 422, 429) and bool(as_dict(answer.json))


def is_page(answer: Answer) -> bool:
    """Whether it is a web page, made for people."""
    start = answer.body[:200].lstrip().lower()
    return start.startswith((b"<!doctype", b"<html")) or (
        "text/html" in answer.headers.get("content-type", "")
    )


def recognise(listed: Answer, marks: Mapping[str, Answer]) -> Kind | None:
    """What a server is.

    Args:
        listed: its answer to a request for its models.
        marks: its answers by the names of :data:`FINGERPRINTS`.
    """
    for kind, found in (
        (Kind.LITELLM, _is_litellm((listed, *marks.values()))),
        (Kind.APPLE, "apple" in _owners(listed)),
        (Kind.LMSTUDIO, _is_lmstudio(marks["lmstudio"])),
        (Kind.LLAMA_CPP, "llamacpp" in _owners(listed) or _is_llama(listed, marks["props"])),
        (Kind.OLLAMA, _is_ollama(marks["version"])),
        (Kind.VLLM, _is_vllm(listed)),
        (Kind.GEMINI, _is_gemini(listed)),
        (Kind.ANTHROPIC, is_anthropic(listed)),
        (Kind.MLX, _is_mlx(listed)),
        (Kind.OPENAI, speaks(listed)),
    ):
        if found:
            return kind
    return None


def _owners(listed: Answer) -> set[str]:
    return {as_str(entry.get("owned_by")).lower() for entry in models(listed)}


def _is_litellm(answers: Iterable[Answer]) -> bool:
    return any(name.lower().startswith("x-litellm-") for each in answers for name in each.headers)


def _is_lmstudio(answer: Answer) -> bool:
    fields = as_dict(answer.json if answer.ok else None)
    entries = as_list(fields.get("models"))
    return "models" in fields and all("key" in as_dict(each) for each in entries)


def _is_llama(listed: Answer, props: Answer) -> bool:
    if listed.headers.get("server", "") == "llama.cpp":
        return True
    return props.ok and "default_generation_settings" in as_dict(props.json)


def _is_ollama(answer: Answer) -> bool:
    return answer.ok and bool(as_str(as_dict(answer.json).get("version")))


def _is_vllm(listed: Answer) -> bool:
    return "vllm" in _owners(listed) or any("max_model_len" in entry for entry in models(listed))


def _is_gemini(listed: Answer) -> bool:
    error = as_dict(as_dict(listed.json).get("error"))
    google = as_int(error.get("code")) == listed.status and as_str(error.get("status")).isupper()
    return google or any("supportedGenerationMethods" in entry for entry in models(listed))


def is_anthropic(answer: Answer) -> bool:
    """Whether a list or a refusal has the shape of Anthropic's."""
    fields = as_dict(answer.json)
    if fields.get("type") == "error" and as_str(as_dict(fields.get("error")).get("type")):
        return True
    entries = models(answer)
    return bool(entries) and all(
        entry.get("type") == "model" and "object" not in entry for entry in entries
    )


def _is_mlx(listed: Answer) -> bool:
    return bool(models(listed)) and listed.headers.get("server", "").startswith("BaseHTTP/")


def exists(answer: Answer) -> bool | None:
    """Whether an endpoint is there, by its answer to an empty request; None: it can't be told."""
    if answer.status in (404, 405, 501):
        # Some look at the model first, whose name was missing.
        return isinstance(answer.error, UnknownModel) and b"model" in answer.body.lower()
    if 400 <= answer.status < 500:  # noqa: PLR2004 - it understood that something is wrong
        return not is_page(answer)
    return not is_page(answer) if answer.ok else None


_NO_CHAT = re.compile(
    r"embed|rerank|whisper|tts|speech|audio|image|dall|moderation|guard|bge-|transcri"
)
"""Names of models that write no text."""


def writers(names: Iterable[str]) -> list[str]:
    """The models that may be asked for text."""
    return [name for name in names if not _NO_CHAT.search(name.lower())]
