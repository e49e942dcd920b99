"""What goes into a prompt: showing it, and what the editor adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.lsp import methods, told_methods
from polypilot.lsp.features.asking import PATIENCE_S
from polypilot.lsp.sync import position_of
from polypilot.workspace.diagnostics import ERROR, HINT, Diagnostic

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer


def register(server: PolypilotServer[Backend]) -> None:
    """Add the features."""

    @server.feature(methods.EXPLAIN)
    async def explain(params: methods.ExplainParams) -> methods.Explanation:
        uri = params.text_document.uri
        # The position belongs to the text as it is now, whatever is waited for.
        with server.documents.keeping([uri]):
            backend = await server.backend()
            await backend.refresh(within=PATIENCE_S)
            await backend.gate.look([uri], PATIENCE_S)
            found = await backend.explain_completion(uri, position_of(params.position))
        return methods.Explanation(
            provider=found.provider,
            model=found.model,
            mode=found.mode,
            budget=found.budget,
            tokens=found.tokens,
            parts=tuple(
                methods.PromptPart(part.name, part.tokens, part.text) for part in found.parts
            ),
        )

    @server.feature(methods.DIAGNOSTICS)
    async def diagnostics(params: told_methods.DiagnosticsParams) -> None:
        backend = await server.backend()
        if params.uri in server.documents:  # of others nothing tells when they may be forgotten
            backend.diagnostics.set(params.uri, map(_diagnostic, params.diagnostics))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        (await server.backend()).diagnostics.forget(params.text_document.uri)


def _diagnostic(told: told_methods.DiagnosticTold) -> Diagnostic:
    severity = ERROR if told.severity is None else told.severity
    return Diagnostic(
        told.range.start.line,
        told.message,
        severity if ERROR <= severity <= HINT else ERROR,
        told.source or "",
        "" if told.code is None else str(told.code),
    )
