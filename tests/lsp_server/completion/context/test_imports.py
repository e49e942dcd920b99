"""What is imported, where it is, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from polypilot.completion.imports import Import, candidates, imports_of, submodules
from polypilot.completion.outline import CHARS, defined, outline

PYTHON = """
from __future__ import annotations
import os, a.b.c as abc
from .near import (  # why
    one,  # first
    two as zwei,
)
from ..far import three; from x import *
from . import four
if TYPE_CHECKING:
    from lazy import \\
        five
from near.again import
text = "from nowhere import six"
"""

SCRIPT = """
import React from 'react'
import a, { b as c, type D } from "./x";
import * as ns from './y.js';
import type { T } from '../types'
import {
  one,
  two,
} from "./many";
export { q } from "../z"; export * from './all'
const { r, s: t } = require('./w')
const all = require("./v");
import './effects';
"""


def test_python_imports_are_found():
    assert imports_of(PYTHON, "python") == (
        Import("__future__", ("annotations",)),
        Import("os"),
        Import("a.b.c"),
        Import(".near", ("one", "two")),
        Import("..far", ("three",)),
        Import(".", ("four",)),
        Import("lazy", ("five",)),
    )


@pytest.mark.parametrize("language", ["javascript", "typescriptreact"])
def test_javascript_imports_are_found(language: str):
    assert imports_of(SCRIPT, language) == (
        Import("react", ("default",)),
        Import("./x", ("default", "b", "D")),
        Import("./y.js"),
        Import("../types", ("T",)),
        Import("./many", ("one", "two")),
        Import("../z", ("q",)),
        Import("./w", ("r", "s")),
        Import("./v"),
    )


def test_c_includes_are_found_and_other_languages_have_none():
    text = '#include <stdio.h>\n# include "x.h"\n#include "sub/y.hpp"\n'
    assert imports_of(text, "cpp") == (Import("x.h"), Import("sub/y.hpp"))
    assert imports_of("use std::fs;\n", "rust") == ()


def test_a_module_imported_twice_is_one_import():
    text = "from a import b\nfrom a import c\nimport d\nfrom d import e\n"
    assert imports_of(text, "python") == (Import("a", ("b", "c")), Import("d"))
    assert imports_of(text.replace("\n", "\r\n"), "python") == imports_of(text, "python")
    assert len(imports_of("".join(f"import m{n}\n" for n in range(99)), "python")) == 24


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("a.b", ["/w/p/q/a/b.py", "/w/p/q/a/b/__init__.py", "/w/p/a/b.py"]),
        (".x", ["/w/p/q/x.py", "/w/p/q/x/__init__.py"]),
        ("..x", ["/w/p/x.py", "/w/p/x/__init__.py"]),
        (".", ["/w/p/q/__init__.py"]),
        ("....x", []),
    ],
)
def test_python_modules_are_near_or_above(module: str, first: list[str]):
    found = candidates(Import(module), "python", "/w/p/q/here.py", "/w", ["lib"])
    assert found[: len(first)] == first
    assert first or not found
    assert ("/w/lib/a/b.py" in found) is (module == "a.b")
    assert all(place.startswith("/w/") for place in found)


def test_scripts_are_where_they_are_said_to_be_with_any_ending():
    found = candidates(Import("./x"), "typescript", "/w/src/here.ts", "/w")
    assert found[:2] == ["/w/src/x.ts", "/w/src/x.tsx"]
    assert "/w/src/x/index.js" in found
    found = candidates(Import("./x.js"), "typescript", "/w/src/here.ts", "/w")
    assert found[:3] == ["/w/src/x.ts", "/w/src/x.tsx", "/w/src/x.js"]
    assert candidates(Import("react"), "typescript", "/w/src/here.ts", "/w") == []
    assert candidates(Import("../../x"), "typescript", "/w/src/here.ts", "/w") == []
    assert candidates(Import("x"), "go", "/w/here.go", "/w") == []


def test_headers_are_near_or_in_include():
    found = candidates(Import("x.h"), "c", "/w/src/here.c", "/w", ["lib"])
    assert found[:2] == ["/w/src/x.h", "/w/src/include/x.h"]
    assert {"/w/include/x.h", "/w/lib/x.h"} < set(found)


def test_names_of_a_python_package_may_be_modules():
    assert submodules(Import("a", ("b",)), "python") == [Import("a.b")]
    assert submodules(Import(".", ("b",)), "python") == [Import(".b")]
    assert submodules(Import("a", ("b",)), "typescript") == []


# --- outlines

MODULE = '''
import os
LIMIT: int = 3
_private = 1
TABLE = {
    "a": 1,
}

def short(a: int) -> int:
    return a + 1

@decorated
async def long(
    a: int,
    b: str = ")",
) -> str:
    """Says a thing.

    And more.
    """
    one = 1
    two = 2
    three = 3
    return b * (one + two + three)

class Thing(Base):
    r"""A thing."""

    field: int
    other: str = "x"

    def __init__(self, a: int) -> None:
        self.a = a
        self._b = a

    def _hidden(self) -> None: ...

    def method(
        self, b: int
    ) -> None:
        """Does."""
        def inner(): ...
        x: int = b

def undocumented():
    a = 1
    b = 2
    c = 3
    d = 4
    e = 5
    f = 6
'''


def test_a_python_definition_is_told_by_what_one_needs_to_use_it():
    assert outline(MODULE, "python", ["long"]) == (
        '@decorated\nasync def long(\n    a: int,\n    b: str = ")",\n) -> str:\n'
        '    """Says a thing."""'
    )
    assert outline(MODULE, "python", ["short"]) == "def short(a: int) -> int:\n    return a + 1"
    assert outline(MODULE, "python", ["undocumented"]) == "def undocumented():"
    assert outline(MODULE, "python", ["LIMIT", "TABLE"]) == (
        'LIMIT: int = 3\nTABLE = {\n    "a": 1,\n}'
    )
    assert outline(MODULE, "python", ["Thing"]) == (
        'class Thing(Base):\n    r"""A thing."""\n    field: int\n    other: str = "x"\n'
        "    def __init__(self, a: int) -> None:\n"
        "    def method(\n        self, b: int\n    ) -> None:"
    )


def test_a_module_as_a_whole_tells_its_public_names():
    whole = outline(MODULE, "python")
    assert "class Thing" in whole
    assert "_private" not in whole
    assert outline(MODULE, "python", ["nothing"]) == ""
    assert outline(MODULE, "rust") == ""
    assert len(outline("def f(a): ...\n" * 1000, "python")) <= CHARS


def test_which_names_a_file_defines():
    assert defined(MODULE, "python", ["Thing", "LIMIT", "os", "elsewhere"]) == {"Thing", "LIMIT"}
    script = "export default class X {}\nexport const y = 1\n"
    assert defined(script, "typescript", ["default", "y", "z"]) == {"default", "y"}
    assert defined("", "c", ["x"]) == {"x"}


@pytest.mark.parametrize("text", ["def f(\n" * 40, 'class A:\n    """never closed', "def f():", ""])
def test_broken_files_do_no_harm(text: str):
    for language in ("python", "typescript", "c"):
        assert len(outline(text, language)) <= CHARS


