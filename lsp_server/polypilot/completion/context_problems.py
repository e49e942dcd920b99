"""What other tools report about the lines around the cursor, as comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.completion.context_values import Piece, Pieces, name_of
from polypilot.completion.values import PREFIX_CHARS, SUFFIX_CHARS
from polypilot.workspace.diagnostics import MESSAGE_CHARS
from polypilot.workspace.text_units import well_formed
from polypilot_prompts.context import unix

if TYPE_CHECKING:
    from collections.abc import Hashable

    from polypilot.completion.values import Ask
    from polypilot.workspace.diagnostics import Diagnostic, Diagnostics
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

    def __init__(self, gate: Gate, diagnostics: Diagnostics) -> None:
        self._gate = gate
        self._diagnostics = diagnostics

    def key(self, ask: Ask) -> Hashable:
        """The reports, and the lines that they may be about."""
        snapshot, chosen = ask.snapshot, self._chosen(ask)
        above = snapshot.prefix.rsplit("\n", WITHIN_LINES + 1)[1:-1] if chosen else ()
        below = snapshot.suffix.split("\n", WITHIN_LINES + 1)[1:-1] if chosen else ()
        return tuple(chosen), snapshot.line, *above, None, *below, self._gate.policy_hash()

    async def prepare(self, uri: str) -> None:
        """Nothing to do."""
        del uri

    async def make(self, ask: Ask) -> Pieces:
        """One piece, or none."""
        snapshot = ask.snapshot
        chosen = self._chosen(ask)
        if not chosen:
            return ()
        lines = self._lines(ask)
        mark = _mark(snapshot.language_id)
        text = "\n".join(self._comment(lines.get(each.line, ""), each, mark) for each in chosen)
        name = f"{name_of(self._gate, snapshot.uri, snapshot.path)}.problems"
        return (Piece(name, text, "diagnostics", snapshot.uri, self._gate.policy_hash()),)

    def closed(self, uri: str) -> None:
        """Its problems are nobody's."""
        self._diagnostics.forget(uri)

    def forget(self, uri: str) -> bool:
        """Nothing is kept here."""
        del uri
        return False

    def _chosen(self, ask: Ask) -> list[Diagnostic]:
        snapshot = ask.snapshot
        near = self._diagnostics.near(snapshot.uri, snapshot.line, WITHIN_LINES)
        return sorted([each for each in near if each.line != snapshot.line][:_MOST])

    def _lines(self, ask: Ask) -> dict[int, str]:
        """The lines around the cursor by number, without their secrets.

        Secrets are looked for in the whole text: a line alone, or its beginning, may be a part
        of one that nobody would recognise. What only helps to recognise them is left out.
        """
        snapshot = ask.snapshot
        before, after = unix(snapshot.prefix), unix(snapshot.suffix)
        lines = unix(self._gate.release(before + after).text).split("\n")
        above, below = before.count("\n"), after.count("\n")
        if len(before) > PREFIX_CHARS:
            above = before.count("\n", len(before) - PREFIX_CHARS) - 1
        if len(after) > SUFFIX_CHARS:
            below = after.count("\n", 0, SUFFIX_CHARS) - 1
        here = before.count("\n")
        return {
            snapshot.line + at: lines[here + at].strip()[:_LINE_CHARS]
            for at in range(-above, below + 1)
        }

    def _comment(self, line: str, each: Diagnostic, mark: str) -> str:
        """The line and what is wrong with it; without its number, which new lines change."""
        said = " ".join(self._gate.release(well_formed(each.message)).text.split())
        if len(said) > MESSAGE_CHARS:
            said = said[:MESSAGE_CHARS] + "..."
        where = " ".join(f"{each.source} {each.code}".split())
        where = self._gate.release(well_formed(where)).text
        kind = _SEVERITIES.get(each.severity, "problem")
        return f"{mark} {line}\n{mark}   {kind}: {said}" + (f" ({where})" if where else "")


def _mark(language: str) -> str:
    """How a comment to the line's end begins."""
    language = language.lower()
    return "#" if language in _HASH else "--" if language in _DASHES else "//"
