"""Which of several keys holds where: the user's word alone, by folder."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polypilot.settings import SettingsError, choose_account, env_keys, load
from polypilot.settings.accounts import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polypilot.settings import Loaded

    Load = Callable[..., Loaded]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
KEY = "sk-proj-1234567890abcdefghijkl"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with folders in it, its links resolved."""
    base = tmp_path.resolve() / "home"
    for name in ("work/client.one/src", "work-too", "play", "Work.secret-token"):
        (base / name).mkdir(parents=True)
    return base


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Loads settings of a text, as from a folder."""

    def read(text: str, folder: Path | None = None, **more: object) -> Loaded:
        file = tmp_path / "config.toml"
        file.write_text(text, encoding="utf-8")
        return load(file, env={}, folder=folder, **more)  # pyright: ignore[reportArgumentType] - fields of several types

    return read


def table(folder: Path | str, **accounts: str) -> str:
    lines = "".join(f'{name} = "{account}"\n' for name, account in accounts.items())
    return f"[accounts.'{folder}']\n{lines}"


def test_the_innermost_folder_that_names_a_provider_decides(home: Path, loaded: Load) -> None:
    text = '[providers.openai]\naccount = "private"\n'
    text += table(home / "work", openai="work", anthropic="work")
    text += table(home / "work" / "client.one", openai="client")

    def accounts(folder: Path | None) -> tuple[str, str, str]:
        found = loaded(text, folder)
        assert not found.problems
        rows = found.settings.providers
        return rows["openai"].account, rows["anthropic"].account, rows["mistral"].account

    assert accounts(home / "work") == ("work", "work", "")
    assert accounts(home / "work" / "client.one") == ("client", "work", "")
    assert accounts(home / "work" / "client.one" / "src") == ("client", "work", "")
    assert accounts(home / "work" / "not-there-yet") == ("work", "work", "")
    assert accounts(home / "work-too") == ("private", "", "")
    assert accounts(home / "play") == ("private", "", "")
    assert accounts(home) == ("private", "", "")
    assert accounts(None) == ("private", "", "")


def test_the_order_in_the_file_does_not_matter(home: Path, loaded: Load) -> None:
    text = table(home / "work" / "client.one", openai="client") + table(home / "work", openai="w")
    assert loaded(text, home / "work" / "client.one").row("openai").account == "client"


def test_a_folder_may_want_the_key_without_a_name(home: Path, loaded: Load) -> None:
    text = '[providers.openai]\naccount = "private"\n' + table(home / "work", openai="")
    assert loaded(text, home / "work").row("openai").account == ""


def test_what_is_in_force_is_told_with_its_line(home: Path, loaded: Load) -> None:
    found = loaded(table(home / "work", openai="work"), home / "work")
    assert found.settings.accounts == {str(home / "work"): {"openai": "work"}}
    for key in (f"accounts.{home / 'work'}.openai", "providers.openai.account"):
        assert (found.sources[key].kind, found.sources[key].line) == ("user", 2)


@posix_only
def test_links_are_resolved_on_both_sides(home: Path, loaded: Load) -> None:
    link = home / "link"
    link.symlink_to(home / "work")
    assert loaded(table(link, openai="w"), home / "work").row("openai").account == "w"
    assert loaded(table(home / "work", openai="w"), link).row("openai").account == "w"
    # What a repository links to does not make it a part of that.
    (home / "play" / "work").symlink_to(home / "work")
    assert loaded(table(home / "work", openai="w"), home / "play").row("openai").account == ""


@posix_only
def test_the_same_folder_twice_is_told(home: Path, loaded: Load) -> None:
    (home / "link").symlink_to(home / "work")
    text = table(home / "work", openai="one") + table(home / "link", openai="two")
    found = loaded(text, home / "work")
    assert [(each.code, each.line) for each in found.problems] == [("duplicate_key", 4)]
    assert found.row("openai").account == "one"


def test_a_folder_may_be_written_from_the_home_folder(
    home: Path, loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert loaded(table("~/work/", openai="w"), home / "work").row("openai").account == "w"


def test_case_counts_where_the_disk_minds_it(tmp_path: Path) -> None:
    one, other = str(tmp_path / "Work"), str(tmp_path / "work")
    assert parts_of(one, forgiving=True) == parts_of(other, forgiving=True)
    assert parts_of(one, forgiving=False) != parts_of(other, forgiving=False)
    composed, decomposed = str(tmp_path / "caf\u00e9"), str(tmp_path / "cafe\u0301")
    assert parts_of(composed) == parts_of(decomposed)
    assert parts_of("work") is None


def test_a_folders_name_may_look_like_a_keys(home: Path, loaded: Load) -> None:
    folder = home / "Work.secret-token"
    found = loaded(table(folder, openai="api-keys"), folder)
    assert not found.problems
    assert found.row("openai").account == "api-keys"


# --- what is wrong


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('openai = "two words"', "name of a key"),
        ("openai = 7", "name of a key"),
        (f'openai = "{KEY}"', "a key in this file"),
    ],
)
def test_where_the_account_is_not_known_nothing_is_sent(
    home: Path, loaded: Load, line: str, word: str
) -> None:
    """The default's key would be another account's."""
    text = f"[accounts.'{home / 'work'}']\n{line}\nanthropic = \"w\"\n"
    found = loaded(text, home / "work")
    (problem,) = found.problems
    assert (problem.line, problem.severity) == (2, "error")
    assert word in problem.message
    assert KEY not in str(problem)
    with pytest.raises(SettingsError, match=word):
        found.row("openai")
    assert "openai" not in found.settings.providers
    assert found.row("anthropic").account == "w"


def test_a_relative_folder_is_refused(loaded: Load) -> None:
    found = loaded(table("work", openai="w"))
    assert [(each.line, each.code) for each in found.problems] == [(2, "bad_value")]
    with pytest.raises(SettingsError, match="absolute"):
        found.row("openai")


@pytest.mark.parametrize("text", ["accounts = 7", '[accounts]\nopenai = "work"'])
def test_what_is_no_table_of_folders_is_told(loaded: Load, text: str) -> None:
    (problem,) = loaded(text).problems
    assert "must be a table of folders" in problem.message


def test_an_unknown_provider_is_told(home: Path, loaded: Load) -> None:
    (problem,) = loaded(table(home, opnai="w")).problems
    assert (problem.code, problem.line) == ("unknown_provider", 2)


def test_a_provider_that_is_blocked_already_stays_so(home: Path, loaded: Load) -> None:
    found = loaded(f'[providers.openai]\nbase_url = "x"\n{table(home, openai="w")}', home)
    assert "openai" not in found.settings.providers
    assert [each.line for each in found.problems] == [2]


# --- whose word it is

SHAPES: list[Callable[[str], Mapping[str, object]]] = [
    lambda folder: {"accounts": {folder: {"openai": "theirs"}}},
    lambda folder: {"Accounts": {folder: {"openai": "theirs"}}},
    lambda folder: {f"accounts.{folder}.openai": "theirs"},
    lambda folder: {"polypilot": {"accounts": {folder: {"openai": "theirs"}}}},
    lambda folder: {"polypilot.accounts": {folder: {"openai": "theirs"}}},
    lambda _: {"accounts": {"openai": "theirs"}},
    lambda _: {"providers": {"openai": {"account": "theirs"}}},
    lambda _: {"providers.openai.account": "theirs"},
    lambda _: {"providers": {"openai": {"Account": "theirs"}}},
]


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize("source", ["editor", "workspace"])
def test_no_other_source_may_name_an_account(
    home: Path, loaded: Load, shape: Callable[[str], Mapping[str, object]], source: str
) -> None:
    tree = shape(str(home / "work"))
    found = loaded(table(home / "work", openai="mine"), home / "work", **{source: tree})
    assert found.row("openai").account == "mine"
    (problem,) = found.problems
    assert problem.code == "user_scope"
    assert "whose account pays" in problem.message
    assert "theirs" not in str(problem)


def test_a_repository_that_tries_is_named_with_file_and_line(home: Path, loaded: Load) -> None:
    file = home / "work" / ".polypilot.toml"
    file.write_text(
        f"[completion]\nenabled = false\n{table(home / 'work', openai='theirs')}", "utf-8"
    )
    found = loaded("", home / "work", workspace=[home / "work"])
    (problem,) = found.problems
    assert (problem.file, problem.line) == (str(file), 4)
    assert found.row("openai").account == ""
    assert found.settings.accounts == {}


def test_the_environment_serves_the_key_without_a_name_only(home: Path, loaded: Load) -> None:
    env = {"OPENAI_API_KEY": "k" * 20, "ANTHROPIC_API_KEY": "k" * 20}
    text = table(home, openai="work")
    assert set(env_keys(loaded(text, home).settings, env)) == {"anthropic"}
    assert set(env_keys(loaded(text).settings, env)) == {"openai", "anthropic"}


# --- writing

OLD = """\
# mine
[completion]
provider = "openai"  # best
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_a_choice_is_written_changed_and_taken_back(home: Path, file: Path) -> None:
    work = home / "work" / "client.one"
    choose_account("openai", "client", work, file)
    choose_account("anthropic", "client", work, file)
    choose_account("openai", "private", None, file)
    text = file.read_text("utf-8")
    assert text.startswith(OLD)
    tree = tomllib.loads(text)
    assert tree["accounts"] == {str(work): {"openai": "client", "anthropic": "client"}}
    assert tree["providers"]["openai"] == {"account": "private"}
    found = load(file, env={}, folder=work)
    assert not found.problems
    assert found.row("openai").account == "client"
    choose_account("openai", "other", work, file)
    choose_account("anthropic", None, work, file)
    assert tomllib.loads(file.read_text("utf-8"))["accounts"] == {str(work): {"openai": "other"}}
    choose_account("openai", None, work, file)
    choose_account("openai", None, None, file)
    assert "accounts." not in file.read_text("utf-8")
    assert file.read_text("utf-8").startswith(OLD)
    assert load(file, env={}, folder=work).row("openai").account == ""


