"""Meta's row: the Model API with its Muse models. Llama's open weights are at other suppliers."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort

_EFFORTS: tuple[ReasoningEffort, ...] = ("minimal", "low", "medium", "high", "xhigh")
_WINDOW = 1_048_576

ROWS = (
    ProviderRow(
        id="meta",
        name="Meta Model API",
        wire="openai-responses",
        base_url="https://api.meta.ai/v1",
        key_env=("MODEL_API_KEY", "META_API_KEY"),
        key_page="https://dev.meta.ai",
        chat_model="muse-spark-1.3",
        effort_field="reasoning_effort",
        stop_limit=0,
        models=(
            *(
                ModelRow(
                    id=model,
                    context_tokens=_WINDOW,
                    thinking="always",
                    efforts=_EFFORTS,
                    images=True,
                )
                for model in (
                    "muse-spark-1.3",
                    "muse-spark-1.2",
                    "muse-spark-1.1",
                    "muse-ember-1.0",
                    "muse-wonder-1.0",
                )
            ),
            *(
                ModelRow(
                    id=f"{model}-contributor",
                    context_tokens=_WINDOW,
                    thinking="always",
                    efforts=_EFFORTS,
                    images=True,
                    trained_on=True,
                    notes="Costs less.",
                )
                for model in ("muse-spark-1.3", "muse-spark-1.2")
            ),
        ),
        as_of="2026-11-21",
        source="LiteLLM's and promptfoo's documentation, genai-prices 0.2.3 (windows).",
        notes="They always reason and take no stop sequences, so they are for chat; a completion "
        "is slow and costs more. Whether the list of models needs a key was not found out. Llama's "
        "models are at ollama, groq, together, bedrock and others.",
    ),
)
