"""Polypilot: completion and chat in any editor, from whichever provider its user chooses."""

__version__ = "0.1.0"
