"""The answer to a request that is no result, as JSON-RPC has it."""

from __future__ import annotations


class RpcError(Exception):
    """Raised to answer with exactly this error. The message is for the user, and holds no text
    of the user's and no secret."""  # noqa: D205, D209 -- one sentence

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message
        self.data = data

    def as_error(self) -> dict[str, object]:
        """The ``error`` member of a response."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return error
