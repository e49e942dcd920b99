"""What can be wrong with a keyring, each with its own words and cure."""

from __future__ import annotations

from polypilot.errors import UserError


class CredentialError(UserError):
    """The keyring can't be used, or a key not be stored.

    ``code`` is keyring_absent, keyring_locked, keyring_timeout, keyring_insecure,
    keyring_failed, or key_invalid for a key, or a name of one, that can't be one.
    """

    code = "keyring_failed"


def absent(why: str = "") -> CredentialError:
    """There is no keyring at all."""
    return CredentialError(
        why or "this session has no keyring",
        code="keyring_absent",
        cure="Install and start one (gnome-keyring or KWallet on Linux; it needs a D-Bus session), "
        "or give the key in the supplier's environment variable",
    )


def locked(name: str) -> CredentialError:
    """It is locked, and nobody unlocked it."""
    return CredentialError(
        f"the keyring ({name}) is locked and was not unlocked",
        code="keyring_locked",
        cure="Unlock it (log in to your desktop, or open your keyring program), then try again",
    )


def dismissed(name: str) -> CredentialError:
    """The system's prompt was closed, or could not be shown."""
    return CredentialError(
        f"the keyring ({name}) asked for its password, and the prompt was dismissed or could not "
        "be shown",
        code="keyring_locked",
        cure="Try again and answer the prompt; without a desktop, unlock the keyring beforehand",
    )


def hung(seconds: float) -> CredentialError:
    """It does not answer; perhaps a prompt is waiting."""
    return CredentialError(
        f"the keyring did not answer within {seconds:g} s",
        code="keyring_timeout",
        cure="If it asks for a password, answer; otherwise restart the keyring service and try "
        "again",
    )


def insecure(name: str) -> CredentialError:
    """What would be used keeps keys readable on the disk, or who knows where."""
    return CredentialError(
        f"the only keyring here is {name}, which is not one of the operating system's: keys could "
        "be stored unencrypted",
        code="keyring_insecure",
        cure="Start the system's keyring and remove PYTHON_KEYRING_BACKEND if it is set; or, if "
        "you accept unencrypted keys, set allow_insecure = true under [keyring] in config.toml",
    )


def failed(name: str, why: str) -> CredentialError:
    """It answered with something else. ``why`` is a type's name, never the library's text."""
    return CredentialError(
        f"the keyring ({name}) failed: {why}",
        code="keyring_failed",
        cure="Restart the keyring service, then try again; `polypilot doctor` looks at it",
    )


def invalid() -> CredentialError:
    """The key can't travel in a header."""
    return CredentialError(
        "that is not a key: keys are one word of printable ASCII characters",
        code="key_invalid",
        cure="Copy it again from the supplier's page, without quotes or line breaks",
    )


def unnamable() -> CredentialError:
    """The name can't be one of a key."""
    return CredentialError(
        "that is not a name for a key",
        code="key_invalid",
        cure="Use letters, digits, dot, dash and underscore, 64 at most",
    )


def alike(name: str) -> CredentialError:
    """Some keyrings do not tell the case of letters."""
    return CredentialError(
        f"there is a key named {name!r} already, and only the case of a letter is different",
        code="key_invalid",
        cure="Choose another name, or use that one",
    )
