"""Rows of the local servers that reach Apple's on-device model, and of mlx-lm's.

The on-device model has a window of 4,096 tokens for question and answer together (8,192 on newer
Macs), which bounds the prompt. Sources are apfel's comparison with ``fm``, measured on macOS
27.0.1, and each server's own documentation.
"""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow

_AS_OF = "2026-11-21"
_WINDOW = 4096
_PROMPT = 2500
"""Leaves room for the examples of a chat-shaped completion and for its answer."""

ROWS = (
    ProviderRow(
        id="apple-fm",
        name="Apple on-device model (fm serve)",
        wire="openai-chat",
        base_url="http://127.0.0.1:1976/v1",
        auth="none",
        free=True,
        completion_model="system",
        chat_model="system",
        stop_limit=0,
        prompt_tokens=_PROMPT,
        models=(ModelRow(id="system", context_tokens=_WINDOW, images=False, tools=False),),
        as_of=_AS_OF,
        source="apfel's documentation (a comparison of both, measured on macOS 27.0.1).",
        notes="Part of macOS 27: `sudo fm license` once, then `fm serve --port 1976`. It ignores "
        "the limit of an answer, so completions are cut here; it knows no tools. A refusal by "
        "Apple's guardrails comes as an error of the server.",
    ),
    ProviderRow(
        id="apfel",
        name="Apple on-device model (apfel)",
        wire="openai-chat",
        base_url="http://127.0.0.1:11434/v1",
        auth="none",
        free=True,
        completion_model="apple-foundationmodel",
        chat_model="apple-foundationmodel",
        stop_limit=0,
        prompt_tokens=_PROMPT,
        models=(ModelRow(id="apple-foundationmodel", context_tokens=_WINDOW),),
        as_of=_AS_OF,
        source="apfel's documentation.",
        notes="`apfel --serve` has Ollama's port: if you run both, start it with `--port` and set "
        "base_url. It refuses stop sequences. With `--token`, set auth to keyring and store the "
        "token as its key.",
    ),
    ProviderRow(
        id="afm",
        name="Apple on-device model (afm)",
        wire="openai-chat",
        base_url="http://127.0.0.1:9999/v1",
        auth="none",
        free=True,
        completion_model="foundation",
        chat_model="foundation",
        stop_limit=0,
        prompt_tokens=_PROMPT,
        models=(ModelRow(id="foundation", context_tokens=_WINDOW),),
        as_of=_AS_OF,
        source="afm's documentation (maclocal-api).",
        notes="`afm` serves Apple's model, `afm mlx` others. As a gateway (`afm -g`) it asks other "
        "servers: set forwards to true then. Whether it takes stop sequences was not found out.",
    ),
    ProviderRow(
        id="mlx-lm",
        name="mlx-lm server",
        wire="openai-chat",
        base_url="http://127.0.0.1:8080/v1",
        auth="none",
        free=True,
        raw_tokens=True,
        prompt_tokens=2000,
        completion_model="default_model",
        chat_model="default_model",
        as_of=_AS_OF,
        source="mlx-lm's documentation of its server.",
        notes="`mlx_lm.server --model MODEL` has llama.cpp's port: if you run both, start it with "
        "`--port` and set base_url. default_model, the one it was started with, is from memory. "
        "For raw tokens it has to be asked by a coding model's name, or told `completion`.",
    ),
)
