"""Whom to compare: ``provider``, ``provider/model``, ``embedded``, ``embedded/FILE.gguf``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.embedded.catalog import GGUF, Model, choose
from polypilot.errors import UserError
from polypilot.settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.compare.values import Way


class TargetError(UserError):
    """A target that can't be compared."""

    code = "target"


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and a model, as the user named them."""

    label: str
    """What it is called in the report; unique in a comparison."""
    provider: str
    model: str = ""
    """Empty: the provider's default for what is asked."""
    file: str = ""
    """Of the embedded provider, a GGUF file's absolute path in place of a model."""

    @property
    def embedded(self) -> bool:
        """Whether it runs on this machine in our own runtime."""
        return self.provider == EMBEDDED

    def settings(self, way: Way) -> dict[str, object]:
        """What is laid over the user's settings while this target is asked.

        Nobody else may answer in its place, and what the user has switched off for the
        editor's sake does not keep a comparison from asking.
        """
        chosen = {"provider": self.provider, "model": "" if self.embedded else self.model}
        alone: dict[str, object] = {**chosen, "fallback": []}
        return {
            "completion": {
                **alone,
                "enabled": True,
                "hedge": False,
                **({"context": False} if way == "bare" else {}),
            },
            # A question is asked once and carries its files: no tools, no index of a copy.
            "chat": {**alone, "mode": "plain", "retrieve": False},
            # What the user takes and leaves is counted; these suggestions nobody has seen.
            "usage": {"enabled": False},
        }

    def runs(self) -> Model | None:
        """The embedded model it means; None for all others. Reads a file's header; blocks.

        Raises:
            EmbeddedError: there is no such model, or the file is no GGUF file.
        """
        return choose(self.model, self.file) if self.embedded else None


def parse(names: Sequence[str], rows: Mapping[str, object]) -> tuple[Target, ...]:
    """The targets that a user names; relative files are below the folder that the user is in.

    The same name twice makes two targets: what differs between them is chance.

    Raises:
        TargetError: a name that means nothing.
    """
    made: dict[str, Target] = {}
    for name in names:
        target = _parse(name, rows)
        label, number = target.label, 1
        while label in made:
            number += 1
            label = f"{target.label}#{number}"
        made[label] = replace(target, label=label)
    if not made:
        raise TargetError(
            "there is nothing to compare",
            cure="name at least one target, e.g. `polypilot compare embedded mistral`",
        )
    return tuple(made.values())


def _parse(name: str, rows: Mapping[str, object]) -> Target:
    provider, _, model = name.partition("/")
    if provider not in rows:
        raise TargetError(
            f"there is no provider {provider!r}",
            cure="`polypilot providers` lists those there are",
        )
    if provider == EMBEDDED and model.endswith(GGUF):
        path = Path(model).expanduser().absolute()
        return Target(f"{EMBEDDED}/{path.name}", EMBEDDED, file=str(path))
    return Target(name, provider, model)
