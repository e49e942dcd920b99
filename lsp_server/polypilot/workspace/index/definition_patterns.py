"""What a line that defines something looks like, by family of languages.

The last named group that takes part in a match is the kind (before an underscore) and holds
the name. Every repetition is over disjoint characters or bounded, so that a hostile line
costs no more than its length.
"""

from __future__ import annotations

import re

_SUFFIXES = {
    "python": ".py .pyi .pyx .bzl .bazel .star",
    "js": ".js .jsx .mjs .cjs .ts .tsx .mts .cts .vue .svelte .astro",
    "go": ".go",
    "rust": ".rs",
    "c": ".c .h .cc .cpp .cxx .hh .hpp .hxx .ino .cu .cuh .m .mm .glsl .proto .thrift",
    "jvm": ".java .kt .kts .scala .groovy .cs .dart .swift",
    "ruby": ".rb .rake .cr",
    "php": ".php",
    "lua": ".lua .luau",
    "shell": ".sh .bash .zsh .ksh .fish",
    "sql": ".sql",
    "markdown": ".md .markdown .mdx",
    "elixir": ".ex .exs",
    "lisp": ".el .clj .cljs .cljc .lisp .scm .rkt",
    "haskell": ".hs .elm .purs",
    "ml": ".ml .mli .fs .fsi",
    "perl": ".pl .pm",
    "r": ".r .jl",
    "zig": ".zig",
    "terraform": ".tf .hcl",
    "css": ".css .scss .less",
    "make": ".mk .make",
}
_FAMILY = {suffix: name for name, group in _SUFFIXES.items() for suffix in group.split()}


def family(suffix: str) -> str:
    """The family of languages of a file suffix; empty if there are no patterns for it."""
    return _FAMILY.get(suffix.lower(), "")


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_NAME = r"[^\W\d]\w*"
_JS_NAME = r"(?!\d)[\w$]+"
_JVM_WORDS = (
    r"(?:(?:public|private|protected|internal|open|static|final|abstract|sealed|override|virtual"
    r"|async|inline|suspend|partial|readonly|const|data|case|implicit|lazy|mutating|native"
    r"|synchronized|default|extern|unsafe|inner|value|annotation|fileprivate|@\w+)\s+){0,8}"
)
_NOT_A_CALL = (
    r"(?!(?:return|if|else|for|while|switch|catch|throw|new|await|yield|case|do|try|using|lock"
    r"|delete|sizeof|assert|goto|typeof|in|not|and|or|super|this|function)\b)"
)

