"""What other tools report about the lines around the cursor, as comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.completion.context_values import Piece, Pieces, name_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from polypilot.completion.values import Ask
    from polypilot.workspace.diagnostics import Diagnostic, Diagnostics
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate

WITHIN_LINES = 20
_MOST = 8
_LINE_CHARS = 120
_SEVERITIES = {1: "error", 2: "warning", 3: "information", 4: "hint"}
_HASH = frozenset(
    {
        *("cmake", "coffeescript", "dockerfile", "elixir", "fish", "graphql", "julia", "makefile"),
        *("nix", "perl", "powershell", "python", "r", "ruby", "shellscript", "sh", "bash", "zsh"),
        *("terraform", "toml", "yaml"),
    }
)
_DASHES = frozenset({"ada", "elm", "haskell", "lua", "purescript", "sql", "vhdl"})


class ProblemsSource:
    """Not those of the cursor's own line: half a line is always wrong."""

    def __init__(self, documents: DocumentStore, gate: Gate, diagnostics: Diagnostics) -> None:
        self._documents = documents
        self._gate = gate
        self._diagnostics = diagnostics

    def key(self, ask: Ask) -> Hashable:
        """The comments themselves."""
        return self._comments(ask), self._gate.policy_hash()

    async def prepare(self, uri: str) -> None:
        """Nothing to do."""
        del uri

    async def make(self, ask: Ask) -> Pieces:
        """One piece, or none."""
        snapshot = ask.snapshot
        text = self._comments(ask)
        if not text:
            return ()
        name = f"{name_of(self._gate, snapshot.uri, snapshot.path)}.problems"
        text = self._gate.release(text).text
        return (Piece(name, text, "diagnostics", snapshot.uri, self._gate.policy_hash()),)

    def closed(self, uri: str) -> None:
        """Its problems are nobody's."""
        self._diagnostics.forget(uri)

    def forget(self, uri: str) -> bool:
        """Nothing is kept here."""
        del uri
        return False

    def _comments(self, ask: Ask) -> str:
        snapshot = ask.snapshot
        near = self._diagnostics.near(snapshot.uri, snapshot.line, WITHIN_LINES)
        chosen = [each for each in near if each.line != snapshot.line][:_MOST]
        mark = _mark(snapshot.language_id)
        return "\n".join(self._comment(snapshot.uri, each, mark) for each in sorted(chosen))

    def _comment(self, uri: str, each: Diagnostic, mark: str) -> str:
        """The line and what is wrong with it; without its number, which new lines change."""
        document = self._documents.current(uri)
        known = document is not None and 0 <= each.line < document.line_count
        line = document.line(each.line).strip()[:_LINE_CHARS] if document and known else ""
        said = " ".join(each.message.split())
        where = " ".join(part for part in (each.source, each.code) if part)
        kind = _SEVERITIES.get(each.severity, "problem")
        return f"{mark} {line}\n{mark}   {kind}: {said}" + (f" ({where})" if where else "")


def _mark(language: str) -> str:
    """How a comment to the line's end begins."""
    language = language.lower()
    return "#" if language in _HASH else "--" if language in _DASHES else "//"
