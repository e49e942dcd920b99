"""``polypilot trust``: the user's word about a workspace, kept outside of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from polypilot.terminal.program import CONFIGURATION, OK, Program, workspace_root

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.terminal.output import Output


@click.command()
@click.argument(
    "path", type=click.Path(exists=True, path_type=Path), default=Path(), metavar="[PATH]"
)
@click.option("--revoke", is_flag=True, help="Trust it no longer.")
@click.option("--show", is_flag=True, help="Only say whether it is trusted.")
@click.pass_obj
def trust(program: Program, *, path: Path, revoke: bool, show: bool) -> int:
    """Trust the workspace that holds PATH (default: this folder), as it is now.

    Its .polypilot.toml may then choose among your providers; it can never loosen a rule. When
    the file changes, the workspace is untrusted again.
    """
    root = workspace_root(path.absolute())
    with program.session([root]) as session:
        if show:
            program.output.print(f"{root}: {session.backend.trust.state(str(root))}")
            return OK
        if revoke:
            session.backend.trust.distrust(str(root))
            program.output.print(f"{root} is no longer trusted.")
            return OK
        return _trust(session.backend, program.output, root)


def _trust(backend: Backend, output: Output, root: Path) -> int:
    """Show what the decision is about, then record it for exactly that."""
    store = backend.trust
    digest = store.digest(str(root))
    if digest is None:
        output.failure("trust", f"What {root} asks for can't be read.", "check .polypilot.toml")
        return CONFIGURATION
    for name in store.contents(str(root)):
        output.print(f"{name} asks for:", "bold")
        for line in (root / name).read_text("utf-8", errors="replace").splitlines():
            output.print(f"  {line}")
    store.trust(str(root), digest)
    output.print(f"{root} is trusted, as it is now.")
    return OK
