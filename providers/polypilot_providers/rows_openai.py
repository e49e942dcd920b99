"""OpenAI's row, and what is known of its models, which Azure serves too."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort, RetiredModel

_MINIMAL_UP: tuple[ReasoningEffort, ...] = ("minimal", "low", "medium", "high")
_LOW_UP: tuple[ReasoningEffort, ...] = ("low", "medium", "high", "xhigh")
_MEDIUM_UP: tuple[ReasoningEffort, ...] = ("medium", "high", "xhigh")
_NONE_UP: tuple[ReasoningEffort, ...] = ("none", *_LOW_UP)
_MILLION = 1_050_000
_INSTEAD = "gpt-5.6-luna"
_INSTEAD_OF_THINKERS = "gpt-6-sol"


def _optional(
    id_: str, tokens: int, end: str | None = None, *, logprobs: bool | None = None
) -> ModelRow:
    """One that reasons unless it is asked not to; it then tells ``logprobs``, where that is known.

    OpenAI documents it of gpt-5.1 and gpt-5.2; of 5.4 mini and nano and 5.6 others found it so.
    """
    return ModelRow(
        id=id_,
        context_tokens=tokens,
        thinking="optional",
        efforts=_NONE_UP,
        logprobs=logprobs,
        images=True,
        shutdown_date=end,
        instead=_INSTEAD if end else "",
    )


def _always(
    id_: str, tokens: int, efforts: tuple[ReasoningEffort, ...], end: str | None = None
) -> ModelRow:
    """One that can't be kept from reasoning."""
    return ModelRow(
        id=id_,
        context_tokens=tokens,
        thinking="always",
        efforts=efforts,
        sampling=False,
        images=True,
        shutdown_date=end,
        instead=_INSTEAD_OF_THINKERS if end else "",
    )


def _plain(id_: str, tokens: int, end: str) -> ModelRow:
    """One that does not reason."""
    return ModelRow(
        id=id_,
        context_tokens=tokens,
        logprobs=True,
        images=True,
        shutdown_date=end,
        instead=_INSTEAD,
    )


def _responses(row: ModelRow) -> ModelRow:
    """The same, served over Responses alone."""
    return row.model_copy(update={"wire": "openai-responses"})


MODELS = (
    _optional("gpt-6-sol", _MILLION),
    _optional("gpt-6-luna", _MILLION),
    _optional("gpt-6.1-terra", _MILLION),
    _always("gpt-6.1-sol", _MILLION, _LOW_UP),
    _always("gpt-6-astra", _MILLION, _LOW_UP),
    _optional("gpt-5.6-sol", _MILLION, logprobs=True),
    _optional("gpt-5.6-terra", _MILLION, logprobs=True),
    _optional("gpt-5.6-luna", _MILLION, logprobs=True),
    _optional("gpt-5.5", 1_000_000),
    _responses(_always("gpt-5.5-pro", 1_000_000, _MEDIUM_UP)),
    _optional("gpt-5.4", _MILLION),
    _responses(_always("gpt-5.4-pro", _MILLION, _MEDIUM_UP)),
    _optional("gpt-5.4-mini", 400_000, logprobs=True),
    _optional("gpt-5.4-nano", 400_000, "2027-04-01", logprobs=True),
    _responses(_optional("gpt-5.3-codex", 400_000)),
    _optional("gpt-5.2", 400_000, logprobs=True),
    _responses(_always("gpt-5.2-pro", 400_000, _MEDIUM_UP)),
    _optional("gpt-5.1", 400_000, "2027-04-01", logprobs=True),
    *(
        _always(model, 400_000, _MINIMAL_UP, "2026-12-11")
        for model in ("gpt-5", "gpt-5-mini", "gpt-5-nano")
    ),
    _always("o3", 200_000, _LOW_UP[:-1], "2026-12-11").model_copy(update={"stop_limit": 0}),
    _plain("gpt-4.1", 1_000_000, "2027-01-14"),
    _plain("gpt-4.1-mini", 1_000_000, "2027-01-14"),
    _plain("gpt-4o", 128_000, "2027-01-14"),
    _plain("gpt-4o-mini", 128_000, "2027-01-14"),
)
"""Unlisted ones, gpt-6.2 among them, are asked as if they took everything."""

_ENDED = {
    "2026-10-23": (
        *("gpt-4.1-nano", "gpt-4o-2024-05-13", "gpt-4-turbo", "gpt-4-1106-preview", "gpt-4"),
        *("gpt-4-0613", "gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    ),
    "2026-09-28": ("gpt-3.5-turbo-1106",),
    "2026-08-10": ("gpt-5.3-chat-latest", "gpt-5.2-chat-latest"),
    "2026-07-23": (
        *("gpt-5.1-chat-latest", "gpt-5-chat-latest"),
        *("gpt-4o-search-preview", "gpt-4o-mini-search-preview"),
    ),
    "2026-03-26": ("gpt-4-0125-preview", "gpt-4-turbo-preview", "gpt-4-0314"),
    "2026-02-17": ("chatgpt-4o-latest",),
    "2025-06-06": ("gpt-4-32k", "gpt-4-32k-0314", "gpt-4-32k-0613"),
    "2024-12-06": ("gpt-4-vision-preview",),
    "2024-09-13": ("gpt-3.5-turbo-16k", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
}
_ENDED_THINKERS = {
    "2026-10-23": ("o1", "o3-mini", "o4-mini"),
    "2026-07-23": ("gpt-5.1-codex",),
    "2026-02-12": ("codex-mini-latest",),
    "2025-10-27": ("o1-mini",),
    "2025-07-28": ("o1-preview",),
}
_RETIRED = tuple(
    RetiredModel(id=model, date=date, instead=instead)
    for ended, instead in ((_ENDED, _INSTEAD), (_ENDED_THINKERS, _INSTEAD_OF_THINKERS))
    for date, models in ended.items()
    for model in models
)

ROWS = (
    ProviderRow(
        id="openai",
        name="OpenAI",
        wire="openai-responses",
        completion_wire="openai-chat",
        base_url="https://api.openai.com/v1",
        key_env=("OPENAI_API_KEY",),
        key_page="https://platform.openai.com/api-keys",
        completion_model=_INSTEAD,
        chat_model="gpt-6-sol",
        max_tokens_field="max_completion_tokens",
        effort_field="reasoning_effort",
        cache="key",
        models=MODELS,
        retired=_RETIRED,
        as_of="2026-11-21",
        source="The openai SDK 3.54 (fields, models and their ends), genai-prices 0.2.3 (windows), "
        "pydantic-ai 2.68 (the least reasoning of each model), recorded answers.",
        notes="No fill-in-the-middle: the one model that took a suffix is being withdrawn. Which "
        "models take the effort xhigh is from memory, and that GPT-5.4 mini and nano and 5.6 tell "
        "probabilities while they don't reason is from others' tests. What to use in place of a "
        "model that ended is this catalog's suggestion. For a region, set base_url to "
        "https://eu.api.openai.com/v1 (us, ae, au, in, jp).",
    ),
)
