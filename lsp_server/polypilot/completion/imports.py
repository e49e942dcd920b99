"""The imports at the head of a file, and where the files may be that they lead to.

By regular expressions and file names; nothing here reads a file or looks at the disk.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.completion.context_visits import family_of
from polypilot.workspace.roots import normal
from polypilot_prompts.context import unix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEAD_CHARS = 20_000
"""Of a file; imports further down are not looked for."""
IMPORTS = 24
"""Of one file, the first ones."""
_NAMES = 40

# Blanks are taken possessively: a page of them must not be tried in all its parts.
_PYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>[\w.]*+)[ \t]+import[ \t]*"
    r"(?:\((?P<many>[^()]*)\)|(?P<some>(?:\\\n|[^\n;#])+))"
    r"|import[ \t]+(?P<plain>[\w., \t]+))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
_JS = re.compile(
    r"""^[ \t]*(?:
        (?:import|export)\s++(?:type\s++)?
        (?P<what>[\w$*,{}]++(?:\s++[\w$*,{}]++){0,200}?)\s++from\s*+
      | (?:const|let|var)\s+(?P<bound>[\w$]+|\{[\w$\s,:]*\})\s*=\s*require\(\s*
    )['"](?P<where>[^'"\n]+)['"]""",
    re.MULTILINE | re.VERBOSE,
)
_C = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"(?P<where>[^"\n]+)"', re.MULTILINE)
_JS_ENDINGS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_JS_INSTEAD = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


@dataclass(frozen=True, slots=True)
class Import:
    """What a statement brings in."""

    module: str
    """As it is written, dots included."""
    names: tuple[str, ...] = ()
    """As the module calls them; empty: the module as a whole."""


def imports_of(text: str, language: str) -> tuple[Import, ...]:
    """The imports in the head of a file, in order, one per module."""
    head = unix(text[:HEAD_CHARS])
    find = _FINDERS.get(family_of(language))
    names: dict[str, dict[str, None]] = {}
    whole: set[str] = set()
    for found in find(head) if find else ():
        names.setdefault(found.module, {}).update(dict.fromkeys(found.names))
        if not found.names:
            whole.add(found.module)
    return tuple(
        Import(module, () if module in whole else tuple(wanted)[:_NAMES])
        for module, wanted in list(names.items())[:IMPORTS]
    )


def _python(head: str) -> Iterator[Import]:
    for match in _PYTHON.finditer(head):
        if match["plain"] is not None:
            for each in match["plain"].split(","):
                yield Import(_original(each))
            continue
        listed = match["many"] if match["many"] is not None else match["some"]
        listed = _COMMENT.sub("", listed).replace("\\", " ")
        names = [_original(each) for each in listed.split(",")]
        kept = tuple(name for name in names if name.isidentifier())
        if "*" in listed or kept:
            yield Import(match["module"], kept)


def _original(named: str) -> str:
    """What is imported, without the name that it is given."""
    return " ".join(named.split()).partition(" as ")[0]


def _javascript(head: str) -> Iterator[Import]:
    for match in _JS.finditer(head):
        bound = match["bound"]  # what require() gives is the whole module
        names = () if bound and not bound.startswith("{") else _js_names(match["what"] or bound)
        yield Import(match["where"], tuple(names))


def _js_names(text: str) -> Iterator[str]:
    """The imported names; ``default`` for the default export, none for a whole module."""
    outside, brace, inside = text.partition("{")
    if "*" in outside or (not brace and "," not in outside and not outside.strip()):
        return
    if outside.strip(" ,\n\t"):
        yield "default"
    for each in inside.partition("}")[0].split(","):
        name = _original(each.partition(":")[0]).removeprefix("type ")
        if name:
            yield name


def _c(head: str) -> Iterator[Import]:
    for match in _C.finditer(head):
        yield Import(match["where"])


def without_imports(text: str, language: str) -> str:
    """The text without its imports: what is named there is not used by that."""
    pattern = {"python": _PYTHON, "js": _JS, "c": _C}.get(family_of(language))
    return pattern.sub("", text) if pattern else text


_FINDERS = {"python": _python, "js": _javascript, "c": _c}


# --- where they may be


def candidates(
    wanted: Import, language: str, path: str, root: str, below: Sequence[str] = ()
) -> list[str]:
    """Absolute paths, likeliest first, at which the file may be that an import leads to.

    ``path`` is the importing file, ``root`` the workspace root that it is below, and ``below``
    are names of folders in the root, where packages may begin. Nothing outside the root is named.
    """
    locate = _LOCATORS.get(family_of(language))
    path, root = path.replace(os.sep, "/"), root.replace(os.sep, "/").rstrip("/")
    found = locate(wanted, path, root, below) if locate else ()
    top = normal(root).rstrip(os.sep) + os.sep
    return [each for each in dict.fromkeys(map(normal, found)) if each.startswith(top)]


def _python_files(wanted: Import, path: str, root: str, below: Sequence[str]) -> Iterator[str]:
    dots = len(wanted.module) - len(wanted.module.lstrip("."))
    inner = wanted.module[dots:].replace(".", "/")
    folder = _folder(path)
    if dots:
        for _ in range(dots - 1):
            folder = _folder(folder)
        bases = [folder]
    else:
        bases = [*_upward(folder, root), f"{root}/src", *(f"{root}/{name}" for name in below)]
    for base in bases:
        if inner:
            yield f"{base}/{inner}.py"
        yield f"{base}/{inner}/__init__.py" if inner else f"{base}/__init__.py"


def submodules(wanted: Import, language: str) -> list[Import]:
    """The modules that the names of an import from a Python package may be."""
    if family_of(language) != "python":
        return []
    dot = "" if wanted.module.endswith(".") else "."
    return [Import(f"{wanted.module}{dot}{name}") for name in wanted.names]


def _js_files(wanted: Import, path: str, root: str, below: Sequence[str]) -> Iterator[str]:
    del root, below
    if not wanted.module.startswith("."):
        return
    base = f"{_folder(path)}/{wanted.module}"
    for ending, instead in _JS_INSTEAD.items():  # TypeScript is imported under its output's name
        if base.endswith(ending):
            yield from (base.removesuffix(ending) + each for each in instead)
            yield base
    if base.endswith(_JS_ENDINGS):
        yield base
    yield from (base + ending for ending in _JS_ENDINGS)
    yield from (f"{base}/index{ending}" for ending in _JS_ENDINGS)


def _c_files(wanted: Import, path: str, root: str, below: Sequence[str]) -> Iterator[str]:
    for base in [*_upward(_folder(path), root), f"{root}/include", *(f"{root}/{n}" for n in below)]:
        yield f"{base}/{wanted.module}"
        yield f"{base}/include/{wanted.module}"


_LOCATORS = {"python": _python_files, "js": _js_files, "c": _c_files}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _upward(folder: str, root: str) -> Iterator[str]:
    """The folder and those above it, up to the root."""
    while folder.startswith(root + "/"):
        yield folder
        folder = _folder(folder)
    yield root
