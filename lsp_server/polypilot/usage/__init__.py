"""What was asked, shown, kept and spent, on this machine alone; never any text."""

from polypilot.usage.ledger import Ledger
from polypilot.usage.values import Entry, Stay
from polypilot.usage.writing import Writer

__all__ = ["Entry", "Ledger", "Stay", "Writer"]