TYPESCRIPT = """
/**
 * Adds things.
 * @param a x
 */
export function add(a: number,
  b: number): number {
  const x = 1;
  const y = 2;
  const z = 2;
  const w = 2;
  const v = 2;
  return a + b;
}
/* Has a size. */
export interface Shape { area(): number }
export type Kind =
  | "a"
  | "b";
// A class.
export abstract class Foo extends Bar {
  private x = 1;
  y: string;
  constructor(private z: number) {
    super();
  }
  /** doc */
  method(a: string): void {
    if (a) { return; }
  }
  _hidden() { }
}
export const arrow = (a: number) => {
  return a;
};
export default function main() {
  return 1;
}
const local = 3;
function never(
"""


def test_a_script_tells_what_it_exports():
    told = outline(TYPESCRIPT, "typescript")
    assert "/** Adds things. */\nexport function add(a: number,\n  b: number): number {" in told
    assert "/* Has a size. */\nexport interface Shape { area(): number }" in told
    assert 'export type Kind =\n  | "a"\n  | "b";' in told
    assert (
        "// A class.\nexport abstract class Foo extends Bar {\n  y: string;\n"
        "  constructor(private z: number) {\n  method(a: string): void {\n}" in told
    )
    assert "local" not in told
    assert outline(TYPESCRIPT, "typescript", ["default"]) == (
        "export default function main() {\n  return 1;\n}"
    )
    assert outline(TYPESCRIPT, "typescript", ["local", "never"]) == (
        "const local = 3;\nfunction never(\n"
    )


HEADER = """
#ifndef X
#define X
#define MAX(a, b) \\
    ((a) > (b) ? (a) : (b))
/* The point. */
typedef struct point {
    int x;
    int y;
} point_t;
extern "C" {
// Moves.
int move(point_t *p, int dx,
         int dy);
}
static inline int id(int a) { return a; }
namespace deep {
class Box {
  int a;
public:
  Box(int a);
  int b();
  int c();
  int d();
  int e();
  int f();
};
}
#endif
"""


