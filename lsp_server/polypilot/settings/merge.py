"""Putting the layers together: who may set what."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from polypilot.settings import tighten
from polypilot.settings.checks import as_list, checked, is_list
from polypilot.settings.layers import Key, Layer, Leaf, show
from polypilot.settings.model import KEYS, SECTIONS, Tighten, reach
from polypilot.settings.source import DEFAULT, EMBEDDED, Source
from polypilot_providers import retired

if TYPE_CHECKING:
    from collections.abc import Iterable

_PURPOSES = ("completion", "chat")
_NAMES = [*KEYS, *SECTIONS]


class Merger:
    """The values so far, by dotted name, and where each came from."""

    def __init__(self, known: Iterable[str], blocked: Iterable[str]) -> None:
        self.known = {EMBEDDED, *known}
        self.blocked = set(blocked)
        self.values: dict[str, Any] = {name: info.default for name, (_, _, info) in KEYS.items()}
        self.sources: dict[str, Source] = dict.fromkeys(KEYS, DEFAULT)

    # --- the user's file

    def user(self, layer: Layer, leaves: dict[Key, Leaf]) -> None:
        """Take what the user's own file says."""
        for key, leaf in leaves.items():
            name = self._name(layer, key, leaf)
            value = self._valid(layer, name, leaf) if name else None
            if name and value is not None and self._exists(layer, name, leaf, value):
                self._set(layer, name, leaf, value)

    # --- the editor

    def editor(self, layer: Layer, leaves: dict[Key, Leaf], rows: set[str]) -> None:
        """Take what the editor says, as far as it may say it.

        ``rows`` are the ids of the user's own rows. Values that say nothing (null, an empty
        provider) are what editors send for "not set".
        """
        selectable = {purpose: self._selectable(purpose, rows) for purpose in _PURPOSES}
        refused: set[str] = set()
        models = [f"{purpose}.model" for purpose in _PURPOSES]
        before = {model: (self.values[model], self.sources[model]) for model in models}
        for key, leaf in leaves.items():
            if _says_nothing(key, leaf):
                continue
            name = self._name(layer, key, leaf)
            if name is None:
                continue
            allowed = reach(KEYS[name][2]).editor
            value = None
            if allowed == "no":
                self._own_file_only(layer, name, leaf)
            else:
                value = self._valid(layer, name, leaf)
            if value is None:
                continue
            if not self._editor_may_choose(layer, name, leaf, value, selectable):
                refused.add(name)
                continue
            if allowed == "tighten":
                self._tighten(layer, name, leaf, value)
            else:
                self._set(layer, name, leaf, value)
        for purpose in _PURPOSES:
            self._drop_foreign_model(purpose)
            if f"{purpose}.provider" in refused:  # its model is none of the user's provider
                model = f"{purpose}.model"
                self.values[model], self.sources[model] = before[model]

    def _selectable(self, purpose: str, rows: set[str]) -> set[str]:
        """What the editor may choose: the providers that the user's file names, or, if that
        selects none for this purpose, any.
        """  # noqa: D205  (one sentence)
        if self.sources[f"{purpose}.provider"].kind == "default":
            return self.known
        named = rows | {EMBEDDED}
        for each in _PURPOSES:
            targets = (self.values[f"{each}.provider"], *self.values[f"{each}.fallback"])
            named |= {tighten.provider_of(target) for target in targets}
        return named

    def _editor_may_choose(
        self, layer: Layer, name: str, leaf: Leaf, value: Any, selectable: dict[str, set[str]]
    ) -> bool:
        if not _chooses(name):
            return True
        if not self._exists(layer, name, leaf, value):
            return False
        purpose = name.partition(".")[0]
        if all(tighten.provider_of(each) in selectable[purpose] for each in _targets(value)):
            return True
        self._not_listed(layer, name, leaf)
        return False

    def _drop_foreign_model(self, purpose: str) -> None:
        """The user's model belongs to the user's provider, not to one the editor chose."""
        model = f"{purpose}.model"
        chosen_here = self.sources[f"{purpose}.provider"].kind == "editor"
        if chosen_here and self.sources[model].kind == "user":
            self.values[model], self.sources[model] = "", DEFAULT

    # --- workspaces

    def workspace(self, layer: Layer, leaves: dict[Key, Leaf]) -> set[str]:
        """Tighten by what one workspace says; returns the dotted names that took effect."""
        applied: set[str] = set()
        choices: dict[str, tuple[Leaf, Any]] = {}
        for key, leaf in leaves.items():
            name = self._name(layer, key, leaf)
            if name is None:
                continue
            if reach(KEYS[name][2]).workspace is None:
                self._own_file_only(layer, name, leaf)
                continue
            value = self._valid(layer, name, leaf)
            if value is None:
                continue
            if _chooses(name):
                choices[name] = (leaf, value)
            elif self._tighten(layer, name, leaf, value):
                applied.add(name)
        for purpose in _PURPOSES:
            applied |= self._choose(layer, purpose, choices)
        return applied

    def _choose(self, layer: Layer, purpose: str, choices: dict[str, tuple[Leaf, Any]]) -> set[str]:
        """Narrow a purpose's providers to a workspace's choice; returns what took effect."""
        names = {"provider": f"{purpose}.provider", "fallback": f"{purpose}.fallback"}
        offered = tighten.Offer(
            self.values[names["provider"]],
            self.values[f"{purpose}.model"],
            self.values[names["fallback"]],
        )
        wanted: dict[str, Any] = {}
        for part, name in names.items():
            leaf, value = choices.get(name, (None, None))
            if leaf is None:
                continue
            if offered.has(_targets(value)):
                wanted[part] = value
                self.sources[name] = layer.source(leaf.line)
            else:
                self._not_listed(layer, name, leaf)
        if not wanted:
            return set()
        chosen = offered.narrow(wanted.get("provider"), wanted.get("fallback"))
        if chosen.model != offered.model:
            self.sources[f"{purpose}.model"] = self.sources[names["provider"]]
        self.values[names["provider"]], self.values[f"{purpose}.model"] = (
            chosen.provider,
            chosen.model,
        )
        self.values[names["fallback"]] = chosen.fallback
        return {names[part] for part in wanted}

    # --- shared

    def _name(self, layer: Layer, key: Key, leaf: Leaf) -> str | None:
        """The dotted name of a known key, or None with the reason reported."""
        name = ".".join(key)
        if name in KEYS:
            return name
        if key[:1] == ("accounts",) or (key[:1] == ("providers",) and key[2:] == ("account",)):
            self._own_account_only(layer, key, leaf)
        elif key[:1] in {("providers",), ("mcp",)}:
            self._own_file_only(layer, key, leaf)
        elif name in SECTIONS:
            cure = f"Write [{name}] and its settings below"
            layer.report(key, "must be a table", cure, code="bad_value", line=leaf.line)
        else:
            near = [] if layer.full else difflib.get_close_matches(show(key), _NAMES, n=1)
            cure = f"Did you mean {near[0]}?" if near else "Remove it"
            message = "is not a setting; ignored"
            layer.report(key, message, cure, code="unknown_key", line=leaf.line, severity="warning")
        return None

    def _own_file_only(self, layer: Layer, key: Key | str, leaf: Leaf) -> None:
        layer.report(
            key,
            "may be set in your own config.toml only, since a repository could have set it here; "
            "ignored",
            "If you want it, put it into your config.toml",
            code="user_scope",
            line=leaf.line,
        )

    def _own_account_only(self, layer: Layer, key: Key, leaf: Leaf) -> None:
        layer.report(
            key,
            "says whose account pays, which only your own config.toml may, since a repository "
            "could have set it here; ignored",
            "If you want it, run `polypilot auth use PROVIDER NAME --folder .`",
            code="user_scope",
            line=leaf.line,
        )

    def _not_listed(self, layer: Layer, name: str, leaf: Leaf) -> None:
        layer.report(
            name,
            "names a provider that your config.toml does not list; ignored",
            f"If you want it, add it to fallback under [{name.partition('.')[0]}] there",
            code="not_listed",
            line=leaf.line,
        )

    def _valid(self, layer: Layer, name: str, leaf: Leaf) -> Any:
        """The value in its type, or None with the reason reported. No setting can be None."""
        given, message = as_list(leaf.value) if is_list(name) else (leaf.value, "")
        value, why = checked(name, given)
        # A privacy switch that can't be read counts as on: the user meant to restrict.
        if value is None and reach(KEYS[name][2]).workspace == Tighten.ONLY_TRUE:
            value, message = True, f"{why}; true, the careful value, is used"
        elif value is None:
            message = f"{why}; " + ("its default is used" if layer.kind == "user" else "ignored")
        if message:
            cure = "Correct or remove it; docs/settings.md says what it takes"
            layer.report(name, message, cure, code="bad_value", line=leaf.line)
        return value

    def _exists(self, layer: Layer, name: str, leaf: Leaf, value: Any) -> bool:
        """Whether every provider named exists. Those whose row is blocked do: they are
        selected and refused when asked, rather than silently replaced.
        """  # noqa: D205  (one sentence)
        if not _chooses(name):
            return True
        for target in _targets(value):
            provider = tighten.provider_of(target)
            if provider in self.known or provider in self.blocked:
                continue
            near = difflib.get_close_matches(provider, self.known, n=1)
            cure = f"Did you mean {near[0]}?" if near else "`polypilot providers` lists them"
            # The id is not quoted: it may be anything, even a key in the wrong place.
            message = "names a provider that does not exist; ignored"
            if gone := retired.by_id(provider):
                message = f"names {gone.name}, which was shut down on {gone.date}; ignored"
                cure = gone.cure
            layer.report(name, message, cure, code="unknown_provider", line=leaf.line)
            return False
        return True

    def _set(self, layer: Layer, name: str, leaf: Leaf, value: Any) -> None:
        self.values[name] = value
        self.sources[name] = layer.source(leaf.line)

    def _tighten(self, layer: Layer, name: str, leaf: Leaf, value: Any) -> bool:
        """Take a value as far as it restricts. False, and a report, if it does not."""
        old = self.values[name]
        new, loosens = tighten.meet(reach(KEYS[name][2]).workspace, old, value)
        if loosens:
            layer.report(
                name,
                "would allow more than your own settings do; ignored",
                "If you want it, put it into your config.toml",
                code="loosens",
                line=leaf.line,
                severity="warning",
            )
        if new != old:
            self._set(layer, name, leaf, new)
        return new != old or not loosens


def _chooses(name: str) -> bool:
    return name.endswith((".provider", ".fallback"))


def _targets(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _says_nothing(key: Key, leaf: Leaf) -> bool:
    """Editors send their own defaults along; those of settings they can't set are no offence."""
    name = ".".join(key)
    if leaf.value is None:
        return True
    if name not in KEYS:
        return leaf.value in ("", [], {})
    if name.endswith((".provider", ".model")) and leaf.value == "":
        return True
    info = KEYS[name][2]
    return reach(info).editor == "no" and leaf.value in (info.default, "", [], {})
