"""Any JSON that an editor may read: nothing but our member is added, and it can be taken out."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot.setup.json_edit import JsonMember
from polypilot.setup.json_text import parse
from polypilot.setup.values import SetupError

KEYS = st.sampled_from(["a", "é", "servers", "poly", 'q"x', "//", "/* x"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.deferred(lambda: st.just(OLDER)),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
TRIVIA = st.sampled_from(
    ["", " ", "\n", "\n  ", "\t", " // , } {\n", "/* ], */", '\n// "servers"\n\t', "\r\n"]
)
PATHS = st.sampled_from([("poly",), ("servers", "poly"), ("servers", "a", "é")])
OURS: dict[str, object] = {"command": ["/opt/bin/polypilot", "--stdio"], "env": {}}
OLDER: dict[str, object] = {"command": "C:\\bin\\polypilot.exe", "more": [1, {"a": 2}]}


@st.composite
def texts(draw: Any, *, comments: bool) -> str:
    """A text of an object, with blanks, comments and commas as people leave them."""
    space = TRIVIA if comments else st.sampled_from(["", " ", "\n", "\n\t"])

    def shown(value: Any) -> str:
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value).items()
            rows = [f"{json.dumps(k)}{draw(space)}:{draw(space)}{shown(v)}" for k, v in members]
            return _listed("{", rows, "}")
        if isinstance(value, list):
            return _listed("[", [shown(each) for each in value], "]")  # pyright: ignore[reportUnknownVariableType] - drawn
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    def _listed(begin: str, rows: list[str], end: str) -> str:
        last = draw(st.sampled_from(["", ","])) if comments and rows else ""
        body = ",".join(f"{draw(space)}{row}{draw(space)}" for row in rows)
        return f"{begin}{body}{last}{draw(space)}{end}"

    whole = draw(st.dictionaries(KEYS, VALUES, max_size=4))
    return f"{draw(space)}{shown(whole)}{draw(space)}"


def with_ours(value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """What the file should mean; None where a name on the way is no object."""
    made = dict(value)
    if len(path) == 1:
        return {**made, path[0]: OURS}
    inner = made.get(path[0], {})
    if not isinstance(inner, dict):
        return None
    deeper = with_ours(inner, path[1:])  # pyright: ignore[reportUnknownArgumentType] - drawn
    return None if deeper is None else {**made, path[0]: deeper}


def is_kept(before: str, after: str) -> bool:
    rest = iter(after)
    return all(each in rest for each in before)


@settings(deadline=None)  # a noisy machine is no fault
@given(text=texts(comments=True), path=PATHS)
def test_with_comments(text: str, path: tuple[str, ...]) -> None:
    check(text, path, comments=True)


@settings(deadline=None)  # a noisy machine is no fault
@given(text=texts(comments=False), path=PATHS)
def test_without_comments(text: str, path: tuple[str, ...]) -> None:
    check(text, path, comments=False)
    json.loads(text)


def check(text: str, path: tuple[str, ...], *, comments: bool) -> None:
    before: Any = parse(text, comments=comments).value
    wanted = with_ours(before, path)
    if wanted is None:
        return
    edit = JsonMember(path, OURS, comments=comments)
    there = _at(before, path[:-1])
    if path[-1] in there and there[path[-1]] not in (OURS, OLDER):
        with pytest.raises(SetupError, match="not Polypilot's"):
            edit.put(text)
        assert edit.take(text) == text
        return
    after = edit.put(text)
    assert parse(after, comments=comments).value == wanted
    assert edit.put(after) == after
    if path[-1] in there:
        return  # an older one of ours was replaced
    assert is_kept(text, after)
    left: Any = parse(edit.take(after), comments=comments).value
    assert pruned(left, path) == pruned(before, path)


def _at(value: Any, path: tuple[str, ...]) -> dict[str, Any]:
    for name in path:
        value = value.get(name, {})
    return value


def pruned(value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Without objects on the way that are empty: those are taken out with us."""
    if len(path) == 1 or path[0] not in value:
        return value
    inner = pruned(value[path[0]], path[1:])
    rest = {name: each for name, each in value.items() if name != path[0]}
    return {**rest, path[0]: inner} if inner else rest
