"""The doctor: looks at each link of the chain and says what to do about a broken one."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.backend import doctor_chat
from polypilot.backend.doctor_check import LOOK_S, Check, looked
from polypilot.credentials import CredentialError
from polypilot.embedded.catalog import Model, catalog
from polypilot.errors import Problem, describe
from polypilot.settings import EMBEDDED
from polypilot.tasks import run_blocking
from polypilot_prompts import syntax_grammars
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ModelInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from polypilot.backend.core import Backend
    from polypilot_providers.catalog import ProviderRow

FREE_MB = 700
"""Room the default model needs while it is fetched: 491 MB and the parts it comes in."""


async def examine(backend: Backend, *, online: bool, nearby: bool) -> list[Check]:
    """Every check, in the order in which a fault would be met.

    With ``nearby`` known servers are looked for on this machine; with ``online`` each selected
    provider is asked what proves its key: mostly its list of models, which costs nothing, else a
    token of an answer; and the user's MCP servers are asked for their tools. Without either no
    connection is made and no server started.
    """
    return [check async for check in _checks(backend, online=online, nearby=nearby)]


async def _checks(backend: Backend, *, online: bool, nearby: bool) -> AsyncIterator[Check]:
    yield _python()
    yield await _ground("program", _program)
    yield await _ground("settings", lambda: _settings(backend))
    yield await _ground("data folder", lambda: _folder("data folder", paths.data_dir()))
    yield await _ground("cache folder", lambda: _folder("cache folder", paths.cache_dir()))
    needed = EMBEDDED in _selected(backend)
    yield await _ground("disk", lambda: _disk(paths.data_dir(), needed=needed))
    yield await _keyring(backend)
    for provider_id in _selected(backend):
        try:
            row = backend.row(provider_id)
        except ProviderError as error:
            yield Check(f"provider {provider_id}", ok=False, detail=error.message, cure=error.cure)
            continue
        if row.id == EMBEDDED:
            yield _extra()
            yield await _model(backend)
        else:
            yield await _key(backend, row)
        if online:
            yield await _reach(backend, row)
    if nearby:
        yield await _asked("local servers", lambda: _nearby(backend))
    async for check in doctor_chat.checks(backend, online=online):
        yield check
    yield await _ground("syntax", _syntax)
    yield await _ground("workspace", lambda: _trust(backend))


async def _ground(name: str, look: Callable[[], Check]) -> Check:
    """A look at the disk: off the loop, since disks hang, and without an end for the others."""
    return await looked(name, run_blocking(look, timeout=LOOK_S, name=name))


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", sys.version_info >= (3, 11), f"{version} at {sys.executable}")


def _program() -> Check:
    found = shutil.which("polypilot")
    if found:
        return Check("program", ok=True, detail=f"editors can start {found}")
    # An interpreter inside another program may not know its own name.
    beside = Path(sys.executable or sys.prefix).parent / "polypilot"
    return Check(
        "program",
        ok=None,
        detail="`polypilot` is not on PATH",
        cure=f"Give your editor the full path: {beside}",
    )


def _settings(backend: Backend) -> Check:
    loaded = backend.loaded
    file = paths.config_file()
    if not loaded.problems:
        state = f"{file}" if file.exists() else f"{file} (not there: defaults)"
        return Check("settings", ok=True, detail=state)
    # The first of the worst.
    first = min(loaded.problems, key=lambda problem: problem.severity != "error")
    more = f" (and {len(loaded.problems) - 1} more)" if len(loaded.problems) > 1 else ""
    return Check("settings", ok=False, detail=f"{first.message}{more}", cure=first.cure)


def _folder(name: str, folder: Path) -> Check:
    there = _nearest(folder)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check(name, ok=True, detail=str(folder))
    return Check(
        name,
        ok=False,
        detail=f"{folder} can't be written",
        cure="Make it writable, or set POLYPILOT_DATA_DIR and POLYPILOT_CACHE_DIR elsewhere.",
    )


def _nearest(folder: Path) -> Path:
    """The folder, or what is there of the way to it."""
    return next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)


def _disk(folder: Path, *, needed: bool) -> Check:
    try:
        free = shutil.disk_usage(_nearest(folder)).free // 2**20
    except OSError as error:
        return Check("disk", ok=None, detail=f"not readable ({error.strerror})")
    if free >= FREE_MB:
        return Check("disk", ok=True, detail=f"{free} MB free")
    cure = f"The embedded model needs {FREE_MB} MB while it is fetched."
    return Check("disk", ok=False if needed else None, detail=f"{free} MB free", cure=cure)


async def _keyring(backend: Backend) -> Check:
    try:
        name = await backend.credentials.backend_name()
    except CredentialError as error:
        needed = any(
            backend.rows()[p].auth == "keyring" for p in _selected(backend) if p in backend.rows()
        )
        return Check("keyring", ok=False if needed else None, detail=error.message, cure=error.cure)
    return Check("keyring", ok=True, detail=name)


async def _key(backend: Backend, row: ProviderRow) -> Check:
    name = f"key of {row.id}"
    match row.auth:
        case "none":
            return Check(name, ok=True, detail="none needed")
        case "aws":
            return Check(name, ok=True, detail="requests are signed with this machine's AWS keys")
        case "command":
            return await _asked(name, lambda: _token(backend, row.id))
        case "keyring":
            return await _stored_key(backend, row, name)


async def _stored_key(backend: Backend, row: ProviderRow, name: str) -> Check:
    cure = f"polypilot auth set {row.id}" + (f" --account {row.account}" if row.account else "")
    variable = backend.keys.environment(row.id)
    trouble: Problem | None = None
    stored = None
    try:
        origin = backend.origin(row.id)
        stored = await backend.credentials.get(row.id, origin, row.account)
        if stored is not None:
            which = f"{row.account!r}, " if row.account else ""
            return Check(name, ok=True, detail=f"{which}in the keyring, for {origin}")
    except (CredentialError, ProviderError) as error:
        trouble = describe(error)
    if variable:
        detail = f"taken from the environment variable {variable}"
        return Check(name, ok=True, detail=detail, cure=f"To keep it in the keyring: {cure}")
    if trouble is not None:
        return Check(name, ok=False, detail=trouble.message, cure=trouble.cure)
    which = f"none named {row.account!r}" if row.account else "none"
    return Check(name, ok=False, detail=f"{which} is stored", cure=cure)


async def _asked(name: str, ask: Callable[[], Awaitable[str]]) -> Check:
    async def answered() -> Check:
        return Check(name, ok=True, detail=await ask())

    return await looked(name, answered())


def _extra() -> Check:
    if importlib.util.find_spec("xllamacpp") is not None:
        return Check("embedded runtime", ok=True, detail="installed")
    return Check(
        "embedded runtime",
        ok=False,
        detail="not installed",
        cure='Install it: pip install "polypilot[embedded]"',
    )


async def _model(backend: Backend) -> Check:
    async def ask() -> str:
        model = backend.embedded_model
        # Reads the whole file once, to compare it with its SHA-256.
        path = await run_blocking(backend.models_store.require, model, timeout=120, name="model")
        return f"{model.id} at {path}"

    return await _asked("embedded model", ask)


async def _token(backend: Backend, provider_id: str) -> str:
    await backend.keys.check_token(provider_id)
    return "the token command works"


async def _reach(backend: Backend, row: ProviderRow) -> Check:
    async def ask() -> str:
        if row.id == EMBEDDED:
            return f"{len(await backend.list_models(row.id))} models"
        return f"answers: {await backend.keys.check(row.id)}"

    return await _asked(f"reach {row.id}", ask)


async def _nearby(backend: Backend) -> str:
    """What could be used besides; the user's own rows are not asked."""
    found = await backend.own_rows.discover(own=False)
    told = [
        f"{each.name} at {each.url} ({len(each.models)} models): `{each.offer}`" for each in found
    ]
    return "; ".join(told) or "none of the known ones runs on this machine"


