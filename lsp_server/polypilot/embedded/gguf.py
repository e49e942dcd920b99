"""Reads the header of a GGUF model file: enough to know how the model wants to be asked.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little
endian). A file comes from anywhere, so every length in it is checked before it is believed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from polypilot.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_ENTRIES = 10_000
_MAX_HEADER = 256_000_000
"""Bytes. The largest vocabularies of 2026 (260,000 tokens with merges) take about 12 MB."""
_MAX_NESTING = 4

_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip

# The texts by which llama.cpp recognises a vocabulary's fill-in-the-middle tokens when the
# metadata does not name them (llama-vocab.cpp).
_FIM_PREFIX = frozenset(
    (b"<|fim_prefix|>", b"<fim-prefix>", b"<fim_prefix>", "<｜fim▁begin｜>".encode(),  # noqa: RUF001  (DeepSeek's own characters)
     b"<PRE>", "▁<PRE>".encode(), b"<|code_prefix|>", b"<|prefix|>")
)  # fmt: skip
_FIM_KEYS = frozenset(("tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"))


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says about its model."""

    name: str
    architecture: str
    context_tokens: int
    """The window it was trained for; 0 if it does not say."""
    fim: bool
    """Whether it has tokens for filling in the middle."""
    chat: bool
    """Whether it has a chat template; without one it is a base model."""


def read_header(path: Path) -> Header:
    """Read what ``path`` says about its model. Takes about 0.1 s; blocks.

    Raises:
        EmbeddedError: ``needs_model`` if it can't be opened, ``model_corrupt`` if it is not
            a GGUF file or its header is cut short.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file).header()
    except OSError as exc:
        raise EmbeddedError(
            f"the model file {path.name!r} can't be opened: {exc.strerror}",
            code="needs_model",
            cure="check the setting embedded.model_file",
        ) from exc
    except (ValueError, struct.error) as exc:
        raise EmbeddedError(
            f"{path.name!r} is not a whole GGUF model file",
            code="model_corrupt",
            cure="fetch it again, or name another file in embedded.model_file",
        ) from exc


class _Reader:
    """Walks the key-value section once. Raises ValueError or struct.error on bad data."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MAX_HEADER
        self._fim = False

    def header(self) -> Header:
        if self._take(4) != _MAGIC or self._scalar("<I") not in _VERSIONS:
            raise ValueError("magic or version")
        self._scalar("<Q")  # number of tensors
        entries = self._scalar("<Q")
        if not isinstance(entries, int) or entries > _MAX_ENTRIES:
            raise ValueError("entries")
        found: dict[str, object] = {}
        for _ in range(entries):
            key = self._string().decode("utf-8", "replace")
            self._fim = self._fim or key in _FIM_KEYS
            found[key] = self._value(self._scalar("<I"), 0)
        architecture = str(found.get("general.architecture", ""))
        context = found.get(f"{architecture}.context_length", 0)
        return Header(
            name=str(found.get("general.name", "")),
            architecture=architecture,
            context_tokens=context if isinstance(context, int) else 0,
            fim=self._fim,
            chat=bool(found.get("tokenizer.chat_template")),
        )

    def _value(self, kind: object, depth: int) -> object:
        if kind == _STRING:
            return self._string().decode("utf-8", "replace")
        if kind == _ARRAY:
            return self._array(depth + 1)
        if isinstance(kind, int) and kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        raise ValueError("value type")

    def _array(self, depth: int) -> None:
        """Skip an array; of a vocabulary only whether it has FIM tokens is of interest."""
        kind, count = self._scalar("<I"), self._scalar("<Q")
        if not isinstance(count, int) or count > self._left or depth > _MAX_NESTING:
            raise ValueError("array")
        if kind == _STRING:
            for _ in range(count):
                if self._string() in _FIM_PREFIX:
                    self._fim = True
        elif isinstance(kind, int) and kind in _SCALARS:
            self._take(count * struct.calcsize(_SCALARS[kind]))
        else:
            for _ in range(count):
                self._value(kind, depth)

    def _string(self) -> bytes:
        length = self._scalar("<Q")
        if not isinstance(length, int):
            raise TypeError
        return self._take(length)

    def _scalar(self, form: str) -> object:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise ValueError("header too large")
        data = self._file.read(size)
        if len(data) != size:
            raise ValueError("cut short")
        return data
