from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot import paths
from polypilot.settings import Loaded, Settings, SettingsError, Source, load
from polypilot.settings.lines import key_lines, line_of
from polypilot_providers import catalog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def told(loaded: Loaded) -> list[tuple[str, int | None, str]]:
    return [(problem.code, problem.line, problem.key) for problem in loaded.problems]


def test_without_any_source_everything_is_at_its_default() -> None:
    loaded = load(env={})
    assert loaded.problems == ()
    assert loaded.settings.completion == Settings().completion
    assert loaded.settings.providers == catalog.rows({})
    assert {source.kind for source in loaded.sources.values()} == {"default"}
    assert loaded.targets("completion") == (("embedded", ""),)


def test_the_users_file_is_found_where_paths_says() -> None:
    paths.config_dir().mkdir(parents=True)
    paths.config_file().write_text("[completion]\ndebounce_ms = 5\n", encoding="utf-8")
    assert load(env={}).settings.completion.debounce_ms == 5


TEAM = """\
# the example of the documentation
[completion]
provider = "mistral"
model = "codestral-latest"
fallback = ["deepseek", "team", "embedded"]

[providers.team]
wire = "openai-chat"
completion = "openai-completions"
base_url = "http://127.0.0.1:18080/v1"
auth = "none"
free = true

[privacy]
exclude = ["*.pem"]
"""


def test_values_and_where_each_came_from(user_file: Path) -> None:
    user_file.write_text(TEAM, encoding="utf-8")
    loaded = load(user_file, {"completion": {"debounceMs": 10}}, env={})
    assert loaded.problems == ()
    completion = loaded.settings.completion
    assert (completion.provider, completion.debounce_ms) == ("mistral", 10)
    assert loaded.settings.privacy.exclude == ("*.pem",)
    team = loaded.settings.providers["team"]
    assert (team.base_url, team.auth, team.free, team.name) == (
        "http://127.0.0.1:18080/v1", "none", True, "team",
    )  # fmt: skip
    file = str(user_file)
    assert loaded.sources["completion.fallback"] == Source("user", file, 5)
    assert loaded.sources["completion.debounce_ms"] == Source("editor")
    assert loaded.sources["providers.team"] == Source("user", file, 8)
    assert loaded.sources["providers.team.base_url"] == Source("user", file, 10)
    assert loaded.sources["chat.model"] == Source("default")
    assert loaded.targets("completion") == (
        ("mistral", "codestral-latest"), ("deepseek", ""), ("team", ""), ("embedded", ""),
    )  # fmt: skip


def test_a_fallback_may_name_its_model(user_file: Path) -> None:
    user_file.write_text(
        '[chat]\nprovider = "anthropic"\nfallback = ["openai/gpt-4o"]\n', encoding="utf-8"
    )
    loaded = load(user_file, env={})
    assert loaded.problems == ()
    assert loaded.targets("chat") == (("anthropic", ""), ("openai", "gpt-4o"))


def test_local_only_leaves_nothing_but_this_machine(user_file: Path) -> None:
    user_file.write_text(TEAM + "local_only = true\n", encoding="utf-8")
    loaded = load(user_file, env={})
    assert loaded.targets("completion") == (("team", ""), ("embedded", ""))
    assert not loaded.is_local("mistral")
    assert not loaded.is_local("nobody")


@pytest.mark.parametrize(
    "text",
    [
        "[completion]\nmaxFileBytes = 7\n",
        "[Completion]\nMAX_FILE_BYTES = 7\n",
        "completion.max-file-bytes = 7\n",
        '"completion.max_file_bytes" = 7\n',
        '[completion]\n"max_file_\\u0062ytes" = 7\n',
        "completion = { maxFileBytes = 7 }\n",
        "[completion]\r\nmax_file_bytes = 7\r\n",
        "\ufeff[completion]\nmax_file_bytes = 7\n",
        '[completion]\nmax_file_bytes = "7"\n',
    ],
    ids=range(9),
)
def test_however_a_key_is_written_it_is_the_same_setting(user_file: Path, text: str) -> None:
    user_file.write_bytes(text.encode())
    loaded = load(user_file, env={})
    assert loaded.problems == ()
    assert loaded.settings.completion.max_file_bytes == 7


