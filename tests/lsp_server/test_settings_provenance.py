"""A repository must not decide where text and keys go, and may only restrict."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot.settings import WORKSPACE_FILE, Loaded, env_keys, key_from_env, load
from polypilot.settings.layers import Layer, Leaf
from polypilot.settings.rows import Rows
from polypilot_providers import catalog

if TYPE_CHECKING:
    from pathlib import Path

USER = """\
[completion]
provider = "mistral"
model = "codestral-latest"
fallback = ["deepseek/deepseek-chat", "embedded"]
[chat]
provider = "anthropic"
fallback = ["team"]
[providers.team]
wire = "openai-chat"
base_url = "https://team.example/v1"
[privacy]
exclude = ["*.pem"]
"""
EVIL = "https://evil.example/v1"
FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "providers")


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(USER, encoding="utf-8")
    return file


def destinations(loaded: Loaded) -> tuple[object, ...]:
    """Everything that decides where text and keys go, and through what."""
    tree = loaded.settings
    rows = tuple(
        (name, row.base_url, row.auth, row.key_env, row.command, row.wire, row.client_cert)
        for name, row in tree.providers.items()
    )
    own = (tree.embedded.mirror, tree.embedded.model_file)
    return (rows, tree.network, tree.keyring, tree.log, own, tuple(loaded.blocked))


# --- what a workspace's file may try

WORKSPACE_ATTACKS = {
    "table": f'[providers.mistral]\nbase_url = "{EVIL}"',
    "dotted": f'providers.mistral.base_url = "{EVIL}"',
    "quoted dotted": f'"providers.mistral.base_url" = "{EVIL}"',
    "half quoted": f'[providers]\n"mistral.base_url" = "{EVIL}"',
    "inline": f'providers = {{ mistral = {{ base_url = "{EVIL}" }} }}',
    "camel case": f'[providers.mistral]\nbaseUrl = "{EVIL}"',
    "upper case": f'[PROVIDERS.MISTRAL]\nBASE_URL = "{EVIL}"',
    "mixed case": f'[Providers.Mistral]\nBase_Url = "{EVIL}"',
    "dashes": f'[providers.mistral]\nbase-url = "{EVIL}"',
    "unicode escapes": f'["\\u0070roviders".mistral]\n"base\\u005furl" = "{EVIL}"',
    "full width": f'["{FULL_WIDTH}".mistral]\nbase_url = "{EVIL}"',
    "zero width": f'["pro\u200bviders".mistral]\nbase_url = "{EVIL}"',
    "prefix": f'[polypilot.providers.mistral]\nbase_url = "{EVIL}"',
    "dotted prefix": f'"polypilot.providers.mistral.base_url" = "{EVIL}"',
    "array of tables": f'[[providers]]\nid = "mistral"\nbase_url = "{EVIL}"',
    "array below": f'[[providers.mistral]]\nbase_url = "{EVIL}"',
    "new provider": f'[providers.evil]\nwire = "openai-chat"\nbase_url = "{EVIL}"\nauth = "none"',
    "table as a value": f'[completion.provider]\nid = "x"\nbase_url = "{EVIL}"',
    "elsewhere": f'[completion]\nbase_url = "{EVIL}"',
    "at the top": f'base_url = "{EVIL}"',
    "environment table": f'[env]\nMISTRAL_BASE_URL = "{EVIL}"',
    "interpolation": '[providers.mistral]\nbase_url = "https://${env:MISTRAL_API_KEY}.evil.example"',
    "interpolated provider": '[completion]\nprovider = "${env:EVIL}"',
    "byte order mark": f'\ufeff[providers.mistral]\nbase_url = "{EVIL}"',
    "carriage returns": f'[providers.mistral]\r\nbase_url = "{EVIL}"\r\n',
    "command": '[providers.mistral]\nauth = "command"\ncommand = ["sh", "-c", "id"]',
    "no key needed": '[providers.mistral]\nauth = "none"',
    "client certificate": '[providers.mistral]\nclient_cert = "/repo/evil.pem"',
    "key's name": '[providers.mistral]\nkey_env = ["ANTHROPIC_API_KEY"]',
    "headers": '[providers.mistral.headers]\nX-Team = "x"',
    "proxy": '[network]\nproxy = "http://evil.example:3128"',
    "certificates": '[network]\nca_file = "/repo/evil.pem"',
    "mirror": '[embedded]\nmirror = "https://evil.example/models"',
    "model file": '[embedded]\nmodel_file = "evil.gguf"',
    "keyring": "[keyring]\nallow_insecure = true",
    "log": '[log]\nlevel = "debug"',
    "unlisted provider": '[completion]\nprovider = "openai"',
    "unlisted fallback": '[chat]\nfallback = ["team", "openai"]',
    "another model": '[completion]\nfallback = ["deepseek/deepseek-reasoner"]',
    "trusted": "trusted = true",
}


@pytest.mark.parametrize("attack", list(WORKSPACE_ATTACKS))
def test_a_workspace_file_leaves_endpoints_and_keys_alone_and_is_named(
    user_file: Path, tmp_path: Path, attack: str
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / WORKSPACE_FILE).write_bytes(WORKSPACE_ATTACKS[attack].encode())
    before = load(user_file, env={})
    after = load(user_file, workspace=root, env={})
    assert destinations(after) == destinations(before)
    assert after.settings == before.settings
    named = [problem for problem in after.problems if problem.file.endswith(WORKSPACE_FILE)]
    assert named
    assert all(problem.line and problem.key and problem.cure for problem in named)
    assert "evil" not in " ".join(map(str, named)).replace("providers.evil", "")
    (file,) = after.workspace_files
    assert len(file.digest) == 64
    assert file.refused
    assert file.applied == ()


def test_a_link_in_place_of_the_file_changes_nothing(user_file: Path, tmp_path: Path) -> None:
    for name in ("linked", "own"):
        (tmp_path / name).mkdir()
    hidden = tmp_path / "hidden.toml"
    hidden.write_text(WORKSPACE_ATTACKS["table"], encoding="utf-8")
    (tmp_path / "linked" / WORKSPACE_FILE).symlink_to(hidden)
    (tmp_path / "own" / WORKSPACE_FILE).symlink_to(user_file)
    roots = [tmp_path / "linked", tmp_path / "own"]
    before, after = load(user_file, env={}), load(user_file, workspace=roots, env={})
    assert destinations(after) == destinations(before)
    assert {problem.code for problem in after.problems} == {"user_scope"}


def test_several_roots_do_not_add_up_to_more(user_file: Path, tmp_path: Path) -> None:
    roots: list[Path] = []
    for n, text in enumerate(WORKSPACE_ATTACKS.values()):
        (tmp_path / f"root{n}").mkdir()
        (tmp_path / f"root{n}" / WORKSPACE_FILE).write_bytes(text.encode())
        roots.append(tmp_path / f"root{n}")
    after = load(user_file, workspace=roots, env={})
    assert after.settings == load(user_file, env={}).settings


# --- what may arrive through the editor

EDITOR_ATTACKS: dict[str, dict[str, Any]] = {
    "nested": {"providers": {"mistral": {"base_url": EVIL}}},
    "camel": {"providers": {"mistral": {"baseUrl": EVIL}}},
    "dotted": {"providers.mistral.base_url": EVIL},
    "prefixed": {"polypilot.providers.mistral.baseUrl": EVIL},
    "prefixed and nested": {"polypilot": {"providers": {"mistral": {"baseUrl": EVIL}}}},
    "half dotted": {"providers.mistral": {"base_url": EVIL}},
    "dotted below": {"providers": {"mistral.base_url": EVIL}},
    "upper": {"PROVIDERS": {"mistral": {"BASE_URL": EVIL}}},
    "array": {"providers": [{"id": "mistral", "base_url": EVIL}]},
    "new": {"providers": {"evil": {"wire": "openai-chat", "base_url": EVIL, "auth": "none"}}},
    "proxy": {"network": {"proxy": "http://evil.example:1"}},
    "proxy dotted": {"network.proxy": "http://evil.example:1"},
    "ca": {"network": {"caFile": "evil.pem"}},
    "keyring": {"keyring": {"allowInsecure": True}},
    "mirror": {"embedded": {"mirror": "https://evil.example"}},
    "model file": {"embedded": {"modelFile": "evil.gguf"}},
    "command": {"providers": {"mistral": {"auth": "command", "command": ["id"]}}},
    "log": {"log": {"level": "debug"}},
    "unlisted": {"completion": {"provider": "openai"}},
    "unlisted fallback": {"completion": {"fallback": ["openai"]}},
    "not local any more": {"privacy": {"localOnly": "no"}, "completion": {"provider": "xai"}},
    "provider as an object": {"completion": {"provider": {"id": "mistral", "baseUrl": EVIL}}},
    "interpolation": {"completion": {"provider": "${env:HOME}"}},
}


@pytest.mark.parametrize("attack", list(EDITOR_ATTACKS))
def test_the_editors_settings_leave_endpoints_and_keys_alone_and_are_named(
    user_file: Path, attack: str
) -> None:
    before = load(user_file, env={})
    after = load(user_file, EDITOR_ATTACKS[attack], env={})
    assert after.settings == before.settings
    assert [problem for problem in after.problems if problem.file == "editor settings"]


def test_the_editor_may_tune_and_choose_among_what_the_user_lists(user_file: Path) -> None:
    editor = {
        "completion": {"provider": "deepseek", "debounceMs": 5, "enabled": False},
        "chat": {"provider": "mistral", "model": "m", "system": "Answer in French."},
        "privacy": {"exclude": ["*.key", "!*.pem"], "localOnly": False},
        "embedded": {"threads": 2},
    }
    loaded = load(user_file, editor, env={})
    settings = loaded.settings
    assert (settings.completion.provider, settings.completion.model) == ("deepseek", "")
    assert (settings.chat.provider, settings.chat.model) == ("mistral", "m")
    assert settings.privacy.exclude == ("*.pem", "*.key")
    assert settings.embedded.threads == 2
    assert [problem.code for problem in loaded.problems] == ["loosens"]


def test_a_user_who_selects_nothing_in_the_file_may_select_in_the_editor() -> None:
    loaded = load(editor={"chat": {"provider": "anthropic"}}, env={})
    assert loaded.settings.chat.provider == "anthropic"
    assert loaded.problems == ()


def test_the_model_of_a_provider_that_an_editor_may_not_choose_is_not_asked_of_another(
    user_file: Path,
) -> None:
    before = load(user_file, env={}).settings.completion
    editor = {"completion": {"provider": "openai", "model": "gpt-5"}}
    loaded = load(user_file, editor, env={})
    assert loaded.settings.completion == before
    assert [problem.code for problem in loaded.problems] == ["not_listed"]


def test_what_editors_send_for_not_set_is_no_offence(user_file: Path) -> None:
    editor = {
        "completion": {"provider": "", "model": None, "fallback": None},
        "providers": {},
        "network": {"proxy": "", "caFile": None},
        "keyring": {"allowInsecure": False},
        "log": {"level": "warning"},
    }
    loaded = load(user_file, editor, env={})
    assert loaded.problems == ()
    assert loaded.settings == load(user_file, env={}).settings


# --- what a workspace may do


RESTRICTIONS = """\
[completion]
provider = "deepseek"
disabled_languages = ["markdown"]
max_file_bytes = 9
[chat]
fallback = []
[privacy]
exclude = ["vendor/"]
local_only = true
"""


def test_a_workspace_may_restrict(user_file: Path, tmp_path: Path) -> None:
    (tmp_path / WORKSPACE_FILE).write_text(RESTRICTIONS, encoding="utf-8")
    loaded = load(user_file, workspace=tmp_path, env={})
    assert loaded.problems == ()
    completion = loaded.settings.completion
    assert (completion.provider, completion.model) == ("deepseek", "deepseek-chat")
    assert completion.fallback == ()
    assert completion.max_file_bytes == 9
    assert completion.disabled_languages == ("markdown",)
    assert loaded.settings.chat.fallback == ()
    assert loaded.settings.privacy.exclude == ("*.pem", "vendor/")
    assert loaded.sources["privacy.local_only"].kind == "workspace"
    assert len(loaded.workspace_files[0].applied) == 6
    assert loaded.workspace_files[0].refused == ()


def test_the_second_root_cannot_undo_the_first(user_file: Path) -> None:
    first = {"completion": {"provider": "embedded"}, "privacy": {"localOnly": True}}
    second = {"completion": {"provider": "mistral"}, "privacy": {"localOnly": False}}
    loaded = load(user_file, workspace=[first, second], env={})
    assert loaded.settings.completion.provider == "embedded"
    assert loaded.settings.privacy.local_only
    assert sorted(problem.code for problem in loaded.problems) == ["loosens", "not_listed"]


@pytest.mark.parametrize("pattern", ["!*.pem", "  !*.pem", "x" * 501])
def test_a_pattern_that_takes_files_back_in_is_no_restriction(
    user_file: Path, pattern: str
) -> None:
    loaded = load(user_file, workspace={"privacy": {"exclude": [pattern]}}, env={})
    assert loaded.settings.privacy.exclude == ("*.pem",)
    assert [problem.code for problem in loaded.problems] == ["loosens"]


@dataclass(frozen=True)
class Policy:
    """What may be sent, to whom. ``a <= b``: a allows nothing that b does not."""

    targets: frozenset[tuple[str, str, str]]
    excluded: frozenset[str]
    careful: frozenset[str]
    languages_off: frozenset[str]
    max_bytes: int
    destinations: tuple[object, ...]

    def __le__(self, other: Policy) -> bool:
        return (
            self.targets <= other.targets
            and self.excluded >= other.excluded
            and self.careful >= other.careful
            and self.languages_off >= other.languages_off
            and self.max_bytes <= other.max_bytes
            and self.destinations == other.destinations
        )


def policy(loaded: Loaded) -> Policy:
    tree = loaded.settings
    switches = ("use_gitignore", "redact_secrets", "local_only")
    careful = {name for name in switches if getattr(tree.privacy, name)}
    purposes = ("completion", "chat")
    targets = {(each, *target) for each in purposes for target in loaded.targets(each)}
    if not tree.completion.enabled:
        targets = {target for target in targets if target[0] != "completion"}
    assert not any(pattern.lstrip().startswith("!") for pattern in tree.privacy.exclude)
    return Policy(
        frozenset(targets),
        frozenset(tree.privacy.exclude),
        frozenset(careful),
        frozenset(tree.completion.disabled_languages),
        tree.completion.max_file_bytes,
        destinations(loaded),
    )


IDS = ["mistral", "deepseek", "deepseek/deepseek-chat", "embedded", "team", "openai", "xai/m", "?"]
JUNK = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
TARGETS = st.lists(st.sampled_from(IDS), max_size=4)
PATTERNS = st.lists(st.sampled_from(["*.pem", "!*.pem", " !x", "a/", "**", "\\!b"]), max_size=4)
VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "completion": {
        "provider": st.sampled_from(IDS),
        "fallback": TARGETS,
        "model": st.sampled_from(["", "big", "codestral-latest"]),
        "enabled": st.booleans(),
        "disabledLanguages": st.lists(st.sampled_from(["c", "go"]), max_size=2),
        "max_file_bytes": st.integers(-1, 10**9),
        "debounce_ms": st.integers(0, 10),
    },
    "chat": {"provider": st.sampled_from(IDS), "fallback": TARGETS, "system": st.just("x")},
    "privacy": {
        "exclude": PATTERNS,
        "useGitignore": st.booleans(),
        "redact_secrets": st.booleans(),
        "localOnly": st.booleans(),
    },
    "network": {"proxy": st.just("http://evil.example:1")},
    "providers": {
        name: st.fixed_dictionaries({}, optional={"base_url": st.just(EVIL), "free": st.booleans()})
        for name in ("mistral", "openai", "evil")
    },
}
TREES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        section: st.fixed_dictionaries(
            {}, optional={name: values | JUNK for name, values in fields.items()}
        )
        for section, fields in VALUES.items()
    },
)

USERS = [
    "",
    USER,
    "[completion]\nenabled = false\nmax_file_bytes = 1000\n[privacy]\nlocal_only = true\n",
    """[chat]\nprovider = "openai"\nmodel = "big"\nfallback = ["openai/small", "xai"]
    [privacy]\nuse_gitignore = false\nredact_secrets = false\nexclude = ["*.pem", "a/"]""",
]


@given(st.lists(TREES, min_size=20, max_size=20), st.sampled_from(range(len(USERS))))
@settings(max_examples=150, deadline=None)
def test_no_workspace_allows_more_than_its_user(
    tmp_path_factory: pytest.TempPathFactory, workspaces: list[dict[str, Any]], which: int
) -> None:
    """500 draws of 20 workspaces: 10,000 cases; and each draw's workspaces together."""
    file = tmp_path_factory.getbasetemp() / f"user{which}.toml"
    file.write_text(USERS[which], encoding="utf-8")
    own = policy(load(file, env={}))
    for workspace in workspaces:
        assert policy(load(file, workspace=workspace, env={})) <= own
    assert policy(load(file, workspace=workspaces, env={})) <= own


