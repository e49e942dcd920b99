"""Rows are written and taken out whole, and nothing else in the file moves."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from polypilot.settings import SettingsError, remove_row, row_text, update_row
from polypilot_prompts.fim import FAMILIES
from polypilot_providers import catalog
from polypilot_providers.families import family

if TYPE_CHECKING:
    from pathlib import Path

ROWS = catalog.rows({})
TEAM = '[providers.team]  # ours\nwire = "gemini"\nbase_url = "https://a.example"\n'
SITE = {"wire": "openai-chat", "base_url": "https://a.example/v1", "key_env": ("A_KEY",)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.mark.parametrize(
    "old",
    [
        "",
        "# only a remark",
        "[chat]\nsystem = 'x'",
        TEAM + "\n# about chat\n[chat]\nsystem = 'x'\n",
        "[chat]\r\nsystem = 'x'\r\n",
    ],
)
def test_a_new_row_stands_at_the_end_as_it_was_shown(old: str, file: Path) -> None:
    file.write_bytes(old.encode())
    update_row("my.host", SITE, ROWS, user_file=file)
    text = file.read_bytes().decode()
    assert text.startswith(old)
    assert text.replace("\r\n", "\n").endswith(row_text("my.host", SITE))
    assert ("\r\n" in text) == ("\r\n" in old)
    assert tomllib.loads(text)["providers"]["my.host"]["key_env"] == ["A_KEY"]


def test_a_file_that_leaves_no_place_for_a_table_is_left_alone(file: Path) -> None:
    old = 'providers = {team = {wire = "gemini", base_url = "https://a.example"}}\n'
    file.write_text(old, "utf-8")
    with pytest.raises(SettingsError) as caught:
        update_row("other", SITE, ROWS, user_file=file)
    assert "by hand" in caught.value.cure
    assert file.read_text("utf-8") == old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TEAM, ""),
        ("# a\n" + TEAM + "\n# b\n[chat]\n", "# a\n\n# b\n[chat]\n"),
        ("[chat]\n" + TEAM + '[providers."team".headers]\nX-A = "1"\n', "[chat]\n"),
        (TEAM + "\n" + TEAM.replace("team", "team2"), "\n" + TEAM.replace("team", "team2")),
        (TEAM + '[[providers.team.models]]\nid = "m"\n# end', "# end"),
    ],
)
def test_a_row_is_taken_out_and_remarks_on_the_next_stay(old: str, new: str, file: Path) -> None:
    file.write_text(old, "utf-8")
    remove_row("team", file)
    assert file.read_text("utf-8") == new


def test_lines_that_look_like_tables_do_not_mislead(file: Path) -> None:
    prose = '[chat]\nsystem = """\n[providers.team]\nwire = 1\n"""\n'
    file.write_text(TEAM + prose, "utf-8")
    remove_row("team", file)
    tree = tomllib.loads(file.read_text("utf-8"))
    assert tree.get("providers", {}) == {}
    assert tree["chat"]["system"] == "[providers.team]\nwire = 1\n"


def test_a_row_begun_anew_keeps_nothing_of_the_old_one(file: Path) -> None:
    file.write_text(TEAM + '[providers.team.headers]\nX-A = "1"\n# end\n', "utf-8")
    update_row("team", SITE, ROWS, anew=True, user_file=file)
    text = file.read_text("utf-8")
    assert text == "# end\n\n" + row_text("team", SITE)


def test_a_row_that_would_not_hold_is_not_written(file: Path) -> None:
    file.write_text(TEAM, "utf-8")
    for fields in ({"wire": "gopher"}, {"variables.site": 3}, {"base_url": "http://a.example"}):
        with pytest.raises(SettingsError):
            update_row("team", fields, ROWS, user_file=file)
    with pytest.raises(SettingsError, match="base_url"):
        update_row("other", {"wire": "gemini"}, ROWS, user_file=file)
    assert file.read_text("utf-8") == TEAM


def test_every_family_that_a_name_speaks_for_has_a_template() -> None:
    names = ("qwen-coder", "codestral", "deepseek-coder", "starcoder", "codellama", "codegemma")
    more = ("granite-4", "granite-3", "seed-coder", "codegeex4")
    assert {family(name) for name in names + more} <= set(FAMILIES)


@pytest.mark.parametrize(
    "wrong", [{"completion": "bogus"}, {"wire": "bogus"}, {"headers.A B": "c"}]
)
def test_why_a_change_is_refused_is_said_of_the_change(wrong: dict[str, str], file: Path) -> None:
    file.write_text(TEAM, "utf-8")
    with pytest.raises(SettingsError) as caught:
        update_row("team", wrong, ROWS, user_file=file)
    assert f"providers.team.{next(iter(wrong)).partition('.')[0]} must " in caught.value.message
    assert "default" not in caught.value.message, "nothing is used"
    assert "Nothing was written" in caught.value.cure