# --- bad values


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        (
            '[completion]\n\nmax_file_bytes = "lots"',
            ("bad_value", 3, "completion.max_file_bytes"),
            "whole number",
        ),
        ("[completion]\ndebounce_ms = -1", ("bad_value", 2, "completion.debounce_ms"), "greater"),
        ("[completion]\nenabled = []", ("bad_value", 2, "completion.enabled"), "boolean"),
        ('[log]\nlevel = "loud"', ("bad_value", 2, "log.level"), "'debug'"),
        ("completion = 3", ("bad_value", 1, "completion"), "table"),
        ("[completion]\nmodle = 'x'", ("unknown_key", 2, "completion.modle"), "completion.model?"),
        ("[competion]\nmodel = 'x'", ("unknown_key", 2, "competion.model"), "completion.model?"),
        ('[chat]\nprovider = "mistrall"', ("unknown_provider", 2, "chat.provider"), "mistral?"),
        ('[chat]\nfallback = ["nobody/x"]', ("unknown_provider", 2, "chat.fallback"), "providers"),
        ('[network]\nproxy = "proxy:3128"', ("bad_value", 2, "network.proxy"), "http://proxy"),
        (
            '[network]\nproxy = "http://me@proxy:3128"',
            ("bad_value", 2, "network.proxy"),
            "user name",
        ),
        ('[network]\nproxy = "http://a b:1"', ("bad_value", 2, "network.proxy"), "white space"),
        (
            '[embedded]\nmirror = "http://models.example"',
            ("bad_value", 2, "embedded.mirror"),
            "https",
        ),
        ('[privacy]\nexclude = ["a\\nb"]', ("bad_value", 2, "privacy.exclude"), "pattern"),
        ("providers = 3", ("bad_value", 1, "providers"), "providers.NAME"),
        ('[[providers]]\nid = "x"', ("bad_value", 1, "providers"), "providers.NAME"),
        (
            "[completion]\nmodel = 'a'\nMODEL = 'b'",
            ("duplicate_key", 3, "completion.model"),
            "twice",
        ),
        (
            '[providers.Team]\nwire = "openai-chat"',
            ("bad_value", 2, "providers.Team"),
            "lower-case",
        ),
        ("[providers.embedded]\nfree = true", ("bad_value", 2, "providers.embedded"), "built-in"),
        (
            '[providers.t]\nwire = "openai-chat"',
            ("bad_value", 2, "providers.t.base_url"),
            "missing",
        ),
        ('[providers.t]\nbase_url = "https://h"', ("bad_value", 2, "providers.t.wire"), "missing"),
        (
            '[providers.openai]\nbase_url = "${env:X}"',
            ("bad_value", 2, "providers.openai.base_url"),
            "address",
        ),
        (
            '[providers.openai]\nwire = "telepathy"',
            ("bad_value", 2, "providers.openai.wire"),
            "must be",
        ),
        (
            '[providers.openai]\nbaes_url = "x"',
            ("unknown_key", 2, "providers.openai.baes_url"),
            "base_url?",
        ),
        ('[providers.openai]\nid = "other"', ("unknown_key", 2, "providers.openai.id"), "field"),
        (
            "[providers.openai]\nprompt_tokens = 'x'",
            ("bad_value", 2, "providers.openai.prompt_tokens"),
            "default",
        ),
        (
            "[providers.openai]\nclient_cert = '/a.pem'\nclient_key = 'b.pem'",
            ("bad_value", 3, "providers.openai.client_key"),
            "absolute path",
        ),
        (
            "[providers.openai]\nauth = 'command'",
            ("bad_value", 2, "providers.openai.command"),
            "program",
        ),
        (
            "[providers.openai]\nauth = 'command'\ncommand = ['./token']",
            ("bad_value", 3, "providers.openai.command"),
            "absolute path",
        ),
        (
            "[network]\nca_file = 'ca.pem'",
            ("bad_value", 2, "network.ca_file"),
            "absolute path",
        ),
        (
            "[embedded]\nmodel_file = 'models/m.gguf'",
            ("bad_value", 2, "embedded.model_file"),
            "absolute path",
        ),
        (
            "[providers.openai]\nkey_env = ['lower']",
            ("bad_value", 2, "providers.openai.key_env"),
            "capitals",
        ),
    ],
)
def test_a_bad_value_is_named_with_file_line_and_cure_and_costs_no_other(
    user_file: Path, text: str, expected: tuple[str, int, str], words: str
) -> None:
    user_file.write_text(
        text + "\n\n[embedded]\nthreads = 3\n" if "[embedded]" not in text else text,
        encoding="utf-8",
    )
    loaded = load(user_file, env={})
    assert told(loaded) == [expected]
    problem, (_, line, key) = loaded.problems[0], expected
    assert problem.file == str(user_file)
    assert problem.cure
    assert words in str(problem)
    assert str(problem).startswith(f"{user_file}:{line}: {key}:")
    kept, default = loaded.settings, Settings()
    assert kept.completion.model_copy(update={"model": ""}) == default.completion
    assert (kept.chat, kept.network, kept.log) == (default.chat, default.network, default.log)
    assert kept.embedded.threads == (0 if "[embedded]" in text else 3)


