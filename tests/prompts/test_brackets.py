import pytest

from polypilot_prompts.brackets import Brackets


def brackets(document: str, *, whole: bool = True) -> Brackets:
    prefix, _, suffix = document.partition("█")
    return Brackets(prefix, suffix, whole=whole, tab_size=4)


@pytest.mark.parametrize(
    ("document", "text", "kept"),
    [
        # closed below: the answer doesn't close it again
        ("f() {\n    a;█\n}\n", "\n    b;\n}", "\n    b;\n"),
        ("f(() => {\n    a;█\n});\n", "\n    b;\n})", "\n    b;\n"),
        ("x = [\n    1,█\n]\n", " 2]", " 2"),
        ("f(\n    a,\n    b█\n)\n", ")", ""),
        ("f() {\n    if (a) {\n        b;█\n    }\n}\n", "\n    }\n}", "\n    "),
        # but it may close it and open it again
        ("if (a) {\n    b;█\n}\n", "\n} else {\n    c;", "\n} else {\n    c;"),
        ("if (a) {\n    b;█\n}\n", "\n} else {\n    c;\n}", "\n} else {\n    c;\n"),
        ("f() {\n    a;█\n}\n", "\n}\n\ng() {\n    b;", "\n}\n\ng() {\n    b;"),
        # not closed below: it is the answer's to close
        ("f() {\n    a;█\n", "\n}", "\n}"),
        ("f() {\n    if (a) {\n        b;█\n}\n", "\n    }", "\n    }"),
        ("f() {\n    if (a) {\n        b;█\n}\n", "\n    }\n}", "\n    }\n"),
        ("f() {█\n    a;\n}\n", "}", ""),
        ("x = f(█\ny = (1)\n", "a)", "a)"),
        ("x = (a, f(█\n)\n", "b)", "b)"),
        # what it opens itself it closes
        ("f() {\n█\n}\n", "    if (a) {\n        b;\n    }", "    if (a) {\n        b;\n    }"),
        # too few closing brackets at one depth are the outer ones'
        ("namespace a {\nnamespace b {\n  int x;█\n}\n", "\n}", "\n}"),
        ("namespace a {\nnamespace b {\n  int x;█\n}\n}\n", "\n}", "\n"),
        # rows and brackets that lie on one depth claim nothing
        ("t = (\n    ('a█\n    ('b', 1),\n    )\n", "', 1),", "', 1),"),
        ("switch (a) {\n    case 1:\n        b;█\n    case 2:\n        c;\n}\n", "\n}", "\n"),
        # strings, comments, lifetimes and apostrophes
        ("f() {\n    a = ')';█\n}\n", " b = '}';", " b = '}';"),
        ("f() {\n    // don't (\n    a;█\n}\n", "\n}", "\n"),
        ("fn f<'a>(x: &'a str) {\n    a;█\n}\n", "\n}", "\n"),
        ("f() {\n    a; // (\n    b;█\n}\n", "\n}", "\n"),
        ("x = f('(a█\n", "b)', c)", "b)', c)"),
        # where the kinds don't fit nothing is claimed
        ("f() {\n    a;█\n}\n", "\n]\n}", "\n]\n}"),
        ("f() {\n    a;█\n}\n", "\n    g(]\n}", "\n    g(]\n}"),
        ("f() {\n    a)\n    b;█\n}\n", "\n}", "\n}"),
        ("f() {\n    a;█\n    g(]\n}\n", "\n}", "\n}"),
        ("f() {\n    a;█\n    b }\n}\n", "\n}", "\n}"),
        ("a;█\n}\n", "\n}", "\n}"),
        ("f() {\n    a;█\n]\n", "\n}", "\n}"),
    ],
)
def test_no_bracket_is_closed_twice(document: str, text: str, kept: str):
    assert text[: brackets(document).surplus(text)] == kept


@pytest.mark.parametrize(
    ("document", "text", "line", "wanted"),
    [
        ("f() {\n    a;█\n", "\n    b;", "}", True),
        ("f() {\n    a;█\n", "\n    b;", "};", True),
        ("f() {\n    a;█\n", "\n    b;", "    }", False),
        ("f() {\n    a;█\n", "\n    b;", "]", False),
        ("f() {\n    a;█\n", "\n    b;", "g()", False),
        ("f() {\n    a;█\n", "\n    b(", "}", False),
        ("f() {\n    a;█\n", "\n    b]", "}", False),
        ("f() {\n    a;█\n", "\n}", "}", False),
        ("f() {\n    a;█\n}\n", "\n    b;", "}", False),
        ("f() {\n    if (a) {\n        b;█\n}\n", "", "    }", True),
    ],
)
def test_a_closing_line_that_the_document_lacks_is_wanted(
    document: str,
    text: str,
    line: str,
    wanted: bool,  # noqa: FBT001  a parameter
):
    assert brackets(document).wants(text, line) is wanted


def test_nothing_is_wanted_where_the_end_of_the_document_is_not_seen():
    assert not brackets("f() {\n    a;█\n", whole=False).wants("\n    b;", "}")
    assert brackets("f() {\n    a;█\n}\n", whole=False).surplus("\n}") == 1
