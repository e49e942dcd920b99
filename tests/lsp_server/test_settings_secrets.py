"""No key in a file, and none in anything that is made of settings."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from polypilot.errors import redact
from polypilot.settings import (
    WORKSPACE_FILE,
    Loaded,
    Settings,
    SettingsError,
    json_schema,
    load,
    update_user_file,
)
from polypilot_providers.base import Secret

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "sk-proj-canary0123456789ABCDEF"
SHAPELESS = "canary-without-any-shape"


UNTOUCHED = {name: pickle.dumps(row) for name, row in load(env={}).settings.providers.items()}
"""The catalog's rows, to the byte, where no source says anything of them."""


def touched(loaded: Loaded) -> Loaded:
    """Without the catalog's rows that are what they would be without any source.

    There are dozens, and what is the same to the byte has nothing of a source in it.
    """
    rows = loaded.settings.providers
    own = {name: row for name, row in rows.items() if UNTOUCHED.get(name) != pickle.dumps(row)}
    return replace(loaded, settings=loaded.settings.model_copy(update={"providers": own}))


def shown(loaded: Loaded) -> str:
    """Every way in which settings can become text or bytes."""
    tree = loaded.settings
    parts: list[str] = []
    objects: list[Any] = [loaded, tree, *loaded.problems, *loaded.sources.items(), loaded.blocked]
    objects += [loaded.workspace_files]
    objects += [getattr(tree, name) for name in Settings.model_fields]
    objects += list(tree.providers.values())
    for value in objects:
        parts += [str(value), repr(value), f"{value}", f"{value!s:>5}", ascii(value)]
        parts.append(pickle.dumps(value).decode("latin-1"))
        if isinstance(value, BaseModel):
            parts += [
                value.model_dump_json(),
                repr(value.model_dump()),
                json.dumps(value.model_dump()),
            ]
            parts += [repr(value.__dict__), repr(value.model_fields_set), repr(value.model_copy())]
    return "\n".join(parts)


# --- anywhere in a file

NAMES = [
    *("apiKey", "api_key", "API-KEY", "key", "token", "access_token", "secret", "client_secret"),
    *("password", "authorization", "bearer", "credentials", "openai_key", "x-api-key"),
]
PLACES = [
    *("-", "completion", "chat", "privacy", "network", "keyring", "nonsense", "a.b.c"),
    *("providers.openai", "providers.team", "providers.team.headers", "providers.team.models"),
]
FIELDS = [
    *("model", "system", "exclude", "base_url", "name", "notes", "key_page", "command"),
    *("key_env", "proxy", "provider", "fallback", "level", "model_file", "mirror", "ca_file"),
    *("wire", "id"),
]
SHAPED = [
    CANARY,
    f"Bearer {CANARY}",
    f"https://x.example/?key={CANARY}",
    f"https://u:{CANARY}@h/",
    f"prefix {CANARY} suffix",
    f"http://{CANARY}.example",
    f"${{env:{CANARY}}}",
]


def placed(place: str, name: str, value: object) -> dict[str, object]:
    tree: dict[str, object] = {name: value}
    for part in reversed(place.split(".") if place != "-" else []):
        tree = {part: tree}
    return tree


@st.composite
def leaks(draw: st.DrawFn) -> dict[str, object]:
    """A tree with a key in it: under a telling name, or with a telling shape, or as a name."""
    place = draw(st.sampled_from(PLACES))
    how = draw(st.sampled_from(["named", "shaped", "a name itself"]))
    if how == "a name itself":
        return placed(place, CANARY, 1)
    if how == "named":
        return placed(
            place, draw(st.sampled_from(NAMES)), draw(st.sampled_from([SHAPELESS, CANARY]))
        )
    text = draw(st.sampled_from(SHAPED))
    wrapped = draw(st.sampled_from([text, [text], [[text]], {"inner": text}, [{"k": text}]]))
    return placed(place, draw(st.sampled_from(FIELDS)), wrapped)


def toml(item: Any, *, top: bool = True) -> str:
    """A tree as inline tables: enough TOML for a test, and no library's choice of layout."""
    if isinstance(item, dict):
        table = cast("dict[str, Any]", item)
        pairs = [f"{json.dumps(name)} = {toml(below, top=False)}" for name, below in table.items()]
        return "\n".join(pairs) if top else f"{{ {', '.join(pairs)} }}"
    if isinstance(item, list):
        entries = cast("list[Any]", item)
        return f"[{', '.join(toml(each, top=False) for each in entries)}]"
    return json.dumps(item)


