"""The names of the chat's methods, and where their params are described.

Their classes are made when the first message of their kind comes, or with the backend: they
would delay the answer to ``initialize``, and an editor that only completes needs none.
"""

from __future__ import annotations

SEND = "polypilot/chat/send"
PREVIEW = "polypilot/chat/preview"
PERMISSION = "polypilot/chat/permission"
SESSIONS = "polypilot/chat/sessions"
CREATE = "polypilot/chat/create"
LOAD = "polypilot/chat/load"
RENAME = "polypilot/chat/rename"
DELETE = "polypilot/chat/delete"
CONFIGURE = "polypilot/chat/configure"
SELECT = "polypilot/chat/select"
EXPORT = "polypilot/chat/export"
CLOSE = "polypilot/chat/close"
COMMANDS = "polypilot/chat/commands"
MENTIONS = "polypilot/chat/mentions"
EDIT_GET = "polypilot/edit/get"
EDIT_PROPOSE = "polypilot/edit/propose"
EDIT_ACCEPT = "polypilot/edit/accept"
EDIT_REJECT = "polypilot/edit/reject"
LM_MODELS = "polypilot/lm/models"
LM_RESPOND = "polypilot/lm/respond"
LM_COUNT = "polypilot/lm/countTokens"

MODULES = ("chat_methods", "chat_kept", "lm_methods")
"""Those beside this one that hold the classes."""

PARAMS = {
    SEND: "chat_methods.ChatSendParams",
    PREVIEW: "chat_methods.ChatPreviewParams",
    SESSIONS: "chat_kept.SessionsParams",
    CREATE: "chat_kept.CreateParams",
    LOAD: "chat_kept.SessionParams",
    RENAME: "chat_kept.RenameParams",
    DELETE: "chat_kept.SessionParams",
    CONFIGURE: "chat_kept.ConfigureParams",
    SELECT: "chat_kept.SelectParams",
    EXPORT: "chat_kept.SessionParams",
    CLOSE: "chat_kept.SessionParams",
    COMMANDS: "chat_kept.RootParams",
    MENTIONS: "chat_kept.MentionsParams",
    EDIT_GET: "chat_kept.EditParams",
    EDIT_PROPOSE: "chat_kept.ProposeParams",
    EDIT_ACCEPT: "chat_kept.AcceptParams",
    EDIT_REJECT: "chat_kept.EditParams",
    LM_MODELS: "lm_methods.LmModelsParams",
    LM_RESPOND: "lm_methods.LmRespondParams",
    LM_COUNT: "lm_methods.LmCountParams",
}
"""The type of each method's params: its module and name."""
