from __future__ import annotations

import pytest

from polypilot.workspace.index.words import Splitter, asked


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        ("parse_settings", ("parse_settings", "parse", "settings")),
        ("parseHTTPHeader", ("parsehttpheader", "parse", "http", "header")),
        ("HTTPServer2", ("httpserver2", "http", "server2")),
        ("sha256", ("sha256",)),
        ("__init__", ("init",)),
        ("_private", ("private",)),
        ("MAX_BYTES", ("max_bytes", "max", "bytes")),
        ("größe", ("größe", "gr", "öß")),
        ("設定読込", ("設定読込", "設定", "定読", "読込")),
        ("i", ()),
        ("return", ()),
        ("7", ()),
        ("404", ("404",)),
    ],
)
def test_an_identifier_counts_as_a_whole_and_by_its_parts(word: str, terms: tuple[str, ...]):
    assert Splitter().terms(word) == terms


def test_what_looks_like_a_key_is_not_kept():
    assert Splitter().bag("token = 4f8a91c3d27be05f61a2 x") == "token"
    assert "long" not in Splitter().bag("a" * 500 + "_" + "b" * 500)


def test_a_word_that_repeats_counts_some_times_only():
    assert Splitter().bag("lock " * 50).split() == ["lock"] * 3


def test_a_question_is_cut_as_the_text_is():
    question = asked("Where does parseSettings() fail in the parser?")
    assert [whole for whole, _ in question] == ["where", "does", "parsesettings", "fail", "parser"]
    assert dict(question)["parsesettings"] == ("parse", "settings")


def test_a_question_without_words_asks_for_nothing():
    assert asked("") == asked("?! -> (the) [a]") == []


def test_a_splitter_that_has_seen_many_words_goes_on():
    splitter = Splitter()
    for number in range(200_010):
        splitter.terms(f"w{number}")
    assert splitter.terms("two_words") == ("two_words", "two", "words")
