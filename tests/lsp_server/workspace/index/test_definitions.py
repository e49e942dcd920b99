from __future__ import annotations

import re
import time

import pytest

from polypilot.workspace.index.chunks import cut
from polypilot.workspace.index.definition_patterns import PATTERNS, family
from polypilot.workspace.index.definitions import MOST, definitions
from polypilot.workspace.index.values import KINDS

_TEXTS: dict[str, tuple[str, list[tuple[str, str, int, int]]]] = {
    ".py": (
        ("LIMIT = 3\n\nclass Gate(Base):\n    def read(\n        self,\n    ) -> None:\n"
        "        pass\n\n    async def look(self):\n        x = 1\n\n\ndef main():\n    run()\n"),
        [("LIMIT", "variable", 0, 1), ("Gate", "class", 2, 10), ("read", "method", 3, 7),
         ("look", "method", 8, 10), ("main", "function", 12, 14)],
    ),
    ".ts": (
        ("export interface Shape {\n  area(): number;\n}\nexport class Box<T> extends Base {\n"
        "  private async open(path: string): Promise<void> {\n    if (x) {\n    }\n  }\n}\n"
        "export const make = async (a: number) => {\n  return a;\n};\ntype Id = string;\n"
        "function* walk() {\n}\nenum Color { Red }\n"),
        [("Shape", "interface", 0, 3), ("Box", "class", 3, 9), ("open", "method", 4, 8),
         ("make", "function", 9, 12), ("Id", "type", 12, 13), ("walk", "function", 13, 15),
         ("Color", "enum", 15, 16)],
    ),
    ".go": (
        ("type Server struct {\n\tport int\n}\n\nfunc (s *Server) Run(ctx Context) error {\n"
        "\treturn nil\n}\n\nfunc New() *Server { return nil }\nconst Max = 3\n"),
        [("Server", "struct", 0, 3), ("Run", "method", 4, 7), ("New", "function", 8, 9),
         ("Max", "constant", 9, 10)],
    ),
    ".rs": (
        ("pub struct Point {\n    x: i32,\n}\nimpl Point {\n"
        "    pub async fn new(x: i32) -> Self {\n        Point { x }\n    }\n}\n"
        "pub(crate) trait Draw {\n}\nmacro_rules! say {\n}\n"),
        [("Point", "struct", 0, 3), ("new", "function", 4, 7), ("Draw", "trait", 8, 10),
         ("say", "macro", 10, 12)],
    ),
    ".c": (
        ("#define MAX 3\nstruct node {\n\tint x;\n};\nstatic int\nadd(int a)\n{\n\treturn a;\n}\n"
        "int sub(struct node *n, int b)\n{\n\tif (b)\n\t\treturn add(b);\n\treturn 0;\n}\n"),
        [("MAX", "macro", 0, 1), ("node", "struct", 1, 4), ("sub", "function", 9, 15)],
    ),
    ".cpp": (
        ("namespace app {\nclass Window final : public Base {\n public:\n  void show();\n};\n"
        "std::vector<int> Window::items(int n) {\n  return {};\n}\n}\n"),
        [("app", "module", 0, 1), ("Window", "class", 1, 5), ("items", "function", 5, 8)],
    ),
    ".java": (
        ("public final class Cache<K> {\n    @Override\n    public K get(String name) {\n"
        "        return load(name);\n    }\n    interface Loader {\n    }\n}\n"),
        [("Cache", "class", 0, 8), ("get", "method", 2, 5), ("Loader", "interface", 5, 7)],
    ),
    ".kt": (
        "data class User(val name: String)\nsuspend fun <T> load(id: T): User {\n    return x\n}\n",
        [("User", "class", 0, 1), ("load", "function", 1, 4)],
    ),
    ".cs": (
        ("namespace App.Core\n{\n    public record Item(string Name);\n    class Store\n    {\n"
        "        public async Task<int> Save(Item item)\n        {\n        }\n    }\n}\n"),
        [("App.Core", "module", 0, 10), ("Item", "class", 2, 3), ("Store", "class", 3, 9),
         ("Save", "method", 5, 8)],
    ),
    ".rb": (
        "module App\n  class User\n    def self.find!(id)\n      id\n    end\n  end\nend\n",
        [("App", "module", 0, 7), ("User", "class", 1, 6), ("find!", "method", 2, 5)],
    ),
    ".php": (
        "<?php\nfinal class Mailer {\n  public function send($x) {\n  }\n}\n",
        [("Mailer", "class", 1, 5), ("send", "method", 2, 4)],
    ),
    ".lua": (
        "local M = {}\nfunction M.setup(x)\n  return x\nend\n",
        [("M", "variable", 0, 1), ("setup", "function", 1, 4)],
    ),
    ".sh": ("build() {\n  make\n}\nfunction run {\n  x\n}\n",
            [("build", "function", 0, 3), ("run", "function", 3, 6)]),
    ".sql": ("CREATE TABLE IF NOT EXISTS users (\n  id INT\n);\ncreate or replace function f()\n",
             [("users", "table", 0, 3), ("f", "function", 3, 4)]),
    ".md": ("# Top\ntext\n## Inner\nmore\n# Next\n",
            [("Top", "heading", 0, 4), ("Inner", "heading", 2, 4), ("Next", "heading", 4, 6)]),
    ".ex": ("defmodule App.Web do\n  def call(x) do\n  end\nend\n",
            [("App.Web", "module", 0, 4), ("call", "function", 1, 3)]),
    ".el": ("(defun my-go (x)\n  x)\n", [("my-go", "function", 0, 2)]),
    ".hs": ("data Tree = Leaf\nsize :: Tree -> Int\n",
            [("Tree", "type", 0, 1), ("size", "function", 1, 2)]),
    ".ml": ("let rec fold x =\n  x\n", [("fold", "function", 0, 2)]),
    ".pl": ("package My::Mod;\nsub run {\n}\n",
            [("My::Mod", "module", 0, 1), ("run", "function", 1, 3)]),
    ".r": ("area <- function(x) {\n  x\n}\n", [("area", "function", 0, 3)]),
    ".zig": ("pub fn main() void {\n}\n", [("main", "function", 0, 2)]),
    ".tf": ('resource "aws_vpc" "main" {\n}\n', [("main", "variable", 0, 2)]),
    ".css": (".button:hover {\n  color: red;\n}\n", [(".button", "type", 0, 3)]),
    ".mk": ("all: a b\n\tcc\n", [("all", "function", 0, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("suffix", list(_TEXTS))
def test_what_a_language_defines_is_found(suffix: str):
    text, expected = _TEXTS[suffix]
    found = definitions(text.split("\n"), suffix)
    assert [(each.name, each.kind, each.line, each.end) for each in found] == expected


def test_names_are_whole_in_any_script():
    found = definitions(["def größe(x):", "class Éclair:", "価格 = 3"], ".py")
    assert [each.name for each in found] == ["größe", "Éclair", "価格"]
    assert definitions(["function $übung() {", "}"], ".js")[0].name == "$übung"


def test_every_family_of_languages_has_a_text_here():
    assert {family(suffix) for suffix in _TEXTS} == set(PATTERNS)


def test_kinds_are_those_that_a_symbol_may_have():
    groups = {name.split("_")[0] for pattern in PATTERNS.values() for name in pattern.groupindex}
    assert groups <= set(KINDS)


@pytest.mark.parametrize("name", list(PATTERNS))
def test_a_hostile_line_takes_no_long_time(name: str):
    """Each of these would take minutes where a pattern can be matched in many ways."""
    suffix = next(each for each in _TEXTS if family(each) == name)
    lines = [
        unit * 200_000
        for unit in ("a ", "public ", "\t", "a::", "(", "<", "a.", "@a ", "*&", "x(", "# ", '"')
    ]
    begun = time.process_time()
    definitions(lines * 20, suffix)
    assert time.process_time() - begun < 30


def test_the_list_of_definitions_of_one_file_has_an_end():
    assert len(definitions(["def f(): pass"] * (MOST + 5), ".py")) == MOST


def test_a_file_without_patterns_defines_nothing():
    assert definitions(["class A:"], ".txt") == []


# -- pieces --------------------------------------------------------------------------------


def test_pieces_cover_every_line_once():
    text = "".join(f"def f{n}():\n    a{n} = {n}\n\n\n" for n in range(200))
    pieces = cut(text, ".py").pieces
    numbers = [line for piece in pieces for line in range(piece.first, piece.end)]
    assert numbers == list(range(numbers[-1] + 1))
    assert "\n".join(piece.text for piece in pieces).rstrip() == text.rstrip()


def test_a_definition_begins_a_piece_with_what_stands_above_it():
    body = "".join(f"    line{n} = {n}\n" for n in range(25))
    text = f"def first():\n{body}\n# About it.\n@decorated\ndef second():\n{body}"
    first, second = cut(text, ".py").pieces
    assert first.names == "first"
    assert second.text.startswith("# About it.\n@decorated\ndef second")
    assert second.names == "second"


def test_lines_are_counted_as_the_gate_counts_them():
    pieces = cut("one\r\ntwo\rthree\n\x0c\u2028four\n", ".txt").pieces
    assert pieces[0].text == "one\ntwo\nthree\n\x0c\u2028four\n"
    assert (pieces[0].first, pieces[0].end) == (0, 5)


def test_no_piece_is_long():
    pieces = cut("\n".join("word" * 40 for _ in range(3_000)), ".txt").pieces
    assert max(piece.end - piece.first for piece in pieces) <= 60
    assert max(len(piece.text) for piece in pieces) <= 6_300


def test_of_a_packed_file_only_the_beginning_is_kept():
    packed = "var a=1;" * 100_000
    assert sum(len(piece.text) for piece in cut(packed, ".js").pieces) <= 20_000
    data = "\n".join(f'{{"k{n}": {n}}}' for n in range(50_000))
    assert sum(len(piece.text) for piece in cut(data, ".json").pieces) <= 20_000
    assert sum(len(piece.text) for piece in cut(data, ".txt").pieces) > 20_000


def test_an_empty_file_has_no_pieces():
    assert cut("", ".py").pieces == cut("\n \n\t\n", ".py").pieces == ()


def test_patterns_have_no_two_groups_of_one_name():
    for pattern in PATTERNS.values():
        assert isinstance(pattern, re.Pattern)
        assert pattern.groups == len(pattern.groupindex)
