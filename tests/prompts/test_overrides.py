"""The user's own templates are checked before they take the place of ours."""

import pytest
from fim_support import raw

from polypilot_prompts.fim import FAMILIES, Family
from polypilot_prompts.overrides import OURS, Overrides, fault_of_template, read_families
from polypilot_prompts.templates import builtin, render


@pytest.mark.parametrize("name", ["completion", "chat"])
def test_our_own_would_be_taken(name: str):
    assert fault_of_template(name, builtin(name)) is None


@pytest.mark.parametrize(
    ("name", "text", "message", "cure"),
    [
        ("completion", " \n", "is empty", "remove"),
        ("completion", "$cursor $open", "$close", "Say"),
        ("completion", "$open $close", "$cursor", "Say"),
        ("completion", "$cursor $open $close $secret", "$secret", "$after_end, $before"),
        ("completion", "$cursor $open $close for 5$", "lone $", "$$"),
        ("chat", "Use $HOME.", "$HOME", "Write $$"),
        ("chat", "", "is empty", "remove"),
    ],
)
def test_what_is_wrong_is_said(name: str, text: str, message: str, cure: str):
    fault = fault_of_template(name, text)
    assert fault is not None
    assert message in fault.message
    assert cure in fault.cure


def test_what_is_right_is_taken():
    assert fault_of_template("completion", "$open $close $cursor $$5 ${after} $language") is None
    assert fault_of_template("chat", "It costs $$5.") is None
    assert render("chat", overrides={"chat": "It costs $$5."}) == "It costs $5."


FULL = """
[[family]]
name = "mine"
template = "<A>{suffix}<B>{files}{prefix}<C>"
file = "+ {path}\\n{text}\\n"
here = "+ {path}\\n"
opening = "files:\\n"
stops = ["<C>", "<END>", "\\n\\n"]
tokens = ["<A>", "<B>", "<C>"]
[[family]]
name = "bare-2"
template = "<PRE> {prefix} x<SUF>{suffix}{{}}"
stops = ["<EOT>", "\\n\\n", "the end", "//"]
"""


def test_families_are_read():
    families, faults = read_families(FULL)
    assert faults == ()
    assert families["mine"] == Family(
        "mine",
        "<A>{suffix}<B>{files}{prefix}<C>",
        ("<C>", "<END>", "\n\n"),
        ("<A>", "<B>", "<C>"),
        "+ {path}\n{text}\n",
        "+ {path}\n",
        "files:\n",
    )
    # What may not stand in the user's text is found in template and stops: words like tags.
    assert families["bare-2"].tokens == ("<PRE>", "x<SUF>", "<EOT>")
    assert raw(families["bare-2"], "p<PRE>", "s") == "<PRE> p< PRE> x<SUF>s{}"


def test_no_file_means_no_families():
    assert read_families("") == ({}, ())


GOOD = 'name = "good"\ntemplate = "{prefix}<M>{suffix}"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("template = '{prefix}{suffix}'", "no name"),
        ("name = 'Big Name'\ntemplate = '{prefix}{suffix}'", "no name"),
        ("name = 3", "no name"),
        ("name = 'a'", "without {prefix}"),
        ("name = 'a'\ntemplate = '{prefix}'", "without {suffix}"),
        ("name = 'a'\ntemplate = 3", "no text"),
        ("name = 'a'\ntemplate = '{prefix}{suffix}{'", "lone brace"),
        ("name = 'a'\ntemplate = '{prefix}{suffix}{who}'", "unknown placeholder in its template"),
        ("name = 'a'\ntemplate = '{prefix.__class__}{suffix}'", "unknown placeholder"),
        ("name = 'a'\ntemplate = '{prefix!r}{suffix}'", "unknown placeholder"),
        ("name = 'a'\ntemplate = '{prefix:>9}{suffix}'", "unknown placeholder"),
        ("name = 'a'\ntemplate = '{prefix}{suffix}{}'", "unknown placeholder"),
        (GOOD + "file = 'x'", "file without {text}"),
        (GOOD + "opening = '{path}'", "unknown placeholder in its opening"),
        (GOOD + "stops = 'x'", "stops that are no list"),
        (GOOD + "stops = [1]", "stops that are no list"),
        (GOOD + "stops = ['']", "empty or too long"),
        (GOOD + "tokens = ['a b']", "blank"),
        (GOOD + "tokens = ['a']", "one character"),
        (GOOD + "what = 1", "unknown 'what'"),
        (GOOD + f"stops = {['x'] * 65}", "no list"),
        (GOOD + f"stops = ['{'x' * 101}']", "too long"),
    ],
)
def test_a_bad_family_is_left_out_and_the_others_are_not(text: str, message: str):
    families, (fault,) = read_families(f"[[family]]\n{text}\n[[family]]\n{GOOD}")
    assert message in fault.message
    assert fault.cure
    assert fault.key == "family 1"
    assert families.keys() == {"good"}


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("[[family]", "", "TOML"),
        ("x = " + "[" * 5000, "", "TOML"),
        ("x = " + "9" * 5000, "", "TOML"),
        ("family = 3", "family", "list"),
        ("families = 3", "families", "not known"),
    ],
)
def test_a_file_that_is_no_such_file(text: str, key: str, message: str):
    families, (fault,) = read_families(text)
    assert (families, fault.key) == ({}, key)
    assert message in fault.message


def test_a_list_of_other_things():
    families, (fault,) = read_families("family = [3]")
    assert families == {}
    assert fault.message == "is no table"


def test_the_users_come_first():
    assert OURS.family("qwen") is FAMILIES["qwen"]
    assert OURS.family("none") is None
    mine = Family("qwen", "{prefix}{suffix}", (), ())
    assert Overrides(families={"qwen": mine}).family("qwen") is mine
