"""Putting Polypilot into the configuration of an editor, and taking it out again.

What is written for an editor is data (``editors``); how a file is changed so that every byte
which isn't ours stays is in ``blocks``, ``json_edit`` and ``helix``; ``changes`` plans, makes and
undoes it. Nothing is written that was not planned, so that a face can show it first. Blocks.
"""

from polypilot.setup.changes import FileChange, apply, plan, plan_undo, undo
from polypilot.setup.editors import EDITORS, guide, names
from polypilot.setup.machine import Machine
from polypilot.setup.values import Guide, SetupError

__all__ = [
    "EDITORS",
    "FileChange",
    "Guide",
    "Machine",
    "SetupError",
    "apply",
    "guide",
    "names",
    "plan",
    "plan_undo",
    "undo",
]