def test_the_property_sees_a_policy_that_allows_more(user_file: Path) -> None:
    own = policy(load(user_file, env={}))
    for change in ('fallback = ["xai"]', "enabled = true", "max_file_bytes = 99_000_000"):
        text = USER.replace("[chat]", f"{change}\n[chat]", 1)
        if change.startswith("fallback"):
            text = text.replace('fallback = ["deepseek/deepseek-chat", "embedded"]\n', "")
        user_file.write_text(text, encoding="utf-8")
        other = policy(load(user_file, env={}))
        assert (other <= own) is (change == "enabled = true")


# --- the environment

BASE_URLS = {
    name.removesuffix(suffix) + ending: EVIL
    for row in catalog.rows({}).values()
    for name in row.key_env
    for suffix in ("_API_KEY", "_KEY", "_TOKEN")
    if name.endswith(suffix)
    for ending in ("_BASE_URL", "_API_BASE", "_ENDPOINT", "_API_BASE_URL")
}
KEYS = {name: "env-canary-0123456789" for row in catalog.rows({}).values() for name in row.key_env}


def test_addresses_in_the_environment_change_no_destination(user_file: Path) -> None:
    assert len(BASE_URLS) >= 20
    before, after = load(user_file, env={}), load(user_file, env={**BASE_URLS, **KEYS})
    assert after.settings == before.settings
    assert destinations(after) == destinations(before)
    named = {problem.key for problem in after.problems if problem.code == "ignored_variable"}
    assert named == set(BASE_URLS)
    assert "evil" not in " ".join(map(str, after.problems))


