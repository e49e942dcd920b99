"""Mentions: what ``#file:a.py`` and its like bring along with a message, and their completion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.chat import mentions_documents, mentions_git, mentions_index, mentions_reports
from polypilot.chat.mentions_sources import Brought, Index, Place, Sources
from polypilot.errors import UserError
from polypilot_prompts.mentions import KINDS, parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from polypilot.chat.attachments import Attached
    from polypilot.chat.events import ContextItem
    from polypilot.chat.values import Scene
    from polypilot.workspace.diagnostics import Diagnostics
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot.workspace.git import Git
    from polypilot_prompts.mentions import Kind, Mention

    _Handler = Callable[[Sources, Mention, Place], Awaitable[Brought]]

__all__ = ["Index", "MentionChoice", "Mentions"]

_HANDLERS: dict[str, _Handler] = {
    "selection": mentions_documents.selection,
    "buffer": mentions_documents.buffer,
    "file": mentions_documents.file,
    "open": mentions_documents.open_documents,
    "diagnostics": mentions_reports.diagnostics,
    "diff": mentions_git.diff,
    "commits": mentions_git.commits,
    "symbol": mentions_index.symbol,
    "search": mentions_index.search,
    "tree": mentions_index.tree,
}
_CHOICES = 50


@dataclass(frozen=True, slots=True)
class MentionChoice:
    """What an editor offers while a mention is typed."""

    label: str
    insert: str
    """Takes the place of what was typed from its ``#`` on."""
    detail: str = ""


class Mentions:
    """Finds mentions in messages and brings what they mean, through the gate."""

    def __init__(
        self,
        gate: Gate,
        documents: DocumentStore,
        diagnostics: Diagnostics,
        git: Git | None = None,
        index: Index | None = None,
    ) -> None:
        self._sources = Sources(gate, documents, diagnostics, git, index)

    async def collect(
        self, text: str, scene: Scene, root: str | None
    ) -> tuple[list[Attached], list[ContextItem]]:
        """What goes along with a message, and an item for each piece, refused ones among them.

        The order is that of the mentions; what two of them bring goes along once.
        """
        found: dict[tuple[object, ...], Mention] = {}
        for mention in parse(text):
            found.setdefault(mention.key, mention)
        place = Place(scene, root)
        brought = Brought()
        for mention in found.values():
            brought.extend(await _HANDLERS[mention.kind](self._sources, mention, place))
        return _once(brought)

    async def complete(self, typed: str, root: str | None) -> tuple[MentionChoice, ...]:
        """What ``typed``, from a ``#`` to the cursor, could become."""
        name, colon, argument = typed.removeprefix("#").partition(":")
        if not colon:
            kinds = [kind for kind in KINDS.values() if kind.name.startswith(name)]
            return tuple(choice for kind in kinds for choice in _choices(kind))
        kind = KINDS.get(name)
        if kind is None:
            return ()
        argument = argument.removeprefix('"').removesuffix('"')
        given = [each for each in kind.choices if each.startswith(argument)]
        choices = [MentionChoice(f"#{name}:{each}", f"#{name}:{each}") for each in given]
        if name in {"file", "symbol"}:
            choices += await self._named(name, argument, root)
        return tuple(choices[:_CHOICES])

    async def _named(self, kind: str, typed: str, root: str | None) -> list[MentionChoice]:
        index = self._sources.index
        if index is not None:
            try:
                if kind == "file":
                    return [
                        _choice(kind, each) for each in await index.files(typed, root, _CHOICES)
                    ]
                found = await index.symbols(typed, root, _CHOICES) if typed else ()
                names = {each.name: each.kind for each in reversed(found)}
                return [_choice(kind, each, names[each]) for each in reversed(names)]
            except UserError:
                pass  # there is less to choose from
        return self._open(typed) if kind == "file" else []

    def _open(self, typed: str) -> list[MentionChoice]:
        """Without an index: the open documents that may be sent."""
        names: Sequence[str] = sorted(
            self._sources.collector.name(each.uri)
            for each in self._sources.documents
            if self._sources.gate.admit_document(each.uri).allowed
        )
        return [_choice("file", each) for each in names if typed.lower() in each.lower()]


def _choices(kind: Kind) -> list[MentionChoice]:
    bare = MentionChoice(
        f"#{kind.name}", f"#{kind.name}{':' if kind.takes == 'something' else ''}", kind.description
    )
    more = (MentionChoice(f"#{kind.name}:{each}", f"#{kind.name}:{each}") for each in kind.choices)
    return [bare, *more]


def _choice(kind: str, argument: str, detail: str = "") -> MentionChoice:
    """Quoted where it would otherwise be read in another way."""
    plain = f"#{kind}:{argument}"
    read = parse(plain)
    is_plain = len(read) == 1 and read[0].argument == argument and read[0].end == len(plain)
    return MentionChoice(argument, plain if is_plain else f'#{kind}:"{argument}"', detail)


def _once(brought: Brought) -> tuple[list[Attached], list[ContextItem]]:
    attached: dict[tuple[object, ...], Attached] = {}
    for each in brought.attached:
        attached.setdefault((each.name, each.text.text, each.first_line, each.last_line), each)
    return list(attached.values()), list(dict.fromkeys(brought.items))
