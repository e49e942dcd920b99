"""What the user wants: typed settings, each value tagged with where it came from.

Sources, weakest first: defaults, the user's ``config.toml``, the editor's settings, a
workspace's ``.polypilot.toml``; the environment only ever contributes keys.

**Only the user's own file is trusted with where text and keys go.** Endpoints, provider
rows, proxies, certificates, keyring and log options are read from ``config.toml`` alone. The
editor's settings are not trusted with them, neither in ``initializationOptions`` nor in
``workspace/configuration``: both reach the server already merged with what the opened
repository brought along (``.vscode/settings.json``, ``.dir-locals.el``,
``.helix/languages.toml``, ``.zed/settings.json``), with no mark of which value is whose, and
an editor's own filter for untrusted folders has been evaded by nested objects
(microsoft/vscode#335112). The editor may tune behaviour, tighten privacy and choose among
providers that the user's file names, or, if that file selects none, among the catalog's. A
workspace may only tighten. docs/decisions/0002-settings-provenance.md has the reasons.

No function here raises for what a file contains: a value that can't be used becomes a
``SettingsProblem`` and its default is used.
"""

from __future__ import annotations

from polypilot.settings.environment import env_keys, key_from_env
from polypilot.settings.load import load
from polypilot.settings.model import (
    ChatSettings,
    CompletionSettings,
    EmbeddedSettings,
    KeyringSettings,
    LogSettings,
    NetworkSettings,
    PrivacySettings,
    Settings,
)
from polypilot.settings.schema import json_schema
from polypilot.settings.source import (
    EMBEDDED,
    WORKSPACE_FILE,
    Loaded,
    SettingsError,
    SettingsProblem,
    Source,
    WorkspaceFile,
)
from polypilot.settings.user_rows import remove_row, update_row
from polypilot.settings.write import choose_account, row_text, update_user_file

__all__ = [
    "EMBEDDED",
    "WORKSPACE_FILE",
    "ChatSettings",
    "CompletionSettings",
    "EmbeddedSettings",
    "KeyringSettings",
    "Loaded",
    "LogSettings",
    "NetworkSettings",
    "PrivacySettings",
    "Settings",
    "SettingsError",
    "SettingsProblem",
    "Source",
    "WorkspaceFile",
    "choose_account",
    "env_keys",
    "json_schema",
    "key_from_env",
    "load",
    "remove_row",
    "row_text",
    "update_row",
    "update_user_file",
]