PATTERNS: dict[str, re.Pattern[str]] = {
    "python": _any(
        rf"\s*(?:async\s+)?def\s+(?P<function>{_NAME})",
        rf"\s*(?:cdef\s+|cp?def\s+)?class\s+(?P<class>{_NAME})",
        rf"type\s+(?P<type>{_NAME})\s*[\[=]",
        rf"(?P<variable>{_NAME})\s*(?::[^=\n]{{1,120}})?=(?!=)",
    ),
    "js": _any(
        rf"\s*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:async\s+)?function\b\s*\*?\s*"
        rf"(?P<function>{_JS_NAME})",
        rf"\s*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?class\s+"
        rf"(?P<class>{_JS_NAME})",
        rf"\s*(?:export\s+)?(?:declare\s+)?interface\s+(?P<interface>{_JS_NAME})",
        rf"\s*(?:export\s+)?(?:declare\s+)?type\s+(?P<type>{_JS_NAME})\s*[<=]",
        rf"\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+(?P<enum>{_JS_NAME})",
        rf"\s*(?:export\s+)?(?:declare\s+)?(?:namespace|module)\s+(?P<module>{_JS_NAME})",
        rf"\s*(?:export\s+)?(?:const|let|var)\s+(?P<function_b>{_JS_NAME})\s*(?::[^=]{{1,120}})?=\s*"
        r"(?:async\s*)?(?:function\b|\([^()]{0,150}\)\s*(?::[^=]{1,80})?=>|[\w$]+\s*=>)",
        rf"(?:export\s+)?(?:declare\s+)?(?:const|let|var)\s+(?P<variable>{_JS_NAME})",
        rf"\s+(?:(?:public|private|protected|static|async|readonly|override|abstract|get|set|\*)"
        rf"\s*){{0,5}}{_NOT_A_CALL}(?P<method>\#?{_JS_NAME})\s*(?:<[^<>]{{0,60}}>)?"
        r"\([^()]{0,150}\)\s*(?::[^={]{1,80})?\{",
    ),
    "go": _any(
        rf"func\s+\([^()]{{0,100}}\)\s*(?P<method>{_NAME})",
        rf"func\s+(?P<function>{_NAME})",
        rf"type\s+(?P<struct>{_NAME})(?:\[[^\]]{{0,80}}\])?\s+struct\b",
        rf"type\s+(?P<interface>{_NAME})(?:\[[^\]]{{0,80}}\])?\s+interface\b",
        rf"type\s+(?P<type>{_NAME})\b",
        rf"const\s+(?P<constant>{_NAME})\b",
        rf"var\s+(?P<variable>{_NAME})\b",
    ),
    "rust": _any(
        r"\s*(?:pub(?:\([^()]{0,40}\))?\s+)?(?:default\s+)?(?:const\s+)?(?:async\s+)?(?:unsafe\s+)?"
        rf"(?:extern\s+\"[^\"]{{0,20}}\"\s+)?fn\s+(?P<function>{_NAME})",
        rf"\s*(?:pub(?:\([^()]{{0,40}}\))?\s+)?(?:struct|union)\s+(?P<struct>{_NAME})",
        rf"\s*(?:pub(?:\([^()]{{0,40}}\))?\s+)?enum\s+(?P<enum>{_NAME})",
        rf"\s*(?:pub(?:\([^()]{{0,40}}\))?\s+)?(?:unsafe\s+)?trait\s+(?P<trait>{_NAME})",
        rf"\s*(?:pub(?:\([^()]{{0,40}}\))?\s+)?type\s+(?P<type>{_NAME})",
        rf"\s*(?:pub(?:\([^()]{{0,40}}\))?\s+)?mod\s+(?P<module>{_NAME})",
        rf"\s*(?:pub(?:\([^()]{{0,40}}\))?\s+)?(?:const|static)\s+(?:mut\s+)?(?P<constant>{_NAME})"
        r"\s*:",
        rf"\s*macro_rules!\s*(?P<macro>{_NAME})",
    ),
    "c": _any(
        rf"\s*\#\s*define\s+(?P<macro>{_NAME})",
        rf"\s*(?:typedef\s+)?(?:struct|union|message)\s+(?P<struct>{_NAME})\s*(?::[^;]{{1,100}})?"
        r"(?:\{|$)",
        rf"\s*(?:typedef\s+)?enum\s+(?:class\s+)?(?P<enum>{_NAME})\s*(?::[^;]{{1,60}})?(?:\{{|$)",
        rf"\s*(?:class|service)\s+(?:[A-Z_]{{2,40}}\s+)?(?P<class>{_NAME})\s*(?:final\s*)?"
        r"(?::[^;]{1,120})?(?:\{|$)",
        rf"\s*(?:inline\s+)?namespace\s+(?P<module>{_NAME})",
        rf"typedef\b[^;(]{{1,150}}\s\*?(?P<type>{_NAME})\s*;",
        rf"\s*using\s+(?P<type_b>{_NAME})\s*=",
        rf"{_NOT_A_CALL}[A-Za-z_][\w:<>,]{{0,80}}(?:[ \t*&]{{1,4}}[\w:<>,]{{1,80}}){{0,5}}?"
        rf"[ \t*&]{{1,4}}(?:{_NAME}::){{0,4}}(?P<function>~?{_NAME})\s{{0,2}}\([^;]{{0,200}}$",
        rf"(?:@(?:interface|implementation|protocol)\s+)(?P<class_b>{_NAME})",
    ),
    "jvm": _any(
        rf"\s*{_JVM_WORDS}(?:class|record|object|actor|extension|mixin|companion\s+object)\s+"
        rf"(?P<class>{_NAME})",
        rf"\s*{_JVM_WORDS}(?:fun\s+)?(?:interface|protocol|@interface)\s+(?P<interface>{_NAME})",
        rf"\s*{_JVM_WORDS}enum\s+(?:class\s+)?(?P<enum>{_NAME})",
        rf"\s*{_JVM_WORDS}struct\s+(?P<struct>{_NAME})",
        rf"\s*{_JVM_WORDS}trait\s+(?P<trait>{_NAME})",
        rf"\s*{_JVM_WORDS}typealias\s+(?P<type>{_NAME})",
        rf"\s*{_JVM_WORDS}(?:func|fun|def)\s+(?:<[^<>]{{0,80}}>\s*)?(?:[\w<>?]{{1,60}}\.)?"
        rf"(?P<function>{_NAME})",
        r"\s*namespace\s+(?P<module>[\w.]{1,100})",
        rf"\s+{_JVM_WORDS}(?:<[^<>]{{0,60}}>\s+)?{_NOT_A_CALL}[A-Za-z_][\w.]{{0,80}}"
        rf"(?:<[^()]{{0,80}}>)?(?:\[\])?\??\s{{1,4}}{_NOT_A_CALL}(?P<method>{_NAME})\s?"
        r"\([^;]{0,200}$",
    ),
    "ruby": _any(
        r"\s*(?:private\s+|protected\s+)?def\s+(?:self\.)?(?P<function>[A-Za-z_]\w*[?!=]?)",
        r"\s*class\s+(?P<class>[A-Z][\w:]*)",
        r"\s*module\s+(?P<module>[A-Z][\w:]*)",
        r"\s*(?P<constant>[A-Z][A-Z0-9_]+)\s*=(?!=)",
    ),
    "php": _any(
        r"\s*(?:(?:public|private|protected|static|final|abstract)\s+){0,5}function\s+&?"
        rf"(?P<function>{_NAME})",
        rf"\s*(?:(?:final|abstract|readonly)\s+){{0,3}}class\s+(?P<class>{_NAME})",
        rf"\s*interface\s+(?P<interface>{_NAME})",
        rf"\s*trait\s+(?P<trait>{_NAME})",
        rf"\s*enum\s+(?P<enum>{_NAME})",
    ),
    "lua": _any(
        r"\s*(?:local\s+)?function\s+(?:[\w.]{1,80}[.:])?(?P<function>[A-Za-z_]\w*)",
        r"\s*(?:local\s+)?(?:[\w.]{1,80}\.)?(?P<function_b>[A-Za-z_]\w*)\s*=\s*function\b",
        r"local\s+(?P<variable>[A-Za-z_]\w*)\s*=",
    ),
    "shell": _any(
        r"\s*function\s+(?P<function>[\w:.-]{1,80})",
        r"\s*(?P<function_b>[A-Za-z_][\w:.-]{0,80})\s*\(\)",
    ),
    "sql": re.compile(
        r"\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+){0,2}"
        r"(?:(?:table|view|index|type|trigger)\s+(?:if\s+not\s+exists\s+)?"
        r"[\"`\[]?(?P<table>[\w.]{1,100})"
        r"|(?:function|procedure)\s+(?:if\s+not\s+exists\s+)?[\"`\[]?(?P<function>[\w.]{1,100}))",
        re.IGNORECASE,
    ),
    "markdown": re.compile(r"#{1,6}\s+(?P<heading>[^\n]{1,120})"),
    "elixir": _any(
        r"\s*def(?:p|macro|macrop|guard|delegate)?\s+(?P<function>[a-z_]\w*[?!]?)",
        r"\s*def(?:module|impl|protocol)\s+(?P<module>[A-Z][\w.]*)",
    ),
    "lisp": _any(r"\s*\((?:cl-)?def[\w-]{0,30}[*]?\s+(?P<function>[^\s()\[\]]{1,100})"),
    "haskell": _any(
        r"(?P<function>[a-z_][\w']*)\s*::",
        r"(?:data|newtype|type)\s+(?:alias\s+)?(?P<type>[A-Z][\w']*)",
        r"class\s+(?:[^=\n]{0,100}=>\s*)?(?P<class>[A-Z][\w']*)",
    ),
    "ml": _any(
        r"\s*let\s+(?:rec\s+|inline\s+|private\s+){0,3}(?P<function>[a-z_][\w']*)",
        r"\s*val\s+(?P<function_b>[a-z_][\w']*)",
        r"\s*type\s+(?:'\w+\s+)?(?P<type>[A-Za-z_][\w']*)",
        r"\s*module\s+(?:rec\s+|type\s+)?(?P<module>[A-Z][\w.']*)",
    ),
    "perl": _any(rf"\s*sub\s+(?P<function>{_NAME})", r"\s*package\s+(?P<module>[\w:]{1,100})"),
    "r": _any(
        r"\s*(?P<function>[A-Za-z_.][\w.!]*)\s*(?:<-|=)\s*function\b",
        r"\s*function\s+(?:[\w.]{1,60}\.)?(?P<function_b>[A-Za-z_][\w!]*)",
        r"\s*(?:mutable\s+)?struct\s+(?P<struct>[A-Za-z_]\w*)",
        r"\s*macro\s+(?P<macro>[A-Za-z_]\w*)",
    ),
    "zig": _any(
        rf"\s*(?:pub\s+)?(?:export\s+|inline\s+|extern\s+)?fn\s+(?P<function>{_NAME})",
        rf"\s*(?:pub\s+)?const\s+(?P<struct>{_NAME})\s*=\s*(?:packed\s+|extern\s+)?struct\b",
        rf"(?:pub\s+)?(?:const|var)\s+(?P<variable>{_NAME})",
    ),
    "terraform": _any(
        r"(?:resource|data)\s+\"[\w-]{1,80}\"\s+\"(?P<variable>[\w-]{1,80})\"",
        r"(?:variable|output|provider)\s+\"(?P<variable_b>[\w-]{1,80})\"",
        r"module\s+\"(?P<module>[\w-]{1,80})\"",
    ),
    "css": _any(r"(?P<type>[.\#][A-Za-z][\w-]{0,80})[^{};]{0,150}\{"),
    "make": _any(r"(?P<function>[A-Za-z_][\w.-]{0,80})\s*:(?!=)"),
}
