"""What every key needs is compiled before the first key."""

from __future__ import annotations

from lsprotocol import types

from polypilot.lsp.conversion import prime, shared_converter


def test_priming_compiles_both_ways_and_changes_nothing():
    converter = shared_converter().copy()
    value = types.InlineCompletionList([])
    prime(converter, [value], [types.TEXT_DOCUMENT_INLINE_COMPLETION, "no/such"])
    assert converter.unstructure(value) == {"items": []}
    raw = {
        "textDocument": {"uri": "file:///a"},
        "position": {"line": 1, "character": 2},
        "context": {"triggerKind": 2},
    }
    params = converter.structure(raw, types.InlineCompletionParams)
    assert params.position == types.Position(1, 2)
