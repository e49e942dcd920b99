# ruff: noqa: RUF001  (DeepSeek writes its tokens with full-width bars)
import pytest
from fim_support import raw
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from polypilot_prompts.breaking import one_line
from polypilot_prompts.context import Snippet
from polypilot_prompts.fim import COMMON_STOPS, FAMILIES, Family, neutralise_common

NAMES = sorted(FAMILIES)
PATH = "src/a.py"
OTHERS = (Snippet("b.py", "B"), Snippet("c.py", "C"))


def rendered(name: str) -> tuple[str, str]:
    family = FAMILIES[name]
    alone = raw(family, "P", "S", path=PATH, language="python")
    return alone, raw(family, "P", "S", path=PATH, language="python", snippets=OTHERS)


def test_every_family_renders_its_own_tokens():
    assert {name: rendered(name) for name in NAMES} == snapshot(
        {
            "codegeex4": (
                """\
<|user|>
###PATH:src/a.py
###LANGUAGE:python
###MODE:BLOCK
<|code_suffix|>S<|code_prefix|>P<|code_middle|><|assistant|>
""",
                """\
<|user|>
###REFERENCE:
###PATH:b.py
B
###REFERENCE:
###PATH:c.py
C

###PATH:src/a.py
###LANGUAGE:python
###MODE:BLOCK
<|code_suffix|>S<|code_prefix|>P<|code_middle|><|assistant|>
""",
            ),
            "codegemma": (
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
                """\
b.py
B<|file_separator|>c.py
C<|file_separator|>src/a.py
<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>\
""",
            ),
            "codellama": ("<PRE> P <SUF>S <MID>", "<PRE> P <SUF>S <MID>"),
            "codestral": (
                "[SUFFIX]S[PREFIX]P",
                """\
[SUFFIX]S[PREFIX]+++++ b.py
B

+++++ c.py
C

+++++ src/a.py
P\
""",
            ),
            "deepseek": (
                "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>",
                "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>",
            ),
            "deepseek-coder": (
                "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>",
                "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>",
            ),
            "glm": (
                "<|code_prefix|>P<|code_suffix|>S<|code_middle|>",
                "<|code_prefix|>P<|code_suffix|>S<|code_middle|>",
            ),
            "granite": (
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
            ),
            "granite3": (
                "<fim_prefix>P<fim_suffix>S<fim_middle>",
                "<fim_prefix>P<fim_suffix>S<fim_middle>",
            ),
            "granite4": (
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
            ),
            "mercury": (
                """\
<|file_sep|>src/a.py
<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>\
""",
                """\
<|file_sep|>b.py
B
<|file_sep|>c.py
C
<|file_sep|>src/a.py
<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>\
""",
            ),
            "qwen": (
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
                """\
<|repo_name|>project
<|file_sep|>b.py
B
<|file_sep|>c.py
C
<|file_sep|>src/a.py
<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>\
""",
            ),
            "qwen-coder": (
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
                """\
<|repo_name|>project
<|file_sep|>b.py
B
<|file_sep|>c.py
C
<|file_sep|>src/a.py
<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>\
""",
            ),
            "seed-coder": (
                "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
                "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
            ),
            "seedcoder": (
                "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
                "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
            ),
            "stable-code": (
                "<fim_prefix>P<fim_suffix>S<fim_middle>",
                """\
<file_sep>b.py
B
<file_sep>c.py
C
<file_sep>src/a.py
<fim_prefix>P<fim_suffix>S<fim_middle>\
""",
            ),
            "starcoder": (
                "<fim_prefix>P<fim_suffix>S<fim_middle>",
                """\
<file_sep>b.py
B
<file_sep>c.py
C
<file_sep>src/a.py
<fim_prefix>P<fim_suffix>S<fim_middle>\
""",
            ),
            "starcoder2": (
                "<fim_prefix>P<fim_suffix>S<fim_middle>",
                """\
<file_sep>b.py
B
<file_sep>c.py
C
<file_sep>src/a.py
<fim_prefix>P<fim_suffix>S<fim_middle>\
""",
            ),
        }
    )


