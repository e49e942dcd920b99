"""What models turned out not to take, and what is sent to them instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from polypilot_providers.jsonvalue import as_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RENAMES = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_CHOICES = {
    "reasoning_effort": "",
    "effort": "",
    "thinkingLevel": "",
    "thinkingBudget": "",
    "reasoning": "effort",
    "output_config": "effort",
    "reasoningConfig": "maxReasoningEffort",
    "thinking": "type",
}
"""Parameters of which a model may take one choice and not another, and the field of theirs that
holds it (empty: they are the choice). Of any other, no value is taken once one was refused."""

Setting = tuple[str, object]
"""A parameter's name, and the choice made by it; None where any value is like another."""


def choice(name: str, value: object) -> object:
    """What ``value`` chooses for the parameter ``name``; None where that makes no difference."""
    field = _CHOICES.get(name)
    if field is None:
        return None
    return as_dict(value).get(field) if field else value


def nearest(refused: object, allowed: Sequence[str]) -> list[str]:
    """The efforts in ``allowed`` by how well they stand in for a refused one.

    More reasoning is better than less; nothing if it was no effort that was refused. Claude's
    reasoning that can't be switched off may be kept to what lies between tool calls.
    """
    if refused == "disabled":
        return [choice for choice in allowed if choice == "between_tools"]
    if refused not in _EFFORTS:
        return []
    at = _EFFORTS.index(refused)
    higher = [effort for effort in _EFFORTS[at:] if effort in allowed]
    return higher + [effort for effort in reversed(_EFFORTS[:at]) if effort in allowed]


class Quirks:
    """Which settings a model turned out not to take, and which each of them gives way to."""

    def __init__(self, instead: Mapping[Setting, Setting | None] | None = None) -> None:
        # No setting leads back to itself: see `learned`.
        self._instead = dict(instead or {})

    def apply(self, wanted: Mapping[str, object]) -> dict[str, object]:
        """These parameters as the model takes them."""
        sent: dict[str, object] = {}
        for name, value in wanted.items():
            asked = (name, choice(name, value))
            setting: Setting | None = asked
            while setting in self._instead:
                setting = self._instead[setting]
            if setting is not None:
                sent[setting[0]] = value if setting[1] == asked[1] else _chosen(setting, value)
        return sent

    def learned(
        self, refused: Mapping[str, Sequence[object]], sent: Mapping[str, object]
    ) -> Quirks:
        """Another one, which knows as well that these parameters in ``sent`` were refused.

        ``refused`` has the choices to try in each one's place, best first; a pair is another
        parameter and its choice. Those that were refused before are passed over; if none is
        left, the parameter is left out.
        """
        instead = dict(self._instead)
        for name, choices in refused.items():
            setting = (name, choice(name, sent[name]))
            others = [_setting(name, other) for other in choices]
            if name in _RENAMES:
                others = [(_RENAMES[name], None)]
            tried = {setting, *instead}
            instead[setting] = next((other for other in others if other not in tried), None)
        return Quirks(instead)


def _setting(name: str, other: object) -> Setting:
    return cast("Setting", other) if isinstance(other, tuple) else (name, other)


def _chosen(setting: Setting, value: object) -> object:
    """``value`` with another choice in it."""
    name, other = setting
    field = _CHOICES[name]
    return as_dict(value) | {field: other} if field else other
