"""Google's rows: Gemini by key, and the same models on Vertex by a cloud account's token."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort, RetiredModel

_MINIMAL_UP: tuple[ReasoningEffort, ...] = ("minimal", "low", "medium", "high")
_LOW_UP: tuple[ReasoningEffort, ...] = ("low", "medium", "high")
_NONE_UP: tuple[ReasoningEffort, ...] = ("none", *_MINIMAL_UP)

_AS_OF = "2026-11-21"
_SOURCE = (
    "google-genai 3.4, pydantic-ai 2.68 (levels of reasoning per model), genai-prices 0.2.3 and "
    "models.dev (windows), recorded requests"
)
_WINDOW = 1_048_576

_MODELS = (
    *(
        ModelRow(
            id=model,
            context_tokens=_WINDOW,
            thinking="optional",
            thinking_budget=True,
            efforts=_NONE_UP,
            images=True,
        )
        for model in ("gemini-2.5-flash", "gemini-2.5-flash-lite")
    ),
    ModelRow(
        id="gemini-2.5-pro",
        context_tokens=_WINDOW,
        thinking="always",
        thinking_budget=True,
        efforts=_MINIMAL_UP,
        images=True,
    ),
    *(
        # Google advises against any temperature but the default since Gemini 3.
        ModelRow(
            id=model,
            context_tokens=_WINDOW,
            thinking="optional",
            efforts=_MINIMAL_UP,
            sampling=False,
            images=True,
            notes="Its least reasoning is nearly none.",
        )
        for model in (
            "gemini-3-flash-preview",
            "gemini-3.1-flash-lite",
            "gemini-3.5-flash",
            "gemini-3.5-flash-lite",
            "gemini-3.6-flash",
        )
    ),
    *(
        ModelRow(
            id=model,
            context_tokens=_WINDOW,
            thinking="always",
            efforts=_LOW_UP,
            sampling=False,
            images=True,
        )
        for model in (
            "gemini-3.1-pro-preview",
            "gemini-3.7-flash",
            "gemini-3.8-flash",
            "gemini-4-argon",
        )
    ),
)

_RETIRED = (
    RetiredModel(id="gemini-3-pro-preview", instead="gemini-3.1-pro-preview"),
    RetiredModel(id="gemini-2.0-flash", instead="gemini-3.5-flash"),
    RetiredModel(id="gemini-2.0-flash-lite", instead="gemini-3.5-flash-lite"),
)

ROWS = (
    ProviderRow(
        id="gemini",
        name="Google Gemini",
        wire="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        # The order of the supplier's SDK, should both be set.
        key_env=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        key_page="https://aistudio.google.com/apikey",
        completion_model="gemini-3.5-flash-lite",
        chat_model="gemini-3.8-flash",
        stop_limit=5,
        models=_MODELS,
        retired=_RETIRED,
        as_of=_AS_OF,
        source=_SOURCE,
        notes="The number of stop sequences is from memory. Prompt caching is the supplier's own.",
    ),
    ProviderRow(
        id="vertex",
        name="Google Vertex AI",
        wire="gemini",
        base_url="https://{location}-aiplatform.googleapis.com/v1/projects/{project}"
        "/locations/{location}/publishers/google",
        variables={"project": "", "location": ""},
        auth="command",
        auth_header="bearer",
        command=("gcloud", "auth", "print-access-token"),
        completion_model="gemini-3.5-flash-lite",
        chat_model="gemini-3.8-flash",
        stop_limit=5,
        models=_MODELS,
        retired=_RETIRED,
        as_of=_AS_OF,
        source=_SOURCE,
        notes="The location `global` has another host: set base_url to https://aiplatform."
        "googleapis.com/v1/projects/PROJECT/locations/global/publishers/google, and `command` "
        "again, since no token goes to another address unasked. Which model is served where "
        "differs; newer ones are often in `global` alone.",
    ),
)