def test_taking_back_what_is_not_there_changes_nothing(home: Path, file: Path) -> None:
    choose_account("openai", None, home / "work", file)
    choose_account("openai", None, None, file)
    assert file.read_text("utf-8") == OLD


@posix_only
def test_a_folder_is_written_as_the_file_spells_it_already(home: Path, file: Path) -> None:
    (home / "link").symlink_to(home / "work")
    file.write_text(OLD + table(home / "link", openai="one") + "# a remark\n", "utf-8")
    choose_account("openai", "two", home / "work", file)
    assert tomllib.loads(file.read_text("utf-8"))["accounts"] == {
        str(home / "link"): {"openai": "two"}
    }
    choose_account("openai", None, home / "work", file)
    assert "# a remark" in file.read_text("utf-8")


def test_folders_that_a_setting_would_be_spelled_alike_are_two(home: Path, file: Path) -> None:
    for name in ("my-code", "my_code"):
        choose_account("openai", name, home / name, file)
        choose_account(name, name, home, file)
    written = tomllib.loads(file.read_text("utf-8"))["accounts"][str(home)]
    assert written == {"my-code": "my-code", "my_code": "my_code"}
    assert load(file, env={}, folder=home / "my-code").row("openai").account == "my-code"
    assert load(file, env={}, folder=home / "my_code").row("openai").account == "my_code"


def test_a_key_is_not_written_as_a_name(home: Path, file: Path) -> None:
    for folder in (home, None):
        with pytest.raises(SettingsError, match="that is a key"):
            choose_account("openai", KEY, folder, file)
    assert file.read_text("utf-8") == OLD


# --- the page

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
EXAMPLES = [each.partition("```")[0] for each in PAGE.split("```toml\n")[1:]]


@posix_only
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_what_the_page_shows_is_what_the_code_takes(loaded: Load, example: str) -> None:
    assert len(EXAMPLES) == 2
    found = loaded(example)
    assert not found.problems
    assert not found.blocked
