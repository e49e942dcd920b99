"""Fill-in-the-middle templates: each model family's own tokens, as data.

Sources of the tokens: each family's model card, tokenizer file or paper, and the templates of
continue (``core/autocomplete/templating/AutocompleteTemplate.ts``, Apache-2.0) and Zed
(``fim.rs``). Seed-Coder's order follows its paper (suffix first). CodeLlama's blanks matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING

from polypilot_prompts.breaking import neutralise, one_line
from polypilot_prompts.prompt_values import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot_prompts.context import Snippet
    from polypilot_prompts.prompt_values import PromptPart

MARKUP = "template"
"""Name of the parts of a prompt that are the template's own."""

_BAR = "\uff5c"  # DeepSeek's full-width bar
_GAP = "\u2581"  # and its word-gap mark, used by Seed-Coder too


@dataclass(frozen=True, slots=True)
class Family:
    """How one family of models takes prefix and suffix.

    ``template``, ``file`` and ``here`` are format strings over ``prefix``, ``suffix``,
    ``path``, ``language``, ``text`` and ``files`` (the other files, where they do not simply
    go first).
    """

    name: str
    template: str
    stops: tuple[str, ...]
    """Where the answer ends; the most likely first, for suppliers that take only a few."""
    tokens: tuple[str, ...]
    """What may not stand in the user's own text."""
    file: str = ""
    """One other file; empty: the family has no form for it."""
    here: str = ""
    """What stands behind the other files, if there are any."""
    opening: str = ""
    """What stands before the other files, if there are any."""

    def pieces(
        self,
        prefix: str,
        suffix: str,
        *,
        path: str = "",
        language: str = "",
        snippets: Sequence[Snippet] = (),
    ) -> tuple[PromptPart, ...]:
        """The raw prompt in its parts, the family's tokens in the user's text neutralised."""
        clean = self.neutralise
        own = {"path": clean(one_line(path)) or "untitled", "language": clean(one_line(language))}
        files = self.beneath(path, snippets)
        named = [] if "{files}" in self.template else list(files)
        for literal, field, _, _ in Formatter().parse(self.template):
            named.append((MARKUP, literal))
            match field:
                case "prefix":
                    named.append((field, clean(prefix)))
                case "suffix":
                    named.append((field, clean(suffix)))
                case "files":
                    named += files
                case _:
                    named.append((MARKUP, own.get(field or "", "")))
        return parts(*_joined(named))

    def beneath(self, path: str, snippets: Sequence[Snippet]) -> tuple[tuple[str, str], ...]:
        """The other files, and what says that the one at ``path`` follows; named pieces."""
        if not self.file or not snippets:
            return ()
        clean = self.neutralise
        files = (
            (
                f"file {one_line(s.path)}",
                self.file.format(path=clean(one_line(s.path)), text=clean(s.text)),
            )
            for s in snippets
        )
        here = self.here.format(path=clean(one_line(path)) or "untitled")
        return ((MARKUP, self.opening), *files, (MARKUP, here))

    def neutralise(self, text: str) -> str:
        """The text with a blank inside each occurrence of one of the family's tokens."""
        return neutralise(text, self.tokens)


