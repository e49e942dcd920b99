"""The chat engine: sessions, and answers as a stream of events."""
