"""Standing instructions: the user's own file, and the ``AGENTS.md`` of a trusted workspace.

A repository's instructions were written by others and steer the model. So they are used only
as they were when the user trusted the workspace, through the gate, without anything that a
reader can't see, and up to a limit; whatever is not used says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.chat import hidden
from polypilot.chat.events import ContextItem
from polypilot.chat.hidden import Reported
from polypilot.tasks import run_blocking
from polypilot.workspace.gate import ExcludedError, assemble
from polypilot.workspace.roots import locate, uri_of
from polypilot.workspace.trust import Trust
from polypilot.workspace.trust_files import INSTRUCTIONS, read_regular
from polypilot_prompts.breaking import one_line
from polypilot_prompts.budget import cut_suffix, estimate
from polypilot_prompts.mentions import shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot.workspace.gate import Gate, Outgoing
    from polypilot.workspace.trust import TrustStore
    from polypilot.workspace.trust_files import Influence

OWN = "instructions.md"
"""The user's own, beside the settings file."""
MAX_TOKENS = 10_000
"""Of all instructions together; the longest are cut first."""
MAX_FILES = 8
"""Of a workspace for one question: the root's, and those nearest to the document in front."""
_WITHIN_S = 5.0
_LOOK_S = 3.0
_PART = "instructions"
_UNTRUSTED = "the workspace is not trusted"
_CHANGED = "the workspace has changed since it was trusted"


@dataclass(frozen=True, slots=True)
class Collected:
    """What stands in force for a question."""

    pieces: tuple[Outgoing, ...] = ()
    """For the system prompt, in order: the user's own, then from the root to the nearest."""
    items: tuple[ContextItem, ...] = ()
    """One for each file, used or not."""
    notices: tuple[str, ...] = ()
    """For the user; each once."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of instructions as it was read."""

    name: str
    uri: str
    text: str
    """Without what is hidden."""
    own: bool
    notice: str = ""
    refused: str = ""


class Instructions:
    """Collects them, anew for each question."""

    def __init__(self, gate: Gate, trust: TrustStore) -> None:
        self._gate = gate
        self._trust = trust
        self._reported = Reported()

    async def collect(self, root: str | None, front_uri: str | None = None) -> Collected:
        """What holds for a question about the folder ``root`` with ``front_uri`` in front.

        Raises:
            TimeoutError: a disk hangs.
        """
        found = await run_blocking(
            self._find, root, front_uri, timeout=_WITHIN_S, name="instructions"
        )
        uris = [each.uri for each in found if not each.own and not each.refused]
        if uris:
            await self._gate.look(uris, _LOOK_S)
        passed: list[tuple[_Found, Outgoing]] = []
        items: list[ContextItem] = []
        notices: list[str] = []
        for each in found:
            if each.notice and self._reported.first(each.uri, each.notice, each.text):
                notices.append(each.notice)
            try:
                passed.append((each, self._pass(each)))
            except ExcludedError as error:
                items.append(ContextItem(each.uri, refused=error.message, name=each.name))
        pieces, sent, cuts = _fitted(passed, self._gate.typed)
        notices += (cut for cut in cuts if self._reported.first(cut))
        order = {each.uri: at for at, each in enumerate(found)}
        ordered = sorted((*items, *sent), key=lambda item: order[item.uri])
        return Collected(pieces, tuple(ordered), tuple(notices))

    def _pass(self, found: _Found) -> Outgoing:
        if found.refused:
            raise ExcludedError(found.refused)
        if found.own:
            return self._gate.typed(found.text, _PART)
        return self._gate.outgoing(found.uri, found.text, _PART)

    # -- off the loop --------------------------------------------------------------------

    def _find(self, root: str | None, front_uri: str | None) -> list[_Found]:
        own = _own()
        found = [own] if own else []
        folder = locate(root).path if root else None
        if root is None or folder is None:
            return found
        wanted = _chain(folder, front_uri)
        state, influences = self._trust.approved(root)
        if state is not Trust.TRUSTED:
            return found + _unused(folder, wanted, state)
        there = {each.name: each for each in influences}
        chain = [there[name] for name in wanted if name in there]
        if len(chain) > MAX_FILES:
            chain = [chain[0], *chain[1 - MAX_FILES :]]
        return found + [_read(folder, each) for each in chain]


