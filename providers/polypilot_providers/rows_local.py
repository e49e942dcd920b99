"""Rows of servers on the user's own machine, at the addresses they have unless told otherwise."""

from __future__ import annotations

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.rows_fim import GPT_OSS

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
        prompt_tokens=3000,
        models=GPT_OSS,
        as_of="2026-11-21",
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
        notes="Coding models take raw tokens: set `completion` to template:FAMILY.",
    ),
    ProviderRow(
        id="vllm",
        name="vLLM",
        wire="openai-chat",
        base_url="http://localhost:8000/v1",
        auth="none",
        free=True,
        effort_field="reasoning_effort",
        notes="Refuses a suffix; coding models take raw tokens: `completion` template:FAMILY.",
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
        effort_field="reasoning_effort",
        notes="Serves the one model it was started with, whatever name it is asked for.",
    ),
)