def test_a_row_that_cannot_be_trusted_is_refused_and_not_replaced_by_the_catalogs(
    user_file: Path,
) -> None:
    user_file.write_text(
        '[chat]\nprovider = "openai"\n[providers.openai]\nbase_url = "htp://gw"\n', encoding="utf-8"
    )
    loaded = load(user_file, env={})
    assert loaded.settings.chat.provider == "openai"
    assert "openai" not in loaded.settings.providers
    with pytest.raises(SettingsError, match="openai") as caught:
        loaded.row("openai")
    assert caught.value.cure
    with pytest.raises(SettingsError, match="no provider 'nobody'"):
        loaded.row("nobody")
    assert loaded.row("anthropic").id == "anthropic"


def test_a_bad_detail_of_a_row_costs_only_itself(user_file: Path) -> None:
    user_file.write_text(
        '[providers.openai]\nfree = "perhaps"\nchat_model = "m"\n', encoding="utf-8"
    )
    loaded = load(user_file, env={})
    assert told(loaded) == [("bad_value", 2, "providers.openai.free")]
    assert loaded.row("openai").chat_model == "m"
    assert loaded.row("openai").free is False


def test_one_bad_exclusion_does_not_cost_the_others(user_file: Path) -> None:
    user_file.write_text('[privacy]\nexclude = ["*.pem", 3, "private/"]\n', encoding="utf-8")
    loaded = load(user_file, env={})
    assert loaded.settings.privacy.exclude == ("*.pem", "private/")
    assert told(loaded) == [("bad_value", 2, "privacy.exclude")]
    user_file.write_text('[privacy]\nexclude = "*.pem"\n', encoding="utf-8")
    assert load(user_file, env={}).settings.privacy.exclude == ("*.pem",)


@pytest.mark.parametrize("name", ["local_only", "use_gitignore", "redact_secrets"])
def test_a_privacy_switch_that_cannot_be_read_is_on(user_file: Path, name: str) -> None:
    user_file.write_text(f'[privacy]\n{name} = "perhaps"\n', encoding="utf-8")
    loaded = load(user_file, env={})
    assert getattr(loaded.settings.privacy, name) is True
    assert "careful" in str(loaded.problems[0])


def test_a_path_may_begin_at_home(user_file: Path, isolated_home: Path) -> None:
    user_file.write_text("[network]\nca_file = '~/ca.pem'\n", encoding="utf-8")
    loaded = load(user_file, env={})
    assert loaded.problems == ()
    assert loaded.settings.network.ca_file == str(isolated_home / "home" / "ca.pem")


# --- files that are none


def break_directory(file: Path) -> None:
    file.mkdir()


def break_binary(file: Path) -> None:
    file.write_bytes(b"[completion]\nmodel = '\xff\xfe'\n")


def break_utf16(file: Path) -> None:
    file.write_text("[completion]\n", encoding="utf-16")


def break_syntax(file: Path) -> None:
    file.write_text('[privacy]\nexclude = ["secret/"]\n\nmodel = mistral\n', encoding="utf-8")


def break_end(file: Path) -> None:
    file.write_text('[privacy]\nexclude = ["a"', encoding="utf-8")


def break_size(file: Path) -> None:
    with file.open("wb") as handle:
        handle.truncate(100_000_000)


def break_depth(file: Path) -> None:
    file.write_text("a = " + "[" * 100_000, encoding="utf-8")


def break_link(file: Path) -> None:
    file.symlink_to(file)


def break_pipe(file: Path) -> None:
    os.mkfifo(file)


