"""Loading: read every source, merge, and say where each value came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polypilot import paths
from polypilot.settings import plaintext
from polypilot.settings.accounts import Accounts
from polypilot.settings.environment import variable_problems
from polypilot.settings.layers import (
    USER_FILE_LIMIT,
    WORKSPACE_FILE_LIMIT,
    Key,
    Layer,
    Leaf,
    read_file,
    read_mapping,
    show,
)
from polypilot.settings.mcp import McpServer  # noqa: TC001  (beside the others)
from polypilot.settings.mcp_tables import McpTables
from polypilot.settings.merge import Merger
from polypilot.settings.model import SECTIONS, Settings
from polypilot.settings.rows import Rows
from polypilot.settings.source import (
    DEFAULT,
    WORKSPACE_FILE,
    Loaded,
    SettingsProblem,
    Source,
    WorkspaceFile,
)
from polypilot_providers import catalog as builtin
from polypilot_providers.catalog import ProviderRow  # noqa: TC001  (in a public signature)

Workspace = Path | Mapping[str, object]


def load(
    user_file: Path | None = None,
    editor: Mapping[str, object] | None = None,
    workspace: Workspace | Sequence[Workspace] = (),
    env: Mapping[str, str] | None = None,
    *,
    catalog: Mapping[str, ProviderRow] | None = None,
    folder: Path | None = None,
) -> Loaded:
    """Read all settings. Never raises for what they contain.

    ``user_file`` defaults to ``paths.config_file()``; ``editor`` is the ``polypilot`` section
    as the client sent it; ``workspace`` names the folders' ``.polypilot.toml`` files (or the
    folders), one per root, or holds such a file's tree; ``env`` defaults to the process's
    environment. ``catalog`` defaults to the built-in rows. ``folder`` is the one whose
    ``accounts`` hold: the first of the workspace.

    Reads files: call it off the event loop. With several roots all of their restrictions
    hold everywhere.
    """
    rows_known = builtin_catalog() if catalog is None else catalog
    user_layer = read_file(user_file or paths.config_file(), "user", USER_FILE_LIMIT)
    editor_layer = read_mapping(editor or {}, "editor", "editor settings")
    roots = [workspace] if isinstance(workspace, (Path, Mapping)) else workspace
    layers = [_workspace_layer(root) for root in roots]
    loader = _Loader(user_layer, editor_layer, layers, folder)
    return loader.run(rows_known, os.environ if env is None else env)


def builtin_catalog() -> Mapping[str, ProviderRow]:
    """The rows that come with Polypilot."""
    return builtin.rows({})


def _workspace_layer(root: Workspace) -> Layer:
    if isinstance(root, Path):
        # A file may be named itself; anything else is a folder that may have one.
        file = root if root.name == WORKSPACE_FILE else root / WORKSPACE_FILE
        return read_file(file, "workspace", WORKSPACE_FILE_LIMIT)
    return read_mapping(root, "workspace", WORKSPACE_FILE)


_TABLES = ("providers", "accounts", "mcp")
"""What is read by rules of its own."""


class _Loader:
    def __init__(
        self, user: Layer, editor: Layer, workspaces: list[Layer], folder: Path | None
    ) -> None:
        self.user, self.editor, self.workspaces = user, editor, workspaces
        self.folder = folder

    def run(self, catalog: Mapping[str, ProviderRow], env: Mapping[str, str]) -> Loaded:
        rows = Rows(self.user, catalog)
        mine = self._without_keys(self.user, rows)
        rows.build(_under("providers", mine))
        accounts = Accounts(self.user, rows)
        accounts.build(_under("accounts", mine), self.folder)
        servers = McpTables(self.user)
        servers.build(_under("mcp", mine))
        merger = Merger(rows.rows, rows.blocked)
        rest = {key: leaf for key, leaf in mine.items() if key[0] not in _TABLES}
        merger.user(self.user, rest)
        if not self.user.ok:
            self._be_careful(merger)
        theirs = self._without_keys(self.editor, None)
        merger.editor(self.editor, theirs, rows.named if self.user.ok else set())
        files = tuple(self._workspace(merger, layer) for layer in self.workspaces)
        settings = _build(merger.values, rows.rows, accounts.tree, servers.tree)
        return Loaded(
            settings=settings,
            problems=(*self._problems(), *variable_problems(settings, env)),
            sources=_sources(merger.sources, rows) | accounts.sources | servers.sources,
            blocked=rows.blocked,
            workspace_files=tuple(each for each in files if each.digest or each.refused),
            user_ok=self.user.ok,
        )

    def _without_keys(self, layer: Layer, rows: Rows | None) -> dict[Key, Leaf]:
        """The layer's leaves that are not keys; a row that holds one is not used."""
        clean: dict[Key, Leaf] = {}
        for key, leaf in layer.leaves.items():
            if not plaintext.is_key(key, leaf):
                clean[key] = leaf
                continue
            problem = plaintext.refuse(layer, key, leaf)
            provider = plaintext.provider_of(key)
            if rows is not None and provider:
                rows.block(provider, problem)
        return clean

    def _be_careful(self, merger: Merger) -> None:
        """The user's file can't be read: what it forbids is not known, so nothing may leave."""
        merger.values["privacy.local_only"] = True
        merger.sources["privacy.local_only"] = self.user.source(None)

    def _workspace(self, merger: Merger, layer: Layer) -> WorkspaceFile:
        applied = merger.workspace(layer, self._without_keys(layer, None))
        refused = [show(key) for key in layer.leaves if ".".join(key) not in applied]
        return WorkspaceFile(
            layer.file, layer.digest, tuple(sorted(applied)), tuple(sorted(refused)[:100])
        )

    def _problems(self) -> Iterable[SettingsProblem]:
        for layer in (self.user, self.editor, *self.workspaces):
            yield from layer.closing()


def _under(head: str, leaves: Mapping[Key, Leaf]) -> dict[Key, Leaf]:
    return {key: leaf for key, leaf in leaves.items() if key[0] == head}


def _build(
    values: Mapping[str, Any],
    rows: Mapping[str, ProviderRow],
    accounts: Mapping[str, Mapping[str, str]],
    servers: Mapping[str, McpServer],
) -> Settings:
    """The tree of values that were each validated already."""
    trees: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, value in values.items():
        section, field = name.split(".")
        trees[section][field] = value
    sections: dict[str, Any] = {
        name: SECTIONS[name].model_construct(**tree) for name, tree in trees.items()
    }
    return Settings.model_construct(
        providers=dict(rows), accounts=dict(accounts), mcp=dict(servers), **sections
    )


def _sources(scalars: Mapping[str, Source], rows: Rows) -> dict[str, Source]:
    catalog = {f"providers.{provider_id}": DEFAULT for provider_id in rows.rows}
    return {**scalars, **catalog, **rows.sources}