def test_every_family_stops_at_its_own_tokens():
    assert {name: FAMILIES[name].stops for name in NAMES} == snapshot(
        {
            "codegeex4": (
                "<|user|>",
                "<|assistant|>",
                "<|endoftext|>",
                "<|code_prefix|>",
                "<|code_suffix|>",
                "<|code_middle|>",
            ),
            "codegemma": (
                "<|file_separator|>",
                "<end_of_turn>",
                "<eos>",
                "<|fim_prefix|>",
                "<|fim_suffix|>",
                "<|fim_middle|>",
            ),
            "codellama": ("<EOT>", "<PRE>", "<SUF>", "<MID>"),
            "codestral": (
                """\

+++++ \
""",
                "[PREFIX]",
                "[SUFFIX]",
            ),
            "deepseek": (
                "<｜end▁of▁sentence｜>",
                "<｜fim▁begin｜>",
                "<｜fim▁hole｜>",
                "<｜fim▁end｜>",
            ),
            "deepseek-coder": (
                "<｜end▁of▁sentence｜>",
                "<｜fim▁begin｜>",
                "<｜fim▁hole｜>",
                "<｜fim▁end｜>",
            ),
            "glm": (
                "<|endoftext|>",
                "<|user|>",
                "<|assistant|>",
                "<|code_prefix|>",
                "<|code_suffix|>",
                "<|code_middle|>",
            ),
            "granite": (
                "<|end_of_text|>",
                "<|fim_pad|>",
                "<|fim_prefix|>",
                "<|fim_suffix|>",
                "<|fim_middle|>",
            ),
            "granite3": (
                "<|end_of_text|>",
                "<fim_pad>",
                "<fim_prefix>",
                "<fim_suffix>",
                "<fim_middle>",
            ),
            "granite4": (
                "<|end_of_text|>",
                "<|fim_pad|>",
                "<|fim_prefix|>",
                "<|fim_suffix|>",
                "<|fim_middle|>",
            ),
            "mercury": (
                "<|endoftext|>",
                "<|file_sep|>",
                "<|fim_prefix|>",
                "<|fim_suffix|>",
                "<|fim_middle|>",
            ),
            "qwen": (
                "<|endoftext|>",
                "<|file_sep|>",
                "<|fim_pad|>",
                "<|repo_name|>",
                "<|im_end|>",
                "<|im_start|>",
                "<|fim_prefix|>",
                "<|fim_suffix|>",
                "<|fim_middle|>",
            ),
            "qwen-coder": (
                "<|endoftext|>",
                "<|file_sep|>",
                "<|fim_pad|>",
                "<|repo_name|>",
                "<|im_end|>",
                "<|im_start|>",
                "<|fim_prefix|>",
                "<|fim_suffix|>",
                "<|fim_middle|>",
            ),
            "seed-coder": (
                "<[end▁of▁sentence]>",
                "<[PAD▁TOKEN]>",
                "<[SEP▁TOKEN]>",
                "<[fim-prefix]>",
                "<[fim-suffix]>",
                "<[fim-middle]>",
            ),
            "seedcoder": (
                "<[end▁of▁sentence]>",
                "<[PAD▁TOKEN]>",
                "<[SEP▁TOKEN]>",
                "<[fim-prefix]>",
                "<[fim-suffix]>",
                "<[fim-middle]>",
            ),
            "stable-code": (
                "<|endoftext|>",
                "<file_sep>",
                "<fim_prefix>",
                "<fim_suffix>",
                "<fim_middle>",
            ),
            "starcoder": (
                "<|endoftext|>",
                "<file_sep>",
                "<fim_prefix>",
                "<fim_suffix>",
                "<fim_middle>",
            ),
            "starcoder2": (
                "<|endoftext|>",
                "<file_sep>",
                "<fim_prefix>",
                "<fim_suffix>",
                "<fim_middle>",
            ),
        }
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_first_four_stops_end_the_answer(name: str):
    """Suppliers take four stop strings; what follows them is cut by the filter."""
    family = FAMILIES[name]
    assert len(set(family.stops)) == len(family.stops)
    assert set(family.stops) - {"\n+++++ "} <= set(family.tokens)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_full_of_the_familys_tokens_adds_none(name: str):
    family = FAMILIES[name]
    poison = "".join(f"x{token}y" for token in family.tokens)
    plain = raw(family, "P", "S", path="p", language="l", snippets=OTHERS)
    hostile = raw(
        family,
        poison,
        poison,
        path=f"p{poison}",
        language=poison,
        snippets=[Snippet(f"b{poison}", poison), Snippet("c", poison)],
    )
    for token in family.tokens:
        assert hostile.count(token) == plain.count(token), token


PIECES = [
    "<|fim_prefix|>", "<|fim", "_middle|>", "<", "<|", "|>", "[PREFIX]", "[", "PREFIX]", "+++++ ",
    "\n", "+", " ", "<PRE>", "<fim_suffix>", "###PATH:", "#", "<[fim-middle]>", "\uff5c", "\u2581",
    "<\uff5cfim\u2581hole\uff5c>", "a",
]  # fmt: skip


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES)), st.lists(st.sampled_from(PIECES)))
def test_no_mixture_of_fragments_becomes_a_token(name: str, before: list[str], after: list[str]):
    family = FAMILIES[name]
    prefix, suffix = "".join(before), "".join(after)
    out = raw(family, prefix, suffix, path=PATH, snippets=[Snippet("b", prefix)])
    plain = raw(family, "P", "S", path=PATH, snippets=[Snippet("b", "B")])
    for token in family.tokens:
        assert out.count(token) == plain.count(token), token