def break_device(file: Path) -> None:
    file.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("broken", "code", "line"),
    [
        (break_directory, "unreadable", None),
        (break_binary, "unreadable", 2),
        (break_utf16, "unreadable", 1),
        (break_syntax, "syntax", 4),
        (break_end, "syntax", 2),
        (break_size, "unreadable", None),
        (break_depth, "syntax", 1),
        (break_link, "unreadable", None),
        (break_pipe, "unreadable", None),
        (break_device, "unreadable", None),
    ],
)
@pytest.mark.timeout(20)
def test_a_file_that_cannot_be_used_is_named_and_nothing_leaves_the_machine(
    user_file: Path, broken: object, code: str, line: int | None
) -> None:
    assert callable(broken)
    broken(user_file)
    loaded = load(user_file, {"chat": {"provider": "openai"}}, env={})
    assert (code, line, "") in told(loaded)
    assert not loaded.user_ok
    assert loaded.settings.completion == Settings().completion
    # What the user had excluded is not known, so the editor's choice must not send anything.
    assert loaded.settings.privacy.local_only
    assert all(loaded.is_local(provider) for provider, _ in loaded.targets("chat"))
    assert loaded.problems[0].cure


UNREADABLE = """
import os, sys
from pathlib import Path
from polypilot.settings import load
load(env={})  # imports everything while this user still can
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(54321); os.setuid(54321)
for problem in load(Path(sys.argv[1]), env={}).problems:
    print(problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_file_that_may_not_be_read(user_file: Path) -> None:
    user_file.write_text("", encoding="utf-8")
    user_file.chmod(0)
    command = [sys.executable, "-c", UNREADABLE, str(user_file)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, encoding="utf-8"
    )
    assert "can't be opened (Permission denied)" in done.stdout


def test_no_folder_and_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    assert load(tmp_path / "none" / "config.toml", env={}).problems == ()
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert load(tmp_path / "file" / "config.toml", env={}).problems == ()


def test_a_hostile_flood_of_problems_is_counted_and_not_shown() -> None:
    editor = {"completion": {f"k{n}": n for n in range(9000)}}
    loaded = load(editor=editor, env={})
    assert len(loaded.problems) < 40
    assert "more problems" in loaded.problems[-1].message


def nested(depth: int) -> dict[str, object]:
    tree: dict[str, object] = {"base_url": "https://evil.example"}
    for _ in range(depth):
        tree = {"a": tree}
    return tree


@pytest.mark.parametrize("depth", [1, 11, 13, 900])
def test_depth_does_no_harm(depth: int) -> None:
    loaded = load(editor=nested(depth), workspace=nested(depth), env={})
    assert loaded.settings == load(env={}).settings
    assert len(loaded.problems) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=15,
)
SECTION = st.sampled_from(
    ["completion", "chat", "providers", "privacy", "network", "embedded", "keyring", "log", "x"]
)


@given(st.dictionaries(SECTION | st.text(max_size=8), JSON, max_size=6))
@settings(max_examples=400, deadline=None)
def test_whatever_an_editor_sends_settings_come_out(tree: dict[str, object]) -> None:
    loaded = load(editor=tree, workspace=tree, env={})
    assert loaded.settings.network == Settings().network
    for problem in loaded.problems:
        assert problem.message
        assert problem.cure
        assert len(str(problem).splitlines()) == 1


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_whatever_bytes_a_file_holds_settings_come_out(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.toml"
    file.write_bytes(data)
    assert isinstance(load(file, env={}).settings, Settings)


# --- lines

TRICKY = '''\
top = 1 # [not.a.table]
"quoted.key" = 2
multi = """
[fake]
key = "no"
"""
literal = \'\'\'
x = 1 \'\'\'
array = [
  1, # ]
  "]",
  { inner = "}" },
]
[a.b] # comment
c.d = 3
'e = f' = 4
inline = { g = 5, h.i = 6 }
[[a.list]]
x = 1
[[a.list]]
x = 2
'''


def test_lines_of_keys_whatever_stands_between_them() -> None:
    lines = key_lines(TRICKY)
    assert lines[("top",)] == 1
    assert lines[("quoted.key",)] == 2
    assert lines[("multi",)] == 3
    assert lines[("literal",)] == 7
    assert lines[("array",)] == 9
    assert lines[("a", "b")] == 14
    assert lines[("a", "b", "c", "d")] == 15
    assert lines[("a", "b", "e = f")] == 16
    assert lines[("a", "list", "x")] == 19
    assert ("fake",) not in lines
    assert line_of(lines, ("a", "b", "inline", "h", "i")) == 17
    assert line_of(lines, ("elsewhere",)) is None
