"""Makes an edit that the user has allowed, in the file itself.

The protocol's own way to write, through the editor, is left out of its next version.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.chat import edits_file
from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot.chat.edits import TextEdit


class WriteError(UserError):
    """The edit was not made; the file is as it was."""

    code = "edit_failed"


def write(path: str, edits: Iterable[TextEdit], *, creates: bool) -> None:
    """Change a file, or make it. Blocks.

    Raises:
        WriteError: it can't be done.
        EditError: another program has written to it meanwhile.
    """
    try:
        if creates:
            edits_file.create(Path(path), edits)
        else:
            edits_file.change(Path(path), edits)
    except UnicodeError:
        raise WriteError("the file's text can't be read or written as it is") from None
    except OSError as error:
        raise WriteError(f"the file can't be written ({error.strerror})") from None
