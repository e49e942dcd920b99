"""Changing one provider's row in the user's file; a row that would not hold is not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.settings.rows import Rows
from polypilot.settings.source import SettingsError
from polypilot.settings.write import update_user_file
from polypilot_providers.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from polypilot.settings.layers import Layer
    from polypilot_providers.catalog import ProviderRow

_OF_A_FILE = ("; its default is used", "; this provider is not used until then")


def update_row(
    provider_id: str,
    fields: Mapping[str, object | None],
    catalog: Mapping[str, ProviderRow],
    *,
    anew: bool = False,
    user_file: Path | None = None,
) -> Path:
    """Set fields of ``[providers.ID]``; None removes one. Returns the file written. Blocks.

    Args:
        provider_id: whose row.
        fields: values by name; ``variables.region`` is an entry of the table ``variables``.
        catalog: the rows that the user's are laid over.
        anew: forget what the file says of this provider now.
        user_file: ``config.toml`` by default.

    Raises:
        SettingsError: as :func:`update_user_file`; or the row could not be used like that.
    """
    changes: dict[str | tuple[str, ...], object | None] = {}
    if anew:
        changes["providers", provider_id] = None
    for name, value in fields.items():
        changes["providers", provider_id, *name.split(".", 1)] = value
    return update_user_file(
        changes, user_file, check=lambda layer: _check(layer, provider_id, catalog)
    )


def remove_row(provider_id: str, user_file: Path | None = None) -> Path:
    """Take ``[providers.ID]`` out of the user's file. Blocks; raises as update_user_file."""
    return update_user_file({("providers", provider_id): None}, user_file)


def _of_the_change(text: str) -> str:
    """Without what would come of it if it stood in the file."""
    for each in _OF_A_FILE:
        text = text.replace(each, "")
    return text


def _check(layer: Layer, provider_id: str, catalog: Mapping[str, ProviderRow]) -> None:
    """Read the row as the next start would."""
    rows = Rows(layer, catalog)
    mine = ("providers", provider_id)
    rows.build({key: leaf for key, leaf in layer.leaves.items() if key[:2] == mine})
    for problem in layer.closing():
        if problem.key:  # else it is of the file as a whole
            cure = _of_the_change(problem.cure)
            end = "" if cure.endswith((".", "?")) else "."
            message = f"{problem.key} {_of_the_change(problem.message)}"
            raise SettingsError(message, cure=f"{cure}{end} Nothing was written.")
    row = rows.rows.get(provider_id)
    if row is None or row.missing:
        return
    try:
        row.address()
    except ConfigurationError as error:
        raise SettingsError(error.message, cure=error.cure) from error
