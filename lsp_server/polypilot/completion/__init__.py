"""The completion engine: from a key to ghost text."""
