"""A provider of the user's own, made of an address: look, prove, write.

Each stage asks as little as it needs: the look costs nothing and begins without the key, so
that a wrong address never sees it; the proof costs a few tokens and waits for the user's word.
Nothing of the user's code is sent in either.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polypilot.backend.looking import first_look, likeliest, lists_of, look_at_ollama, names_in
from polypilot.backend.probing import Prober
from polypilot.backend.unrecognised import redirect
from polypilot_providers.answer import Answer
from polypilot_providers.detect import (
    Kind,
    exists,
    is_list,
    model_id,
    models,
    place,
    recognise,
)
from polypilot_providers.detect_row import (
    ENDPOINTS,
    Found,
    Question,
    fill,
    heeds_suffix,
    lacks_infill,
    took,
)
from polypilot_providers.errors import AuthError
from polypilot_providers.factory import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import Secret
    from polypilot_providers.call import AuthHeader
    from polypilot_providers.catalog import Wire
    from polypilot_providers.http import HttpClient

PROBE_S = 5.0
WHOLE_S = 30.0
_MOST_CHANGES = 3
_HEADERS: dict[Kind, tuple[AuthHeader, ...]] = {
    Kind.ANTHROPIC: ("x-api-key", "bearer"),
    Kind.GEMINI: ("x-goog-api-key",),
}
_ANY: tuple[AuthHeader, ...] = ("bearer", "api-key")
"""How keys travel, the wire's own way first."""


