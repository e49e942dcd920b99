"""One converter between JSON's values and typed messages, made once per process."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import attrs
from cattrs import transform_error
from cattrs.errors import BaseValidationError
from lsprotocol import types
from pygls.protocol import default_converter

from polypilot.lsp import chat_names, copilot_names, methods, wire_form
from polypilot.lsp.jsontext import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cattrs import Converter

_LONGEST_MESSAGE = 200
_LATER = chat_names.PARAMS | copilot_names.PARAMS
"""Params whose classes are made when they are needed."""


class InvalidParamsError(Exception):
    """A message's params do not have the type that its method asks for.

    The text names the fields, never their values.
    """


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    def check(value: object, _: object) -> object:
        if type(value) is not kind:
            raise TypeError(f"not a {kind.__name__}")
        return value

    return check


def _integer(value: object, _: object) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():  # some JSON writers know only floats
        return int(value)
    raise TypeError("not an integer")


def _number(value: object, _: object) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    raise TypeError("not a number")


def _token(value: object, _: object) -> object:
    if type(value) is str or type(value) is int:
        return value
    raise TypeError("neither a string nor an integer")


def _optional_token(value: object, kind: object) -> object:
    return None if value is None else _token(value, kind)


@cache
def shared_converter() -> Converter:
    """The converter. It refuses what cattrs would convert: null is no string, 5 neither."""
    converter = default_converter()
    converter.register_structure_hook(str, _exactly(str))
    converter.register_structure_hook(bool, _exactly(bool))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(types.ProgressToken, _token)
    converter.register_structure_hook(types.ProgressToken | None, _optional_token)
    wire_form.register(converter)
    return converter


def params_type(method: str) -> type | None:
    """The type of a method's params; None if it has none or is not known."""
    if method in methods.PARAMS:
        return methods.PARAMS[method]
    if method in _LATER:
        module, _, name = _LATER[method].partition(".")
        return cast("type", getattr(import_module(f"polypilot.lsp.{module}"), name))
    kind = _types_of(method)[2]
    return kind if isinstance(kind, type) else None


def is_notification(method: str) -> bool:
    """Whether a method is a notification from the client."""
    if method in methods.NOTIFICATIONS or method in copilot_names.NOTIFICATIONS:
        return True
    message, result = _types_of(method)[:2]
    return message is not None and result is None


def message_type(method: str) -> Any:
    """The type of a standard method's whole message; None for others."""
    return _types_of(method)[0]


def result_type(method: str) -> Any:
    """The type of the whole response to a standard request; None for others."""
    return _types_of(method)[1]


def _types_of(method: str) -> tuple[Any, ...]:
    """Message, result, params and options of a standard method; its published type is wrong."""
    table = cast("dict[str, tuple[Any, ...]]", types.METHOD_TO_TYPES)
    return table.get(method, (None, None, None, None))


def structure(converter: Converter, raw: object, kind: type | None) -> Any:
    """``raw`` as a ``kind``; as it is if there is none.

    Raises:
        InvalidParamsError: it is not one.
    """
    if kind is None:
        return raw
    try:
        # cattrs' own annotation names the class of exactly this kind, which is unknown here.
        return cast("Any", converter.structure({} if raw is None else raw, kind))
    except BaseValidationError as error:
        raise InvalidParamsError(_paths(error)) from None
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError):
        # lsprotocol's own hooks look into values before they have checked them.
        raise InvalidParamsError("invalid params") from None


def to_json(converter: Converter) -> Callable[[object], object]:
    """What `json` is to call for values that it does not know."""

    def default(value: object) -> object:
        if attrs.has(type(value)):
            return converter.unstructure(value)
        return plain(value)

    return default


def prime(converter: Converter, values: Iterable[object], methods: Iterable[str] = ()) -> None:
    """Compile ahead what turns ``values``, and the params of ``methods``, to and from JSON.

    cattrs does so at a class's first use, which takes milliseconds, and would be a key's.
    """
    for method in methods:
        kind = params_type(method)
        if kind is not None:
            converter.get_structure_hook(kind)
    for value in values:
        converter.unstructure(value)


def _paths(error: BaseValidationError) -> str:
    """Which fields are wrong, as JSON paths."""
    found = {text.rpartition(" @ ")[2] for text in transform_error(error)}
    return f"invalid params: {', '.join(sorted(found))}"[:_LONGEST_MESSAGE]
