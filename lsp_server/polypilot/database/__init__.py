"""SQLite files of the user's own: private, shared by their editors, never in anyone's way."""

from polypilot.database.failures import StorageError
from polypilot.database.worker import Database

__all__ = ["Database", "StorageError"]