class Adding:
    """One address on its way to become a row.

    Args:
        name: what the user calls it.
        url: as the user gave it.
        http: connections, closed by :meth:`aclose`.
        say: told what is being done.
        wire: the wire the user insists on.
        model: the model the user means.
        each: seconds for one request.
        whole: seconds for all of them.

    Raises:
        ConfigurationError: the address can't be used, or only unprotected.
    """

    def __init__(
        self,
        name: str,
        url: str,
        http: HttpClient,
        *,
        say: Callable[[str], None],
        wire: Wire | None = None,
        model: str = "",
        each: float = PROBE_S,
        whole: float = WHOLE_S,
    ) -> None:
        self.name = name
        self.origin, path = address(url)
        self._place = place(path)
        self._http = http
        self._say = say
        self._wire: Wire | None = wire
        self._model = model
        self._prober = Prober(http, self.origin, name, each=each, whole=whole)
        self._found: Found | None = None
        self.needs_key = False
        """The server asked for one."""

    @property
    def found(self) -> Found:
        """What the look found; only after it."""
        if self._found is None:
            message = "nothing was looked at yet"
            raise RuntimeError(message)
        return self._found

    @property
    def key(self) -> Secret | None:
        """The key that was used."""
        return self._prober.key

    async def look(self) -> None:
        """Find out what can be had for nothing. Again after :meth:`use_key`.

        Raises:
            ProviderError: nobody answers, or nobody that serves models, or the key is refused.
        """
        with self._prober.at_work():
            if self._found is None:
                self._say(f"looking at {self.origin}")
                seen = await first_look(self._prober, self.origin, self._place)
                if seen.kind is None and self._wire is None:
                    raise seen.trouble
                self.needs_key = seen.listed.status in (401, 403)
                self._found = Found(
                    self.origin,
                    self._place,
                    seen.kind or Kind.OPENAI,
                    seen.base,
                    names=[model_id(entry) for entry in models(seen.listed)],
                    given_wire=self._wire,
                    given_model=self._model,
                )
            if self.key is not None:
                await self._with_key()
            if not self.needs_key:
                await self._look_closer()

    def use_key(self, key: Secret) -> None:
        """Send ``key`` from now on."""
        self._prober.key = key
        self.needs_key = False

    @property
    def question(self) -> Question | None:
        """What :meth:`prove` would ask first; None if there is nothing to prove, or no model."""
        found = self.found
        model = found.chat_model or next(iter(found.writers), "")
        if found.runtime or found.wire in ("gemini", "ollama", "llama-cpp") or not model:
            return None
        return Question(found.wire, model)

    async def prove(self) -> None:
        """Ask a model for a token, and once or twice more to see how it completes.

        Raises:
            AuthError: the key is refused. Without one, ``needs_key`` is set.
        """
        question = self.question
        if question is None:
            return
        with self._prober.at_work():
            self._say(f"asking {question.model} for one token")
            await self._ask(question)
            if self.found.question is not None and self.found.wire == "openai-chat":
                await self._completions()

    def fields(self, key_env: str = "") -> dict[str, object]:
        """The row, but for defaults, in the order in which it is written."""
        fields = self.found.fields()
        if self.key is None:
            fields["auth"] = "none"
        if key_env:
            fields["key_env"] = (key_env,)
        today = datetime.now(UTC).date().isoformat()
        return fields | {"as_of": today, "source": f"{self.found.kind}, as it answered"}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # -- the look --------------------------------------------------------------------------

    async def _with_key(self) -> None:
        """Look again with the key, in the header that is taken: there may be more to see.

        Raises:
            AuthError: the key is refused.
        """
        found = self.found
        ways = _HEADERS.get(found.kind, _ANY)
        base, listed, lists = found.base, Answer(), dict[str, Answer]()
        for way in ways:
            self._prober.auth = way
            lists = await lists_of(self._prober, self._place)
            base, listed = likeliest(lists)
            if not isinstance(listed.error, AuthError):
                break
        if isinstance(listed.error, AuthError):
            raise listed.error
        if is_list(listed):
            found.base = base
        elif (away := redirect(lists.values())) is not None:
            found.notes.append(f"its models are not told: {away.message}")
        found.auth_header = "" if self._prober.auth == ways[0] else self._prober.auth
        found.names = names_in(models(listed), self.key) or found.names
        found.kind = recognise(listed, await self._prober.marks(self._place.root)) or found.kind

    async def _look_closer(self) -> None:
        found = self.found
        root, prober = self._place.root, self._prober
        if found.kind is Kind.OLLAMA:
            await look_at_ollama(prober, found)
        elif found.kind is Kind.LLAMA_CPP:
            answers = await prober.ask_all((f"{root}/infill", f"{root}/v1/chat/completions"), {})
            infill, chat = answers.values()
            found.infill = not lacks_infill(infill)
            self._mind(chat)
        elif not found.runtime and found.kind is not Kind.GEMINI:
            self._say("trying which requests it takes")
            await self._try_endpoints()

    async def _try_endpoints(self) -> None:
        """Send empty requests: no answer can come of them, but a refusal tells an address apart."""
        found = self.found
        bases = [found.base] if found.names else [found.base, *self._place.bases]
        if found.kind is Kind.ANTHROPIC:
            bases = [f"{self._place.root}/v1"]
        for base in dict.fromkeys(bases):
            answers = await self._prober.ask_all((base + path for path in ENDPOINTS.values()), {})
            found.endpoints = {name: exists(answers[base + ENDPOINTS[name]]) for name in ENDPOINTS}
            if any(found.endpoints.values()):
                found.base = base
                self._mind(answers[base + Question(found.wire, "").path])
                return

    def _mind(self, answer: Answer) -> None:
        """A list may be public where questions are not.

        Raises:
            AuthError: the key is refused.
        """
        if isinstance(answer.error, AuthError):
            if self.key is not None:
                raise answer.error
            self.needs_key = True

    # -- the proof -------------------------------------------------------------------------

    async def _ask(self, question: Question) -> None:
        found = self.found
        base = self._asked_below
        answer = Answer()
        for _ in range(_MOST_CHANGES):
            answer = await self._prober.ask(base + question.path, question.body())
            changed = question.after(answer)
            if changed is None:
                break
            question = changed
        if took(answer):
            found.question = question
            return
        self._mind(answer)
        if not self.needs_key:
            why = answer.error.message if answer.error else "its answer was not understood"
            found.notes.append(f"{question.model} did not answer: {why}")

    async def _completions(self) -> None:
        """Which of the ways to complete between prefix and suffix the server has."""
        found, base = self.found, self._asked_below
        model = found.completion_model or next(iter(found.writers), "")
        if found.endpoints.get("fim"):
            answer = await self._prober.ask(base + ENDPOINTS["fim"], fill(model, suffix=True))
            found.fim = took(answer)
        if not found.fim and found.endpoints.get("completions"):
            path = base + ENDPOINTS["completions"]
            without, given = await asyncio.gather(
                self._prober.ask(path, fill(model, suffix=False)),
                self._prober.ask(path, fill(model, suffix=True)),
            )
            found.suffix = heeds_suffix(without, given)
            if not took(without):
                found.endpoints["completions"] = False

    @property
    def _asked_below(self) -> str:
        found = self.found
        return f"{self._place.root}/v1" if found.wire == "anthropic-messages" else found.base
