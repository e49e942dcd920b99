"""The settings' sources of one backend, and when they have to be read again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from polypilot import paths
from polypilot.backend import own_prompts
from polypilot.embedded.catalog import Model, choose
from polypilot.embedded.errors import EmbeddedError
from polypilot.settings import WORKSPACE_FILE, Loaded, load
from polypilot.workspace.roots import Roots
from polypilot.workspace.trust import TrustStore
from polypilot_prompts.overrides import OURS, Overrides
from polypilot_providers import catalog
from polypilot_providers.catalog import ProviderRow  # noqa: TC001  (beside the module above)
from polypilot_providers.factory import Plugin, load_entry_points

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

_Stamp = tuple[int, int, int] | None


@dataclass(slots=True)
class Sources:
    """Where this backend's settings come from. ``roots`` are paths or URIs."""

    launch: Mapping[str, object]
    """What the editor said when it started the server."""
    roots: tuple[str, ...]
    env: Mapping[str, str]
    editor: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the editor said last when it was asked for its configuration."""
    plugins: dict[str, Plugin] = field(default_factory=load_entry_points)
    embedded: Model | None = None
    """The model behind the provider ``embedded``; None if the settings name none we can use."""
    no_model: EmbeddedError | None = None
    """Why there is none."""
    prompts: Overrides = OURS
    """The user's own templates."""
    _looked: float = float("-inf")
    _seen: dict[Path, _Stamp] = field(default_factory=dict[Path, _Stamp])

    def model(self) -> Model:
        """The embedded model.

        Raises:
            EmbeddedError: the settings name none that can be used.
        """
        if self.embedded is None:
            raise self.no_model or EmbeddedError("no embedded model", code="unknown_model")
        return self.embedded

    def due(self) -> bool:
        """Whether it is time to look at the files again; once true, then not for a while."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return False
        self._looked = now
        return True

    def changed(self) -> bool:
        """Whether a file differs from what was taken last. Blocks."""
        return self._seen != self.stamps()

    def take(self, reading: Reading) -> None:
        """What was read is what holds now. Until then the files still count as changed."""
        self._looked = time.monotonic()
        self._seen = reading.seen
        self.embedded, self.no_model = reading.embedded, reading.no_model
        self.prompts = reading.prompts

    def catalog(self) -> dict[str, ProviderRow]:
        """The rows that the user's are laid over: ours and the plugins'."""
        return catalog.rows({}) | {name: plugin.row for name, plugin in self.plugins.items()}

    def folders(self) -> list[Path]:
        """The workspace folders that are on this disk."""
        return [Path(root.path) for root in Roots(self.roots)]

    def stamps(self) -> dict[Path, _Stamp]:
        """What tells one state of the files from another. Blocks."""
        # The decisions about trust are no settings, but who shows the status wants them as fresh.
        files = [paths.config_file(), TrustStore().file, *own_prompts.files()]
        files += [each / WORKSPACE_FILE for each in self.folders()]
        return {file: _stamp(file) for file in files}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the sources said at one moment, not yet in force."""

    loaded: Loaded
    embedded: Model | None
    no_model: EmbeddedError | None
    seen: dict[Path, _Stamp]
    prompts: Overrides = OURS


def read(sources: Sources) -> Reading:
    """Read all settings. Blocks; never fails for what a file contains.

    Changes nothing in ``sources``: it may run in a thread that nobody waits for any more.
    """
    # Before the files are read: what changes meanwhile is seen as a change later.
    seen = sources.stamps()
    folders = sources.folders()
    loaded = load(
        editor=_over(sources.launch, sources.editor),
        workspace=folders,
        env=sources.env,
        catalog=sources.catalog(),
        folder=folders[0] if folders else None,
    )
    own = own_prompts.read_own_prompts()
    loaded = replace(loaded, problems=(*loaded.problems, *own.problems))
    embedded = loaded.settings.embedded
    try:
        model = choose(embedded.model, embedded.model_file)
    except EmbeddedError as error:
        # Told when the embedded model is asked: most users of a supplier never do.
        log.info("no embedded model: %s", error.code)
        return Reading(loaded, None, error, seen, own.overrides)
    return Reading(loaded, model, None, seen, own.overrides)


def _over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """One tree over another; sections that both have are joined."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            joined[key] = _over(
                cast("Mapping[str, object]", under), cast("Mapping[str, object]", value)
            )
        else:
            joined[key] = value
    return joined


def _stamp(file: Path) -> _Stamp:
    try:
        info = file.stat()
    except (OSError, ValueError):
        return None
    return info.st_mtime_ns, info.st_size, info.st_ino
