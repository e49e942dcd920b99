"""Text of users and models is harmless in a page."""

from __future__ import annotations

import html
import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.pages.blocks import Table, folded
from polypilot.pages.diff import compared, diff
from polypilot.pages.markup import Markup, escaped, harmless, tag
from polypilot.pages.page import Section, page

ELEMENTS = {
    *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "section"),
    *("footer", "nav", "a", "h1", "h2", "p", "div", "details", "summary", "span", "pre", "b"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}


class Reader(html.parser.HTMLParser):
    """Names of elements, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\u202e", "⟨U+202E⟩"),
        ("\u2066", "⟨U+2066⟩"),
        ("\x1b", "⟨U+001B⟩"),
        ("\x00", "⟨U+0000⟩"),
        ("\r", "⟨U+000D⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\ufeff", "⟨U+FEFF⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\ud800", "⟨U+D800⟩"),
    ],
)
def test_what_hides_or_reorders_is_written_out(hidden: str, shown: str):
    assert harmless(f"a{hidden}b") == f"a{shown}b"


def test_ordinary_text_stays():
    text = "tab\tnewline\n naïve 東京 العربية 👩 ½"
    assert harmless(text) == text


@given(st.text() | st.sampled_from(["</pre><script>alert(1)</script>", '" onload="x', "<!--"]))
def test_no_text_becomes_markup(text: str):
    table = Table(text, (text, "n"), [(text, text)]).markup()
    parts = (folded(text, text), table, diff(text, f"{text}\nmore", text), tag("b", text, id=text))
    whole = page(text, text, [Section("one", text, tag("div", *parts))], text)
    names = set(read(whole).names)
    assert names <= ELEMENTS
    whole.encode("utf-8")


def test_text_is_what_is_read():
    text = "if a < b && c > 'd': \"x\""
    assert read(escaped(text)).text == text


def test_markup_is_not_escaped_twice():
    assert tag("p", Markup("<b>x</b>"), "<i>") == "<p><b>x</b>&lt;i&gt;</p>"


def test_a_page_names_no_other_place_and_forbids_all():
    whole = html.unescape(page("t", "s", [Section("one", "One", escaped("x"))]))
    assert "default-src 'none'" in whole
    assert "unsafe-inline" not in whole
    assert "http:" not in whole
    assert "https:" not in whole
    assert "<script" not in whole
    assert " style=" not in whole


@given(st.text("ab\n", max_size=30), st.text("ab\n", max_size=30))
def test_a_diff_holds_both_texts(old: str, new: str):
    lines = list(compared(old, new))
    assert "\n".join(line for side, line in lines if side != "+") == old
    assert "\n".join(line for side, line in lines if side != "-") == new