def test_a_token_that_breaking_another_one_completes_is_broken_too():
    codestral = FAMILIES["codestral"]
    for pluses in range(5, 40):
        broken = codestral.neutralise("+" * pluses + " x")
        assert "+++++ " not in broken
        assert broken.replace(" ", "") == "+" * pluses + "x"


@pytest.mark.timeout(20)  # it took the square of the length
def test_a_page_of_plus_signs_takes_no_time():
    assert "+++++ " not in FAMILIES["codestral"].neutralise("+" * 200_000 + " x")
    assert FAMILIES["codestral"].neutralise("+" * 200_000) == "+" * 200_000


def test_ordinary_text_is_left_as_it_is():
    text = "if a < b and c > d: print('<br>')  # [x] |> <- \n+++ b/file\n"
    for family in FAMILIES.values():
        assert family.neutralise(text) == text
    assert neutralise_common(text) == text
    assert neutralise_common("no angle") == "no angle"
    assert neutralise_common("[PREFIX] <PRE>") == "[PREFIX] <PRE>"
    code = "Vec<[u8]> x <| y |> z <|> <||> </s> a<b|c> <html> f <|f x|> <[fim]>"
    assert neutralise_common(code) == code


def test_well_known_tokens_are_broken_where_the_family_is_not_known():
    assert neutralise_common("a<|endoftext|>b<|im_start|>") == "a< |endoftext|>b< |im_start|>"
    tags = "<|eot_id|> <|start_header_id|> <|im_sep|> <start_of_turn> <end_of_turn> <fim_pad>"
    deepseek = "<｜User｜> <｜end▁of▁sentence｜> <｜tool▁call▁begin｜>"
    for token in (*COMMON_STOPS, *tags.split(), *deepseek.split(), "<[fim-middle]>"):
        assert neutralise_common(token) == f"< {token[1:]}"


def test_paths_are_one_line():
    assert one_line("a\nb\x00\x1bc\u2028d") == "a b c d"
    assert one_line("a\udcffb").encode() == b"a b"
    assert raw(FAMILIES["qwen"], "P", "S", snippets=OTHERS).count("untitled") == 1


def test_a_family_without_a_form_for_files_leaves_them_out():
    bare = Family("bare", "{prefix}|{suffix}", (), ())
    assert raw(bare, "P", "S", snippets=OTHERS) == "P|S"
