"""Info strings of fenced code: what some renderers turn into a picture or run stays code."""

from __future__ import annotations

import re

PLAIN = "text"

_DIAGRAMS = """
    actdiag blockdiag bpmn bytefield c4plantuml d2 dbml diagram diagramsnet ditaa dot erd
    excalidraw flow flowchart gantt graph graphviz kroki markmap mermaid mindmap mmd nomnoml nwdiag
    packetdiag pikchr plantuml puml rackdiag seqdiag sequence structurizr svg svgbob symbolator
    tikz uml umlet vega vegalite viz wavedrom wireviz
"""
"""What Kroki takes (https://kroki.io/#support), and what Markdown extensions add."""
_FORGES = "math suggestion geojson topojson stl glql json:table"
_FORMULAS = """
    asciimath asciimathml katex latexmath mathjax mathml abc abcjs chess smiles chart charts
    echarts plotly
"""
_NOTES = """
    admonition audio bookmark button buttons card dataview dataviewjs embed figure iframe image
    kanban leaflet link-card linkcard query raw rawhtml tabs tasks templater timeline tracker video
    youtube
"""
RENDERED = frozenset((_DIAGRAMS + _FORGES + _FORMULAS + _NOTES).split())
_WORD = re.compile(r"[A-Za-z0-9_+#][A-Za-z0-9_+#.\-]*(?:[:=,/][^&\\]*)?")
_NAME = re.compile(r"[A-Za-z0-9_+#-]+(?::table\b)?")
_PREFIX = re.compile(r"lang(?:uage)?-")
_PICTURE = re.compile(r"!+(?=\[)")
_LEFT_OUT = str.maketrans("", "", "`<>|")
"""With a pipe in it, markdown-it takes the fence for the head of a table."""


def safe_info(info: str) -> str:
    """The info string of a fence as it may be shown: an ordinary one as it is.

    The language decides what a renderer does with the code. What is not a plain word (an
    attribute list, an entity, an escape) may be read as anything, so it becomes ``text``.
    """
    word = info.strip(" \t").split(" ", 1)[0].split("\t", 1)[0]
    if not word:
        return info
    rest = info.lstrip(" \t")[len(word) :]
    lead = info[: len(info) - len(info.lstrip(" \t"))]
    if not _WORD.fullmatch(word) or _is_rendered(word.lower()):
        word = PLAIN
    return lead + _PICTURE.sub("", (word + rest).translate(_LEFT_OUT))


def _is_rendered(word: str) -> bool:
    found = _NAME.match(word)
    name = _PREFIX.sub("", found[0]) if found else ""
    return not name or name in RENDERED or not RENDERED.isdisjoint(re.split("[-_+#]", name))