def test_a_dot_env_file_is_never_read(
    user_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{name}={value}" for name, value in {**BASE_URLS, **KEYS}.items()]
    root = tmp_path / "repository"
    root.mkdir()
    for folder in (root, user_file.parent):
        (folder / ".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(root)
    before = dict(os.environ)
    loaded = load(user_file, workspace=root, env=os.environ)
    assert dict(os.environ) == before
    assert env_keys(loaded.settings, os.environ) == {}
    assert destinations(loaded) == destinations(load(user_file, env={}))


def test_a_key_in_the_environment_is_found_by_its_suppliers_name_and_not_shown() -> None:
    loaded = load(env=KEYS)
    found = env_keys(loaded.settings, KEYS)
    assert found["anthropic"] == "ANTHROPIC_API_KEY"
    assert "canary" not in repr(found)
    key = key_from_env(loaded.settings, "anthropic", {"ANTHROPIC_API_KEY": " k-123456 \n"})
    assert key is not None
    assert key.reveal() == "k-123456"
    assert key_from_env(loaded.settings, "embedded", KEYS) is None
    assert env_keys(loaded.settings, {"ANTHROPIC_API_KEY": "  "}) == {}


def test_a_suppliers_command_does_not_follow_a_row_to_another_origin(user_file: Path) -> None:
    moved = '[providers.vertex]\nbase_url = "https://gateway.example/v1"\n'
    user_file.write_text(moved, encoding="utf-8")
    loaded = load(user_file, env={})
    assert "vertex" not in loaded.settings.providers
    assert "command" in loaded.blocked["vertex"].message + loaded.blocked["vertex"].key
    user_file.write_text(moved + 'command = ["mint"]\n', encoding="utf-8")
    assert load(user_file, env={}).row("vertex").command == ("mint",)


def test_a_suppliers_variable_does_not_follow_a_row_to_another_origin(user_file: Path) -> None:
    moved = '[providers.openai]\nbase_url = "https://gateway.example/v1"\n'
    user_file.write_text(moved, encoding="utf-8")
    assert "openai" not in env_keys(load(user_file, env={}).settings, KEYS)
    user_file.write_text(moved + 'key_env = ["OPENAI_API_KEY"]\n', encoding="utf-8")
    assert env_keys(load(user_file, env={}).settings, KEYS)["openai"] == "OPENAI_API_KEY"
    user_file.write_text(
        '[providers.openai]\nbase_url = "https://API.openai.com:443/v2"\n', encoding="utf-8"
    )
    assert "openai" in env_keys(load(user_file, env={}).settings, KEYS)
    user_file.write_text('[providers.openai]\nauth = "none"\n', encoding="utf-8")
    assert "openai" not in env_keys(load(user_file, env={}).settings, KEYS)


def follows(user_file: Path, url: str) -> bool:
    """Whether Bedrock's variable is read for a row of Bedrock's at ``url``."""
    user_file.write_text(f'[providers.bedrock]\nbase_url = "{url}"\n', encoding="utf-8")
    return "bedrock" in env_keys(load(user_file, env={}).settings, KEYS)


@pytest.mark.parametrize(
    "url",
    [
        "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "https://Bedrock-Runtime.us-gov-west-1.amazonaws.com:443/",
        "https://bedrock-runtime.{region}.amazonaws.com",
    ],
)
def test_a_host_that_the_suppliers_address_leaves_open_is_no_move(
    user_file: Path, url: str
) -> None:
    assert follows(user_file, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://bedrock-runtime.a.b.amazonaws.com",
        "https://bedrock-runtime.eu-central-1.amazonaws.com.evil.example",
        "https://evil-bedrock-runtime.eu-central-1.amazonaws.com",
        "https://bedrock-runtime..amazonaws.com",
        "https://bedrock-runtime.eu-central-1.amazonaws.com:8443",
        "https://bedrock-runtime.eu-central-1-amazonaws.com",
        "https://s3.eu-central-1.amazonaws.com",
        "http://127.0.0.1:8080",
    ],
)
def test_another_host_is_a_move(user_file: Path, url: str) -> None:
    assert not follows(user_file, url)


def test_an_address_that_leaves_the_supplier_open_is_anybodys(user_file: Path) -> None:
    """Of a row with nothing of its own in its host, every host would be one that it leaves open."""
    for own in ("https://{host}/v1", "https://{host}.example/v1", "https://api.{host}"):
        row = catalog.rows({})["openai"].model_copy(update={"base_url": own})
        rows = Rows(Layer("user", str(user_file)), {"openai": row})
        leaf = Leaf("https://api.evil.example/v1", 1)
        rows.build({("providers", "openai", "base_url"): leaf})
        assert rows.rows["openai"].key_env == ()
