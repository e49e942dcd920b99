"""What the server offers, one module per group of methods.

Each module has ``register(server)``. `serve` takes the functions to call, so that a test can
serve other ones.
"""

from __future__ import annotations

from polypilot.lsp.features import actions, chat, completion, control, insight, session

FEATURES = (
    completion.register,
    insight.register,
    chat.register,
    actions.register,
    control.register,
    session.register,
)
"""All of them, in no particular order."""
