"""The index of the workspace: words, definitions and file names.

It is built by a process of its own, which obeys the gate's rules, and read by threads of the
server. A hit names lines; their text is read from the file, through the gate.
"""

from __future__ import annotations

from polypilot.workspace.index.service import WorkspaceIndex
from polypilot.workspace.index.values import Found, Hit, Phase, SearchError, State, Symbol

__all__ = ["Found", "Hit", "Phase", "SearchError", "State", "Symbol", "WorkspaceIndex"]
