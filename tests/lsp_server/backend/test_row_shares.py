"""Shares of the prompt's budget are set as other fields of a row are."""

from __future__ import annotations

import pytest

from polypilot.backend.row_fields import assignments
from polypilot.settings import SettingsError


def test_a_share_is_a_number() -> None:
    assert assignments("a", None, {"suffix_share": "0.2"}, []) == {"suffix_share": 0.2}
    with pytest.raises(SettingsError, match="context_share is a number"):
        assignments("a", None, {"context_share": "much"}, [])
