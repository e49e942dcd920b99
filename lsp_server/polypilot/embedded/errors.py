"""What can keep the embedded model from answering, in the user's words."""

from __future__ import annotations

from polypilot.errors import UserError

PULL_CURE = "run `polypilot models pull`"
EXTRA_CURE = "install it with: pip install 'polypilot[embedded]'"


class EmbeddedError(UserError):
    """The embedded model can't be fetched or served.

    ``code`` is one of:

    - ``needs_extra``: the runtime's package is not installed
    - ``needs_model``: the model's file is not there, or not whole
    - ``model_corrupt``: the file, or what a source delivered, is not the pinned one
    - ``unknown_model``: neither in the catalog nor a file
    - ``no_source``: no source delivered the model
    - ``disk_full``: too little space for it
    - ``start_failed``: its process could not be started
    - ``cancelled``: the user stopped the fetching; what had arrived is kept
    """

    code = "embedded"


def needs_extra() -> EmbeddedError:
    """The package with the runtime is missing."""
    return EmbeddedError(
        "the embedded model's runtime (xllamacpp) is not installed",
        code="needs_extra",
        cure=EXTRA_CURE,
    )


def disk_full(folder: str, missing: int) -> EmbeddedError:
    """There is not enough space in ``folder``; ``missing`` bytes more are needed (0: unknown)."""
    amount = f"{missing / 1e6:,.0f} MB more are needed in" if missing else "no space is left in"
    return EmbeddedError(
        f"{amount} {folder}",
        code="disk_full",
        cure="free some space, or set POLYPILOT_DATA_DIR to a larger disk; "
        "what has arrived is kept",
    )
