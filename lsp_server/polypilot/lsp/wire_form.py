"""How the values of our own methods look on the wire: ``camelCase``, absent for None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs
from cattrs.gen import make_dict_structure_fn, override

from polypilot.lsp import chat_names, copilot_names, methods, told_methods

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter


def wire_name(field: str) -> str:
    """``partial_result_token`` → ``partialResultToken``; a trailing underscore goes away."""
    head, *rest = field.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


def register(converter: Converter) -> None:
    """Teaches ``converter`` the classes of our methods; each is compiled when first used."""
    package = methods.__name__.rpartition(".")[0]
    later = (*chat_names.MODULES, *copilot_names.MODULES)
    modules = {methods.__name__, told_methods.__name__, *(f"{package}.{each}" for each in later)}

    def ours(kind: object) -> bool:
        return isinstance(kind, type) and kind.__module__ in modules and attrs.has(kind)

    def structure(kind: type) -> Callable[[Any, Any], Any]:
        names = {f.name: override(rename=wire_name(f.name)) for f in attrs.fields(kind)}
        # cattrs types its overrides too narrowly for a mapping that is made at run time.
        make = cast("Callable[..., Callable[[Any, Any], Any]]", make_dict_structure_fn)
        return _checked(kind, make(kind, converter, **names))

    def unstructure(kind: type) -> Callable[[Any], dict[str, object]]:
        fields = [(f.name, wire_name(f.name), f.default is None) for f in attrs.fields(kind)]

        def to_wire(value: object) -> dict[str, object]:
            found: dict[str, object] = {}
            for name, on_wire, optional in fields:
                item = getattr(value, name)
                if item is not None or not optional:
                    found[on_wire] = converter.unstructure(item)
            return found

        return to_wire

    converter.register_structure_hook_factory(ours, structure)
    converter.register_unstructure_hook_factory(ours, unstructure)


def _checked(
    kind: type[attrs.AttrsInstance], made: Callable[[Any, Any], Any]
) -> Callable[[Any, Any], Any]:
    """``made`` for objects alone, with arrays where there are to be arrays.

    cattrs would make a class without required fields of anything, and an array of letters.
    """
    arrays = [wire_name(f.name) for f in attrs.fields(kind) if str(f.type).startswith("tuple[")]

    def structure(value: object, kind: object) -> Any:
        if not isinstance(value, dict):
            raise TypeError("not an object")
        fields = cast("dict[str, object]", value)
        for each in arrays:
            if fields.get(each) is not None and not isinstance(fields[each], list):
                raise TypeError("not an array")
        return made(fields, kind)

    return structure
