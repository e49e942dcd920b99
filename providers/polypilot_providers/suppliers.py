"""The catalog's rows: what is known of each supplier, as data, in a module per group.

Addresses, header and variable names come from the suppliers' SDKs and documentation, field
names and usage shapes from recorded answers where there are any, all as of November 2026.
None of these rows has been tried against its supplier with a key. What a source did not settle
stands in the row's ``notes``; services that ended are in ``retired``.
"""

from __future__ import annotations

from polypilot_providers import (
    rows_anthropic,
    rows_apple,
    rows_azure,
    rows_bedrock,
    rows_fim,
    rows_gateways,
    rows_google,
    rows_local,
    rows_meta,
    rows_openai,
    rows_xai,
)

SUPPLIERS = (
    rows_local.EMBEDDED,
    *rows_anthropic.ROWS,
    *rows_openai.ROWS,
    *rows_azure.ROWS,
    *rows_google.ROWS,
    *rows_bedrock.ROWS,
    *rows_fim.ROWS,
    *rows_xai.ROWS,
    *rows_meta.ROWS,
    *rows_gateways.ROWS,
    *rows_local.ROWS,
    *rows_apple.ROWS,
)