@given(leaks())
@settings(max_examples=150, deadline=None)
def test_no_object_made_of_settings_shows_a_key_from_any_source(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    # Not in the common folder: what says there that it is a workspace's is found from every other.
    folder = tmp_path_factory.getbasetemp() / "leaks"
    folder.mkdir(exist_ok=True)
    user, own = folder / "leak.toml", folder / WORKSPACE_FILE
    user.write_text(toml(tree), encoding="utf-8")
    own.write_text(toml(tree), encoding="utf-8")
    text = shown(touched(load(user, editor=tree, workspace=own, env={})))
    for form in (CANARY, SHAPELESS):
        assert form not in text
        assert form.encode().hex() not in text
    loaded = load(user, env={})
    assert loaded.problems


def test_the_search_for_canaries_sees_one(tmp_path: Path) -> None:
    loaded = load(editor={"chat": {"system": SHAPELESS}}, env={})
    assert SHAPELESS in shown(touched(loaded))
    file = tmp_path / "c.toml"
    file.write_text("[providers.openai]\nchat_model = 'of-one-row'", encoding="utf-8")
    loaded = touched(load(file, env={}))
    assert list(loaded.settings.providers) == ["openai"]
    assert "of-one-row" in shown(loaded)


@given(st.text(min_size=1))
def test_a_key_in_memory_shows_as_nothing(text: str) -> None:
    secret = Secret(f"canary{text}")
    for form in (str(secret), repr(secret), f"{secret}", f"{secret:>30}", f"{[secret]!r}"):
        assert "canary" not in form
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


# --- what the user is told

TEAM = "[providers.team]\nwire = 'openai-chat'\nbase_url = 'https://t.example'\n"
FILES = {
    "a provider's key": (f"{TEAM}api_key = '{SHAPELESS}'", 4, "providers.team.api_key"),
    "known by its shape": (f"[chat]\n\nmodel = '{CANARY}'", 3, "chat.model"),
    "at the top": (f"OPENAI_API_KEY = '{SHAPELESS}'", 1, "OPENAI_API_KEY"),
    "nested": (f"[a.b]\nsecret = {{ value = '{SHAPELESS}' }}", 2, "a.b.secret.value"),
    "in a header": (
        f"[providers.openai.headers]\nAuthorization = 'Bearer {SHAPELESS}'",
        2,
        "providers.openai.headers.Authorization",
    ),
    "in an address": (
        f"[providers.openai]\nbase_url = 'https://h/?key={SHAPELESS}'",
        2,
        "providers.openai.base_url",
    ),
    "in a command": (
        f"[providers.openai]\ncommand = ['echo', '{CANARY}']",
        2,
        "providers.openai.command",
    ),
    "in a list": (f"[completion]\nfallback = ['{CANARY}']", 2, "completion.fallback"),
    "as a key's name": (f"[completion]\n'{CANARY}' = 1", 2, "completion.[secret]"),
    "the proxy's password": (
        f"[network]\nproxy = 'http://me:{SHAPELESS}@proxy:1'",
        2,
        "network.proxy",
    ),
}


@pytest.mark.parametrize("case", list(FILES))
@pytest.mark.parametrize("source", ["user", "workspace"])
def test_a_key_in_a_file_is_refused_with_file_and_line_and_never_repeated(
    tmp_path: Path, source: str, case: str
) -> None:
    text, line, key = FILES[case]
    file = tmp_path / WORKSPACE_FILE
    file.write_text(text, encoding="utf-8")
    loaded = load(file, env={}) if source == "user" else load(workspace=file, env={})
    found = [problem for problem in loaded.problems if problem.code == "plaintext_key"]
    assert [(problem.file, problem.line, problem.key) for problem in found] == [
        (str(file), line, key)
    ]
    assert "polypilot auth set" in found[0].cure or "HTTPS_PROXY" in found[0].cure
    assert SHAPELESS not in shown(loaded)
    assert CANARY not in shown(loaded)
    if source == "user" and key.startswith("providers."):
        provider = key.split(".")[1]
        with pytest.raises(SettingsError, match="there is a key in this file"):
            loaded.row(provider)
        assert f"polypilot auth set {provider}" in found[0].cure


def test_a_key_the_user_wrote_into_a_file_is_masked_in_the_log_from_then_on(tmp_path: Path) -> None:
    secret = "canary-of-the-log-only"
    (tmp_path / "c.toml").write_text(f"[providers.openai]\napi_key = '{secret}'", encoding="utf-8")
    load(tmp_path / "c.toml", env={})
    assert redact(f"sent {secret}") == "sent [secret]"


def test_a_repository_cannot_choose_what_vanishes_from_the_log(tmp_path: Path) -> None:
    word = "ordinary-words-of-a-log"
    (tmp_path / WORKSPACE_FILE).write_text(f"api_key = '{word}'", encoding="utf-8")
    load(workspace=tmp_path, env={})
    assert redact(word) == word


@pytest.mark.parametrize(
    "text",
    [
        TEAM.replace("team", "token-server") + "name = 'Ours'",
        "[providers.openai]\nkey_env = ['WORK_API_KEY']\nmax_tokens_field = 'max_tokens'",
        "[privacy]\nexclude = ['**/secrets/**', '*.key', 'password.txt']",
        "[chat]\nsystem = 'Read api_key=... from the environment; never write password: x.'",
        "[providers.openai]\nkey_page = 'https://platform.openai.com/api-keys'",
    ],
    ids=range(5),
)
def test_what_only_speaks_of_keys_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "c.toml", env={}).problems == ()


def test_a_key_is_not_written_to_the_file_either(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for name, value in [("chat.model", CANARY), ("providers.openai.api_key", SHAPELESS)]:
        with pytest.raises(SettingsError, match="keys are not written") as caught:
            update_user_file({name: value}, file)
        assert "canary" not in f"{caught.value} {caught.value.cure}"
    assert not file.exists()


def test_the_schema_has_no_place_for_a_key() -> None:
    names = {
        name
        for definition in json_schema()["$defs"].values()
        for name in definition.get("properties", {})
    }
    assert not names & {"api_key", "apiKey", "key", "token", "secret", "password"}
