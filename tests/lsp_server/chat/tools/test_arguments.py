"""What tools say of themselves, and of arguments that do not fit."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polypilot.chat.tools.arguments import Argument, ToolError, checked, schema_of
from polypilot.chat.tools.registry import NAME
from polypilot.errors import UserError, printable

if TYPE_CHECKING:
    from tools_support import Shop

PLAIN = {"type", "description", "enum", "items", "properties", "required", "additionalProperties"}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["a.py", "../x", "/etc/passwd", "file:///a", "(", "[", "**", "\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def _keywords(schema: dict[str, Any]) -> set[str]:
    found = set(schema)
    for inner in schema.get("properties", {}).values():
        found |= _keywords(inner)
    return found | (_keywords(schema["items"]) if "items" in schema else set[str]())


async def test_schemas_are_plain_objects_that_every_supplier_takes(shop: Shop):
    tools = await shop.box.offered("edit")
    assert len(tools) >= 8
    for tool in tools:
        schema = tool.spec.parameters
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert _keywords(schema) <= PLAIN
        assert NAME.fullmatch(tool.spec.name)
        assert 30 < len(tool.spec.description) < 500
        for described in cast("dict[str, dict[str, str]]", schema["properties"]).values():
            assert described["description"]


async def test_names_are_unique_and_in_the_same_order_each_time(shop: Shop):
    names = [tool.spec.name for tool in await shop.box.offered("ask")]
    assert len(set(names)) == len(names)
    assert names == [tool.spec.name for tool in await shop.toolbox().offered("ask")]
    edit = [tool.spec.name for tool in await shop.box.offered("edit")]
    assert edit[: len(names)] == names, "the mode must not disturb the head of a prompt"


async def test_plain_conversations_have_no_tools(shop: Shop):
    assert await shop.box.offered("plain") == ()


async def test_a_user_may_switch_tools_off(shop: Shop):
    shop.disabled += ["grep", "find_*"]
    names = {tool.spec.name for tool in await shop.box.offered("edit")}
    assert "read_file" in names
    assert not names & {"grep", "find_files"}


async def test_tools_that_read_never_ask(shop: Shop):
    for tool in await shop.box.offered("ask"):
        assert tool.asks is False
        assert tool.kind in {"read", "search", "think"}
        assert await tool.preview({}, shop.context()) == ()


CASES: list[tuple[str, dict[str, object], str]] = [
    ("read_file", {}, "path is missing"),
    ("read_file", {"path": 3}, "path must be a string, not 3"),
    ("read_file", {"path": None}, "path is missing"),
    ("read_file", {"path": " "}, "path must not be empty"),
    ("read_file", {"path": "a.py", "first_line": "2"}, "first_line must be a whole number"),
    ("read_file", {"path": "a.py", "first_line": True}, "first_line must be a whole number"),
    ("read_file", {"path": "a.py", "first_line": 0}, "first_line must be at least 1"),
    ("read_file", {"path": "a.py", "lines": 3}, "there is no argument 'lines'"),
    ("grep", {"pattern": "("}, "can't be used"),
    ("grep", {"pattern": "(?=a)"}, "can't be used"),
    ("grep", {"pattern": "x" * 1001}, "more than 1,000 characters"),
    ("grep", {"pattern": "a", "ignore_case": "yes"}, "ignore_case must be true or false"),
    ("find_files", {"pattern": ["*"]}, "pattern must be a string, not a list"),
    ("find_files", {"pattern": "{a,b}" * 10}, "alternatives"),
    ("find_files", {"pattern": "src/"}, r"FOLDER/\*\*"),
    ("symbols", {}, "either path or name"),
    ("update_plan", {"steps": "a"}, "steps must be a list"),
    ("update_plan", {"steps": ["a"]}, r"steps\[0\] must be an object"),
    ("update_plan", {"steps": [{}]}, "content in .*missing"),
    ("update_plan", {"steps": [{"content": "a", "status": "done"}]}, "one of pending"),
    ("update_plan", {"steps": [{"content": "a"}] * 51}, "more than 50"),
]


@pytest.mark.parametrize(("name", "arguments", "said"), CASES)
async def test_what_does_not_fit_is_refused_in_words(
    shop: Shop, name: str, arguments: dict[str, object], said: str
):
    shop.write("a.py")
    with pytest.raises(UserError, match=said):
        await shop.call(name, **arguments)


def test_a_number_may_come_as_a_float():
    wanted = (Argument("n", "integer", "A number.", least=1),)
    assert checked(wanted, {"n": 3.0}) == {"n": 3}
    with pytest.raises(ToolError, match="whole number"):
        checked(wanted, {"n": 3.5})


def test_a_list_of_strings():
    wanted = (Argument("names", "array", "Names."),)
    assert schema_of(wanted)["properties"] == {
        "names": {"type": "array", "description": "Names.", "items": {"type": "string"}}
    }
    assert checked(wanted, {"names": ["a"]}) == {"names": ["a"]}
    with pytest.raises(ToolError, match=r"names\[1\] must be a string"):
        checked(wanted, {"names": ["a", 1]})
    with pytest.raises(ToolError, match="the arguments must be an object"):
        checked(wanted, [])


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    given_arguments=st.dictionaries(
        st.sampled_from(["path", "pattern", "words", "name", "steps", "first_line", "staged", "x"]),
        JSON,
    )
)
async def test_no_arguments_make_a_tool_fail_otherwise_than_in_words(
    shop: Shop, given_arguments: dict[str, object]
):
    shop.write("a.py")
    for tool in await shop.box.offered("ask"):
        title, _places = tool.describe(given_arguments)
        assert title
        assert title == printable(title)
        assert len(title) <= 120
        with contextlib.suppress(UserError):
            result = await tool.run(given_arguments, shop.context())
            assert result.text.text
