"""The keys, in the operating system's keyring and nowhere else.

Each key is bound to a provider's id and the origin it was entered for; a key stored for one
origin is never found for another. Of several keys for one provider each has a name, its
account, and is found by that alone. What a keyring can and can't protect against is said in
docs/privacy.md.
"""

from __future__ import annotations

from polypilot.credentials.errors import CredentialError
from polypilot.credentials.index import StoredKey
from polypilot.credentials.store import Credentials

__all__ = ["CredentialError", "Credentials", "StoredKey"]
