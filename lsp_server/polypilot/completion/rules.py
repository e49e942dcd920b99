"""When not to ask. All cheap: they run on every key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.completion.values import Ask, Policy, Trigger, Why

if TYPE_CHECKING:
    from polypilot.workspace.documents import Snapshot


def refusal(ask: Ask, policy: Policy) -> Why | None:
    """Why this ask is not answered; None if it may be.

    An explicit request passes all but the switch that turns completions off. (What may not
    leave the machine is the gate's business; no request passes that.)
    """
    if not policy.enabled:
        return Why.DISABLED
    if ask.trigger is Trigger.INVOKED:
        return None
    if policy.paused:
        return Why.PAUSED
    snapshot = ask.snapshot
    if snapshot.language_id in policy.disabled_languages:
        return Why.LANGUAGE
    if snapshot.total_chars > policy.max_chars:
        return Why.TOO_LARGE
    return Why.WORD_AFTER if _word_after(snapshot) else None


def _word_after(snapshot: Snapshot) -> bool:
    """In the middle of a word nothing good can be inserted."""
    after = snapshot.line_suffix[:1]
    return after.isalnum() or after == "_"
