"""What the clients of GitHub's Copilot language server send; see ``methods`` for the form.

Only what is looked at is here. What is absent in some version of some client may be absent.
"""

from __future__ import annotations

from typing import Any

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time


@attrs.frozen(eq=False, slots=False)
class NameAndVersion:
    """An editor, or a plugin of it."""

    name: str
    version: str | None = None


@attrs.frozen(eq=False, slots=False)
class EditorInfoParams:
    """Who asks; sent by clients that say it after ``initialize``."""

    editor_info: NameAndVersion
    editor_plugin_info: NameAndVersion | None = None


@attrs.frozen(eq=False, slots=False)
class CheckStatusParams:
    """Nothing in its options makes a difference: all that is looked at is on this machine."""

    options: dict[str, Any] | None = None


@attrs.frozen(eq=False, slots=False)
class SignInConfirmParams:
    """The user has been told what to do."""

    user_code: str | None = None


@attrs.frozen(eq=False, slots=False)
class Doc:
    """An open document, and where its user is."""

    uri: str
    position: types.Position
    version: int | None = None


@attrs.frozen(eq=False, slots=False)
class CompletionsParams:
    """Where to complete."""

    doc: Doc


@attrs.frozen(eq=False, slots=False)
class PanelParams(CompletionsParams):
    """Where to complete, for a panel."""

    panel_id: str


@attrs.frozen(eq=False, slots=False)
class VersionedDocument:
    """An open document."""

    uri: str
    version: int | None = None


@attrs.frozen(eq=False, slots=False)
class PanelCompletionParams:
    """Where to complete, for a panel."""

    text_document: VersionedDocument
    position: types.Position
    partial_result_token: types.ProgressToken | None = None


@attrs.frozen(eq=False, slots=False)
class ShownParams:
    """A suggestion is on the screen."""

    uuid: str


@attrs.frozen(eq=False, slots=False)
class AcceptedParams:
    """A suggestion was taken."""

    uuid: str
    accepted_length: int | None = None
    """UTF-16 code units of its text, which begins at the line's beginning; None: all of it."""


@attrs.frozen(eq=False, slots=False)
class RejectedParams:
    """Suggestions were turned down."""

    uuids: tuple[str, ...]


@attrs.frozen(eq=False, slots=False)
class FocusedDocument:
    """The document in front."""

    uri: str | None = None
    """None: there is none."""


@attrs.frozen(eq=False, slots=False)
class FocusParams:
    """Another document came to the front."""

    text_document: FocusedDocument


@attrs.frozen(eq=False, slots=False)
class ConfigurationParams:
    """As in ``workspace/didChangeConfiguration``."""

    settings: Any = None


@attrs.frozen(eq=False, slots=False)
class Exchange:
    """A question with its answer, if it has one."""

    request: str
    response: str | None = None


@attrs.frozen(eq=False, slots=False)
class Capabilities:
    """What the client can be asked for."""

    skills: tuple[str, ...] = ()
    all_skills: bool | None = None


@attrs.frozen(eq=False, slots=False)
class ContextDoc:
    """The document that a question is about."""

    uri: str | None = None


@attrs.frozen(eq=False, slots=False)
class Reference:
    """What the user has attached."""

    type: str
    uri: str | None = None
    selection: types.Range | None = None


@attrs.frozen(eq=False, slots=False)
class ModelChoice:
    """The newer way to name a model."""

    id: str | None = None


@attrs.frozen(eq=False, slots=False)
class CreateParams:
    """A new conversation and its first question, the last of the turns."""

    work_done_token: types.ProgressToken
    turns: tuple[Exchange, ...]
    capabilities: Capabilities | None = None
    doc: ContextDoc | None = None
    references: tuple[Reference, ...] | None = None
    model: str | None = None
    model_info: ModelChoice | None = None
    workspace_folder: str | None = None
    workspace_folders: tuple[types.WorkspaceFolder, ...] | None = None


@attrs.frozen(eq=False, slots=False)
class TurnParams:
    """A further question."""

    work_done_token: types.ProgressToken
    conversation_id: str
    message: str
    doc: ContextDoc | None = None
    references: tuple[Reference, ...] | None = None
    model: str | None = None
    model_info: ModelChoice | None = None


@attrs.frozen(eq=False, slots=False)
class DestroyParams:
    """A conversation that is not shown any more."""

    conversation_id: str


@attrs.frozen(eq=False, slots=False)
class CommitParams:
    """What a commit message is to be about."""

    changes: tuple[str, ...]
    """Diffs as git writes them."""
    user_commits: tuple[str, ...] | None = None
    recent_commits: tuple[str, ...] | None = None
    """Messages of earlier commits."""
    workspace_folder: Any = None
    """A URI or a path; some clients send a list of them."""