def embedded_models(current: Model | None) -> list[ModelInfo]:
    """The models the embedded runtime could run, the one in use first."""
    found = {
        model.id: ModelInfo(model.id, model.name, model.context_tokens)
        for model in (*((current,) if current else ()), *catalog().values())
    }
    return list(found.values())


def _syntax() -> Check:
    """A matter of taste, never a failure. Imports the grammars, off the loop."""
    names = syntax_grammars.installed()
    if names:
        return Check("syntax", ok=True, detail=f"grammars for {', '.join(names)}")
    return Check(
        "syntax",
        ok=None,
        detail="no grammars: blocks end where indentation says",
        cure='To have some: pip install "polypilot[syntax]"',
    )


def _trust(backend: Backend) -> Check:
    if not backend.roots:
        return Check("workspace", ok=None, detail="no folder is open")
    if backend.trusted:
        return Check("workspace", ok=True, detail="trusted")
    return Check(
        "workspace",
        ok=None,
        detail="not trusted: its own settings may only tighten yours",
        cure="polypilot trust, if you know the folder",
    )


def _selected(backend: Backend) -> list[str]:
    settings = backend.settings
    wanted = [
        settings.completion.provider,
        settings.chat.provider,
        *settings.completion.fallback,
        *settings.chat.fallback,
    ]
    # A fallback may be written provider/model.
    return list(dict.fromkeys(target.split("/", 1)[0] for target in wanted))
