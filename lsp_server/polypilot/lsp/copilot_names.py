"""The methods of GitHub's Copilot language server that its clients call, and where params are.

As with the chat's, the classes are made when the first message of their kind comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

GET_VERSION = "getVersion"
SET_EDITOR_INFO = "setEditorInfo"
CHECK_STATUS = "checkStatus"
SIGN_IN = "signIn"
SIGN_IN_INITIATE = "signInInitiate"
SIGN_IN_CONFIRM = "signInConfirm"
SIGN_OUT = "signOut"
MODELS = "copilot/models"
GET_COMPLETIONS = "getCompletions"
GET_COMPLETIONS_CYCLING = "getCompletionsCycling"
GET_PANEL_COMPLETIONS = "getPanelCompletions"
PANEL_COMPLETION = "textDocument/copilotPanelCompletion"
NOTIFY_SHOWN = "notifyShown"
NOTIFY_ACCEPTED = "notifyAccepted"
NOTIFY_REJECTED = "notifyRejected"
DID_FOCUS = "textDocument/didFocus"
CHANGE_CONFIGURATION = "notifyChangeConfiguration"
CONVERSATION_PRECONDITIONS = "conversation/preconditions"
CONVERSATION_TEMPLATES = "conversation/templates"
CONVERSATION_CREATE = "conversation/create"
CONVERSATION_TURN = "conversation/turn"
CONVERSATION_DESTROY = "conversation/destroy"
COMMIT_GENERATE = "git/commitGenerate"

# From the server.
DID_CHANGE_STATUS = "didChangeStatus"
STATUS_NOTIFICATION = "statusNotification"
PANEL_SOLUTION = "PanelSolution"
PANEL_SOLUTIONS_DONE = "PanelSolutionsDone"
CONVERSATION_CONTEXT = "conversation/context"

FINISH_SIGN_IN = "polypilot.finishSignIn"
"""The command that a client runs after it has shown how to sign in."""

MODULES = ("copilot_methods",)
"""Those beside this one that hold the classes."""

PARAMS = {
    SET_EDITOR_INFO: "copilot_methods.EditorInfoParams",
    CHECK_STATUS: "copilot_methods.CheckStatusParams",
    SIGN_IN_CONFIRM: "copilot_methods.SignInConfirmParams",
    GET_COMPLETIONS: "copilot_methods.CompletionsParams",
    GET_COMPLETIONS_CYCLING: "copilot_methods.CompletionsParams",
    GET_PANEL_COMPLETIONS: "copilot_methods.PanelParams",
    PANEL_COMPLETION: "copilot_methods.PanelCompletionParams",
    NOTIFY_SHOWN: "copilot_methods.ShownParams",
    NOTIFY_ACCEPTED: "copilot_methods.AcceptedParams",
    NOTIFY_REJECTED: "copilot_methods.RejectedParams",
    DID_FOCUS: "copilot_methods.FocusParams",
    CHANGE_CONFIGURATION: "copilot_methods.ConfigurationParams",
    CONVERSATION_CREATE: "copilot_methods.CreateParams",
    CONVERSATION_TURN: "copilot_methods.TurnParams",
    CONVERSATION_DESTROY: "copilot_methods.DestroyParams",
    COMMIT_GENERATE: "copilot_methods.CommitParams",
}
"""The type of each method's params: its module and name. The other methods take none, in
whatever way a client writes that."""

NOTIFICATIONS = frozenset({DID_FOCUS, CHANGE_CONFIGURATION})
"""Those that a client does not wait for an answer to."""


def is_copilot_client(options: object) -> bool:
    """Whether ``initializationOptions`` are those of a client of GitHub's server."""
    return isinstance(_inside(options, "editorInfo"), dict)


def with_model(
    settings: object, section: Mapping[str, object] | None, before: Mapping[str, object]
) -> Mapping[str, object] | None:
    """Our section of an editor's settings with the completion model that the client chose.

    Where the settings lack the section, the one from ``before`` stays in force.

    Ids of ours have a provider in front; those of GitHub's models, which a user may still have
    in a configuration, do not, and mean nothing here. An empty one takes a choice back.
    """
    chosen = _inside(settings, "github", "copilot", "selectedCompletionModel")
    if not isinstance(chosen, str) or (chosen and "/" not in chosen):
        return section
    joined = dict(before if section is None else section)
    if chosen:
        provider, _, model = chosen.partition("/")
        completion = _inside(joined, "completion")
        under = cast("dict[str, object]", completion) if isinstance(completion, dict) else {}
        joined["completion"] = {**under, "provider": provider, "model": model}
    return joined


def _inside(tree: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(tree, dict):
            return None
        tree = cast("dict[str, object]", tree).get(key)
    return tree