def _joined(named: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Markup that follows markup is one piece."""
    joined: list[tuple[str, str]] = []
    for name, text in named:
        if joined and name == MARKUP == joined[-1][0]:
            joined[-1] = (MARKUP, joined[-1][1] + text)
        else:
            joined.append((name, text))
    return joined


_BARRED = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_PLAIN = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
_BARRED_TEMPLATE = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
_PLAIN_TEMPLATE = "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"
_DEEPSEEK = tuple(f"<{_BAR}fim{_GAP}{word}{_BAR}>" for word in ("begin", "hole", "end"))
_SEED = ("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>")
_CODE = ("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>")


def _family(
    name: str,
    template: str,
    tokens: tuple[str, ...],
    ends: tuple[str, ...],
    *,
    more: tuple[str, ...] = (),
    file: str = "",
    here: str = "",
    opening: str = "",
) -> Family:
    """A family whose answer ends at ``ends`` and at its own tokens."""
    everything = tuple(dict.fromkeys((*ends, *tokens)))
    return Family(name, template, everything, (*everything, *more), file, here, opening)


_ALL = (
    _family(
        "qwen",
        _BARRED_TEMPLATE,
        _BARRED,
        (
            "<|endoftext|>",
            "<|file_sep|>",
            "<|fim_pad|>",
            "<|repo_name|>",
            "<|im_end|>",
            "<|im_start|>",
        ),
        file="<|file_sep|>{path}\n{text}\n",
        here="<|file_sep|>{path}\n",
        opening="<|repo_name|>project\n",
    ),
    _family(
        "deepseek",
        f"{_DEEPSEEK[0]}{{prefix}}{_DEEPSEEK[1]}{{suffix}}{_DEEPSEEK[2]}",
        _DEEPSEEK,
        (f"<{_BAR}end{_GAP}of{_GAP}sentence{_BAR}>",),
        more=(f"<{_BAR}begin{_GAP}of{_GAP}sentence{_BAR}>",),
    ),
    _family(
        "starcoder",
        _PLAIN_TEMPLATE,
        _PLAIN,
        ("<|endoftext|>", "<file_sep>"),
        more=("<fim_pad>", "<repo_name>"),
        file="<file_sep>{path}\n{text}\n",
        here="<file_sep>{path}\n",
    ),
    _family(
        "codellama", "<PRE> {prefix} <SUF>{suffix} <MID>", ("<PRE>", "<SUF>", "<MID>"), ("<EOT>",)
    ),
    _family(
        "codegemma",
        _BARRED_TEMPLATE,
        _BARRED,
        ("<|file_separator|>", "<end_of_turn>", "<eos>"),
        more=("<start_of_turn>", "<bos>"),
        file="{path}\n{text}<|file_separator|>",
        here="{path}\n",
    ),
    _family("granite", _BARRED_TEMPLATE, _BARRED, ("<|end_of_text|>", "<|fim_pad|>")),
    _family("granite3", _PLAIN_TEMPLATE, _PLAIN, ("<|end_of_text|>", "<fim_pad>")),
    _family(
        "codestral",
        "[SUFFIX]{suffix}[PREFIX]{files}{prefix}",
        ("[PREFIX]", "[SUFFIX]"),
        ("\n+++++ ",),
        more=("[MIDDLE]", "+++++ "),
        file="+++++ {path}\n{text}\n\n",
        here="+++++ {path}\n",
    ),
    _family(
        "seed-coder",
        f"{_SEED[1]}{{suffix}}{_SEED[0]}{{prefix}}{_SEED[2]}",
        _SEED,
        (f"<[end{_GAP}of{_GAP}sentence]>", f"<[PAD{_GAP}TOKEN]>", f"<[SEP{_GAP}TOKEN]>"),
        more=(f"<[begin{_GAP}of{_GAP}sentence]>",),
    ),
    _family(
        "codegeex4",
        "<|user|>\n{files}###PATH:{path}\n###LANGUAGE:{language}\n###MODE:BLOCK\n"
        "<|code_suffix|>{suffix}<|code_prefix|>{prefix}<|code_middle|><|assistant|>\n",
        _CODE,
        ("<|user|>", "<|assistant|>", "<|endoftext|>"),
        more=(
            "<|system|>",
            "<|observation|>",
            "###REFERENCE:",
            "###PATH:",
            "###LANGUAGE:",
            "###MODE:",
        ),
        file="###REFERENCE:\n###PATH:{path}\n{text}\n",
        here="\n",
    ),
    _family(
        "mercury",
        "<|file_sep|>{path}\n" + _BARRED_TEMPLATE,
        _BARRED,
        ("<|endoftext|>", "<|file_sep|>"),
        file="<|file_sep|>{path}\n{text}\n",
    ),
    _family(
        "glm",
        "<|code_prefix|>{prefix}<|code_suffix|>{suffix}<|code_middle|>",
        _CODE,
        ("<|endoftext|>", "<|user|>", "<|assistant|>"),
        more=("<|system|>", "<|observation|>"),
    ),
)

_ALIASES = {
    "qwen-coder": "qwen",
    "deepseek-coder": "deepseek",
    "starcoder2": "starcoder",
    "stable-code": "starcoder",
    "granite4": "granite",
    "seedcoder": "seed-coder",
}

_BY_NAME = {family.name: family for family in _ALL}
FAMILIES: Mapping[str, Family] = _BY_NAME | {
    alias: _BY_NAME[name] for alias, name in _ALIASES.items()
}
"""Every family by its name and by the other names it goes by, as in ``template:NAME``."""

_PLAIN_COMMON = tuple(
    dict.fromkeys(
        token
        for family in _ALL
        for token in family.tokens
        if token.startswith(("<[", "<fim_", "<file_sep"))
    )
)
_COMMON = re.compile(
    # <|...|> of whatever family, with DeepSeek's bars too, and the turns of Gemma.
    rf"<(?=[|{_BAR}][\w{_GAP}/-]{{1,40}}[|{_BAR}]>|(?:start|end)_of_turn>"
    rf"|{'|'.join(re.escape(token[1:]) for token in _PLAIN_COMMON)})"
)
"""Control tokens that hardly ever are a user's own text, whatever the family."""

COMMON_STOPS = ("<|endoftext|>", "<|im_end|>", "<|fim_middle|>", "<|file_sep|>", "<|end_of_text|>")
"""End-of-answer tokens that runtimes let through as text."""


def neutralise_common(text: str) -> str:
    """Break the well-known control tokens in text for a model whose family is not known.

    Runtimes parse such tokens in a plain prompt, so a file could otherwise end it or start a
    new one.
    """
    return _COMMON.sub("< ", text) if "<" in text else text
