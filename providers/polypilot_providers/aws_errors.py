"""AWS's names of errors, which say more than the statuses they come with.

They stand in the header ``x-amzn-errortype``, in a body's ``__type`` and in the frames of a
stream. Source: the service model that botocore ships, AWS's list of common errors.
"""

from __future__ import annotations

AUTH = {
    "unrecognizedclientexception", "invalidsignatureexception", "incompletesignatureexception",
    "expiredtokenexception", "missingauthenticationtokenexception", "invalidclienttokenid",
    "signaturedoesnotmatch", "expiredtoken",
}  # fmt: skip
ACCESS = "accessdeniedexception"
"""Said of keys, and of models that an account has not been given."""
MODEL = {"resourcenotfoundexception"}
QUOTA = {"servicequotaexceededexception"}
RATE = {"throttlingexception", "toomanyrequestsexception", "throttling"}
DOWN = {
    "modelnotreadyexception", "modeltimeoutexception", "modelerrorexception", "internalfailure",
    "modelstreamerrorexception", "internalserverexception", "serviceunavailableexception",
    "serviceunavailable",
}  # fmt: skip
REFUSED = {"validationexception"}


def sign_in_again(profile: str) -> str:
    """The cure for credentials of the machine's that AWS does not take, or no longer."""
    login = f"aws sso login --profile {profile}" if profile else "aws sso login"
    return f"Sign in again: `{login}`, or renew the credentials in `aws configure`."


def name(text: str) -> str:
    """The error's name in what AWS writes: ``namespace#Name``, ``Name:http://...``."""
    return text.partition(":")[0].rpartition("#")[2].strip().lower()
