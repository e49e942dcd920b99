"""Which documents the user has been at, and which of them go together."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.workspace.roots import locate
from polypilot_prompts.context import PROSE_LANGUAGES

if TYPE_CHECKING:
    from polypilot.workspace.documents import Document, DocumentStore

OTHERS = 20
"""Documents that are looked at for one completion."""
CLOSED = 10
"""Documents that were closed again and are still remembered."""
_KEPT = 256
_SCHEMES = frozenset({"file", "untitled"})
"""Others show what is no file of the user's: versions of the past, logs, search results."""
_FAMILIES = {
    "javascript": "js",
    "javascriptreact": "js",
    "jsx": "js",
    "typescript": "js",
    "typescriptreact": "js",
    "tsx": "js",
    "vue": "js",
    "svelte": "js",
    "c": "c",
    "cpp": "c",
    "cuda-cpp": "c",
    "objective-c": "c",
    "objective-cpp": "c",
    "objc": "c",
    "objcpp": "c",
    "python": "python",
    "jupyter": "python",
}


def family_of(language: str) -> str:
    """Languages of one family can help to write each other."""
    language = language.lower()
    return "prose" if language in PROSE_LANGUAGES else _FAMILIES.get(language, language)


@dataclass(frozen=True, slots=True)
class Visit:
    """A document that the user has seen."""

    uri: str
    path: str | None
    language: str
    line: int = 0
    """Where the user was last, as far as is known."""


def is_file(document: Document) -> bool:
    """Whether it is a text of the user's, and not a view of something else."""
    return bool(document.notebook) or locate(document.uri).scheme in _SCHEMES


class Visits:
    """The documents seen last. Noting one takes the same time however many there are."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._seen: OrderedDict[str, Visit] = OrderedDict()
        """Last one last."""

    def note(self, uri: str, line: int | None = None) -> None:
        """The user is at a document now."""
        visit = self._seen.get(uri)
        document = self._documents.get(uri)
        if document is not None and (visit is None or visit.language != document.language_id):
            visit = Visit(uri, document.path, document.language_id)
        if visit is None:
            return
        if line is not None and line != visit.line:
            visit = replace(visit, line=line)
        self._seen[uri] = visit
        self._seen.move_to_end(uri)
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)

    def __len__(self) -> int:
        return len(self._seen)

    def others(self, uri: str, path: str | None, language: str) -> list[Visit]:
        """The other documents of the same family, open or closed again, the last seen first.

        Open ones that were never noted come last, in the order in which they were opened.
        """
        family = family_of(language)
        found: list[Visit] = []
        closed = 0
        for visit in self._all():
            document = self._documents.get(visit.uri)
            if visit.uri == uri or family_of(visit.language) != family:
                continue
            if document is None:
                closed += 1
                if closed > CLOSED or visit.path is None:
                    continue
            elif not is_file(document):
                continue
            # Another view of the same file; a notebook's cells are different texts of one file.
            if visit.path == path and path and not (document and document.notebook):
                continue
            found.append(visit)
            if len(found) == OTHERS:
                break
        return found

    def _all(self) -> list[Visit]:
        noted = list(reversed(self._seen.values()))
        rest = [
            Visit(document.uri, document.path, document.language_id)
            for document in self._documents
            if document.uri not in self._seen
        ]
        return noted + rest
