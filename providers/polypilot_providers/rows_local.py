"""Rows of servers on the user's own machine, at the addresses they have unless told otherwise."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.rows_fim import GPT_OSS

_AS_OF = "2026-11-21"

EMBEDDED = ProviderRow(
    id="embedded",
    name="Embedded model",
    wire="llama-cpp",
    completion="prefix",
    base_url="",
    auth="none",
    free=True,
    completion_model="qwen2.5-coder-0.5b",
    chat_model="qwen2.5-coder-0.5b",
    id_slot=0,
    chat_slot=1,
    prompt_tokens=1000,
    context_share=0.0,
    logprobs=True,
    models=(
        ModelRow(
            id="qwen2.5-coder-0.5b",
            name="Qwen2.5-Coder 0.5B Instruct (Q4_K_M)",
            completion="prefix",
            notes="Measured better left to right than with fill-in-the-middle tokens.",
        ),
        ModelRow(
            id="qwen2.5-coder-1.5b",
            name="Qwen2.5-Coder 1.5B Instruct (Q4_K_M)",
            completion="template:qwen",
        ),
    ),
    as_of=_AS_OF,
    source="Measured with the runtime that Polypilot brings.",
    notes="Runs on this machine in a process of its own; needs no account and no key. Other files "
    "are not sent: a prompt that begins with something else is read anew, at 74 tokens a second.",
)

ROWS: tuple[ProviderRow, ...] = (
    ProviderRow(
        id="ollama",
        name="Ollama",
        wire="ollama",
        completion="ollama-generate",
        base_url="http://127.0.0.1:11434",
        auth="none",
        free=True,
        stop_limit=16,
        prompt_tokens=2000,
        logprobs=True,
        models=GPT_OSS,
        as_of=_AS_OF,
        source="Ollama's documentation and source, recorded answers of its OpenAI endpoint.",
        notes="Fill-in-the-middle needs a model with the capability `insert`. The prompt fits "
        "into the window of 4,096 tokens that the server gives where nobody sets another. "
        "Models of Ollama's cloud are the provider `ollama-cloud`.",
    ),
    ProviderRow(
        id="lmstudio",
        name="LM Studio",
        wire="openai-chat",
        base_url="http://localhost:1234/v1",
        auth="none",
        free=True,
        raw_tokens=True,
        prompt_tokens=2000,
        as_of=_AS_OF,
        source="LM Studio's documentation.",
        notes="The prompt fits into a window of 4,096 tokens, from memory what a model is loaded "
        "with. If yours wants a token, set auth to keyring; the header it wants was not found out.",
    ),
    ProviderRow(
        id="vllm",
        name="vLLM",
        wire="openai-chat",
        base_url="http://localhost:8000/v1",
        auth="none",
        free=True,
        raw_tokens=True,
        effort_field="reasoning_effort",
        logprobs=True,
        as_of=_AS_OF,
        source="vLLM's source, pydantic-ai 2.68.",
        notes="Refuses a suffix: coding models are asked in their own tokens. "
        "Started with `--api-key`, it wants auth keyring.",
    ),
    ProviderRow(
        id="llama.cpp",
        name="llama.cpp server",
        wire="llama-cpp",
        completion="llama-infill",
        base_url="http://127.0.0.1:8080",
        auth="none",
        free=True,
        completion_model="default",
        chat_model="default",
        prompt_tokens=2000,
        effort_field="reasoning_effort",
        logprobs=True,
        as_of=_AS_OF,
        source="llama.cpp's documentation of its server, recorded answers.",
        notes="Serves the one model it was started with, whatever name it is asked for. Started "
        "with `--api-key`, it wants auth keyring.",
    ),
)
