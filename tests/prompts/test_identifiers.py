from __future__ import annotations

import pytest

from polypilot_prompts.identifiers import complete_words, identifiers, parts, tokens


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("readFile", ("readfile", "read", "file")),
        ("read_file", ("read_file", "read", "file")),
        ("HTTPServer2", ("httpserver2", "http", "server")),
        ("MAX_SIZE", ("max_size", "max", "size")),
        ("snapshot", ("snapshot",)),
        ("größeWert", ("grössewert",)),
        ("x1", ("x1",)),
        ("return", ()),
        ("is_set", ("is_set",)),
        ("a" * 65, ()),
    ],
)
def test_a_name_is_taken_whole_and_in_its_words(identifier: str, words: tuple[str, ...]):
    assert parts(identifier) == words


def test_words_are_counted_without_keywords_and_single_letters():
    assert tokens("def load(path): return path + x") == {"load": 1, "path": 2}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("total = parse(tex", ["total", "parse"]),
        ("total = parse(text", ["total", "parse"]),
        ("total = parse(text)", ["total", "parse", "text"]),
        ("    ", []),
        ("tex", []),
    ],
)
def test_a_word_that_is_being_typed_does_not_count(line: str, words: list[str]):
    assert complete_words(line) == words


def test_identifiers_keep_their_case_and_order():
    assert identifiers("b.readFile(a1, 2x)") == ["readFile", "a1"]
