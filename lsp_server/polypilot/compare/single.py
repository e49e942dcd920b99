"""One process at a time for each comparison: two would pay for the same questions."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from polypilot import paths
from polypilot.errors import UserError
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

_DISK_S = 30.0


@contextlib.asynccontextmanager
async def only_one(spec: Mapping[str, Any]) -> AsyncGenerator[None]:
    """Hold a comparison, by its specification. The system lets go of it if we die.

    Raises:
        UserError: ``at_work``, another process holds it.
    """
    name = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    held = contextlib.ExitStack()

    def hold() -> None:
        folder = paths.ensure_private(paths.runtime_dir())
        held.enter_context(paths.exclusive(folder / f"compare-{name}", timeout=0.0))

    try:
        await run_blocking(hold, timeout=_DISK_S, name="lock")
    except TimeoutError:
        raise UserError(
            "this comparison is at work in another terminal",
            code="at_work",
            cure="wait for it, or end it there with Ctrl-C and give the command again",
        ) from None
    try:
        yield
    finally:
        await run_blocking(held.close, timeout=_DISK_S, name="lock")