def _own() -> _Found | None:
    """The user's own file; None if there is none."""
    path = paths.config_dir() / OWN
    uri = uri_of(str(path))
    try:
        raw = read_regular(path, follow=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raw = f"it can't be read ({error.strerror})"
    if isinstance(raw, str):
        return _refused(OWN, uri, raw, own=True)
    return _text(OWN, uri, raw, own=True)


def _read(folder: str, influence: Influence) -> _Found:
    uri = uri_of(os.path.join(folder, *influence.name.split("/")))  # noqa: PTH118 - strings
    if influence.raw is None:
        return _refused(influence.name, uri, influence.fault, own=False)
    return _text(influence.name, uri, influence.raw, own=False)


def _text(name: str, uri: str, raw: bytes, *, own: bool) -> _Found:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _refused(name, uri, "it is not UTF-8 text", own=own)
    stripped = hidden.strip(text)
    notice = stripped.notice(one_line(name)) if stripped.count else ""
    return _Found(name, uri, stripped.text.strip(), own, notice)


def _refused(name: str, uri: str, reason: str, *, own: bool) -> _Found:
    return _Found(name, uri, "", own, f"{one_line(name)} is not used: {reason}", reason)


def _unused(folder: str, wanted: Iterable[str], state: Trust) -> list[_Found]:
    """What an untrusted workspace has; only whether it is there is looked at."""
    reason = _CHANGED if state is Trust.CHANGED else _UNTRUSTED
    found: list[_Found] = []
    for name in wanted:
        path = os.path.join(folder, *name.split("/"))  # noqa: PTH118 - strings
        if os.path.lexists(path):
            told = (
                f"{one_line(name)} is not used: {reason} (`polypilot trust` shows what it asks for)"
            )
            found.append(_Found(name, uri_of(path), "", own=False, notice=told, refused=reason))
    return found


def _chain(folder: str, front_uri: str | None) -> list[str]:
    """Names below the root: its own file first, the one nearest to the document last."""
    names = [INSTRUCTIONS]
    front = locate(front_uri).path if front_uri else None
    if front is None:
        return names
    try:
        below = os.path.relpath(front, folder).replace("\\", "/").split("/")
    except ValueError:  # another drive
        return names
    if below[0] == "..":
        return names
    return [*names, *("/".join([*below[:end], INSTRUCTIONS]) for end in range(1, len(below)))]


# -- what fits ---------------------------------------------------------------------------


def _fitted(
    passed: list[tuple[_Found, Outgoing]], say: Callable[[str], Outgoing]
) -> tuple[tuple[Outgoing, ...], list[ContextItem], list[str]]:
    pieces: list[Outgoing] = []
    items: list[ContextItem] = []
    notices: list[str] = []
    room = shares([estimate(text.text) for _, text in passed], MAX_TOKENS)
    for (found, text), tokens in zip(passed, room, strict=True):
        head = text.slice(0, len(cut_suffix(text.text, tokens)))
        name = one_line(found.name)
        cut = ""
        if len(head) < len(text):
            cut = f"only the first {estimate(head.text):,} of {estimate(text.text):,} tokens"
            notices.append(f"{name}: {cut} of the instructions are sent")
        items.append(
            ContextItem(found.uri, estimate(head.text), head.redactions, name=name, cut=cut)
        )
        if head:
            whose = (
                "The user's instructions" if found.own else f"The project's instructions, {name}"
            )
            pieces.append(assemble([say(f"{whose}:\n\n"), head], part=_PART))
    return tuple(pieces), items, notices