def test_a_header_tells_its_declarations():
    told = outline(HEADER, "cpp")
    assert "#define MAX(a, b) \\\n    ((a) > (b) ? (a) : (b))" in told
    assert "/* The point. */\ntypedef struct point {\n    int x;\n    int y;\n} point_t;" in told
    assert "// Moves.\nint move(point_t *p, int dx,\n         int dy);" in told
    assert "static inline int id(int a) { return a; }" in told
    assert "class Box {\n  int a;\n  Box(int a);\n  int b();" in told


# --- through the workspace


async def paths(room: Any, uri: str) -> list[str]:
    found = await room.gather(uri, kinds=["imports"])
    return [piece.path for piece in found]


async def test_imports_lead_to_files_of_the_workspace(room: Any):
    room.write("pkg/__init__.py", "from .impl import passed_on\nfrom os import path\n")
    room.write("pkg/impl.py", "def passed_on(a): ...\n")
    room.write("pkg/mod.py", "def in_module(): ...\n")
    room.write("lib/deep/tool.py", "def tool(): ...\n")
    room.write("here/near.py", "def near(): ...\n")
    text = (
        "import os\nfrom pkg import passed_on, mod, path\nfrom deep.tool import tool\n"
        "from .near import near\nfrom .missing import x\nfrom here.main import me\n"
    )
    uri = room.open("here/main.py", text)
    assert await paths(room, uri) == [
        "pkg/impl.py",
        "pkg/mod.py",
        "lib/deep/tool.py",
        "here/near.py",
    ]


async def test_what_is_used_near_the_cursor_comes_first_and_stays_first(room: Any):
    for name in ("one", "two", "three"):
        room.write(f"{name}.py", f"def {name}_x(): ...\n")
    text = "from one import one_x\nfrom two import two_x\nimport three\n" + "y = 1\n" * 99
    uri = room.open("here.py", text + "three.three_x()\n")
    assert await paths(room, uri) == ["three.py", "one.py", "two.py"]
    room.type(uri, 50, "two_x()\n")
    found = await room.gather(uri, 52, kinds=["imports"])
    assert [piece.path for piece in found] == ["two.py", "three.py", "one.py"]
    found = await room.gather(uri, 100, kinds=["imports"])
    assert [piece.path for piece in found] == ["two.py", "three.py", "one.py"]


async def test_scripts_and_headers_are_followed_too(room: Any):
    room.write("src/index.ts", "export { made } from './made'\nexport const own = 1\n")
    room.write("src/made.tsx", "export function made() {}\n")
    uri = room.open("src/app/a.ts", "import { made, own } from '..'\n", "typescript")
    assert await paths(room, uri) == ["src/index.ts", "src/made.tsx"]
    room.write("include/x.h", "int x(void);\n")
    uri = room.open("c/a.c", '#include "x.h"\n#include "none.h"\n', "c")
    assert await paths(room, uri) == ["include/x.h"]


async def test_an_open_document_counts_as_the_editor_has_it(room: Any):
    tools = room.open("tools.py", "def old(): ...\n")
    uri = room.open("here.py", "import tools\n")
    assert (await room.gather(uri, kinds=["imports"]))[0].text == "def old(): ..."
    room.type(tools, 0, "def new(): ...\n", until=1)
    assert (await room.gather(uri, kinds=["imports"]))[0].text == "def new(): ..."


async def test_a_changed_file_counts_after_a_while(room: Any):
    room.write("tools.py", "def old(): ...\n")
    uri = room.open("here.py", "import tools\n")
    await room.gather(uri)
    room.write("tools.py", "def changed(): ...\n")
    room.now += 31
    assert (await room.gather(uri, kinds=["imports"]))[0].text == "def changed(): ..."


async def test_many_big_files_are_told_of_in_little_text(room: Any):
    for n in range(30):
        room.write(f"m{n}.py", "".join(f"def f{n}_{m}(): ...\n" for m in range(3000)))
    uri = room.open("here.py", "".join(f"import m{n}\n" for n in range(30)))
    found = await room.gather(uri, kinds=["imports"])
    assert 1 < len(found) < 4
    assert sum(len(piece.text) for piece in found) <= 2400


async def test_a_document_without_a_place_has_no_imports(room: Any):
    room.documents.open("untitled:1", "python", 1, "import tools\n")
    room.sources.visited("untitled:1")
    room.write("tools.py", "def x(): ...\n")
    assert await room.gather("untitled:1") == ()
    assert room.sources.work.located == 0
