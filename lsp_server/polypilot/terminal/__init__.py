"""The terminal face: ``polypilot`` with a command."""
