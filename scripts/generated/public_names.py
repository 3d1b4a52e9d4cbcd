"""The public Python names: signature, first paragraph, arguments, what is given and raised."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from generated.markdown import arguments, first_paragraph, section, table


def public_names() -> str:
    """Every name of `steelyard.__all__`: functions, then classes, then errors."""
    import steelyard as sy

    things = {name: getattr(sy, name) for name in sorted(sy.__all__)}
    functions = {name: thing for name, thing in things.items() if inspect.isroutine(thing)}
    modules = {name: thing for name, thing in things.items() if inspect.ismodule(thing)}
    classes = {n: t for n, t in things.items() if inspect.isclass(t) and not issubclass(t, Exception)}
    raised = {n: t for n, t in things.items() if inspect.isclass(t) and issubclass(t, Exception)}
    parts = ["## Functions\n", *(function(name, thing) for name, thing in functions.items())]
    parts += ["## Modules\n", *(module(name, thing) for name, thing in modules.items())]
    parts += ["## Classes\n", *(of_class(name, thing) for name, thing in classes.items())]
    rows = [(f"`sy.{name}`", first_paragraph(thing)) for name, thing in raised.items()]
    return "\n".join([*parts, "## Errors\n", table(("error", "when"), rows)])


def function(name: str, thing: object) -> str:
    """One function, whole."""
    return f"### `sy.{name}`\n\n{signature(f'sy.{name}', thing)}\n{first_paragraph(thing)}\n\n{said_of(thing)}"


def module(name: str, thing: object) -> str:
    """One module: the names that it gives."""
    rows = [(f"`sy.{name}.{item}`", first_paragraph(getattr(thing, item))) for item in thing.__all__]  # type: ignore[attr-defined]
    return f"### `sy.{name}`\n\n{first_paragraph(thing)}\n\n{table(('name', 'what'), rows)}"


def of_class(name: str, thing: type) -> str:
    """One class: its arguments and public members."""
    rows = [(f"`{spelled}`", says) for spelled, says in members(thing)]
    listed = table(("member", "what"), rows) if rows else ""
    return f"### `sy.{name}`\n\n{first_paragraph(thing)}\n\n{said_of(thing)}\n{listed}"


def said_of(thing: object) -> str:
    """Arguments, and what is given and raised, where the docstring says so."""
    said = arguments(thing)
    parts = [table(("argument", "meaning"), [(f"`{name}`", says) for name, says in said.items()])] if said else []
    for title, word in (("Returns", "Gives"), ("Raises", "Raises")):
        found = section(thing, title)
        if found:
            parts.append(f"**{word}:** {' '.join(found.split())}\n")
    return "\n".join(parts)


def members(thing: type) -> Iterator[tuple[str, str]]:
    """Public methods and properties, with what they give."""
    fields = getattr(thing, "__dataclass_fields__", {})
    for name, member in inspect.getmembers(thing):
        if name.startswith("_") or name in fields:
            continue
        if isinstance(member, property) or hasattr(member, "attrname"):
            yield name, first_paragraph(member)
        elif inspect.isroutine(member):
            yield f"{name}{shape(member, bound=inspect.ismethod(member))}", first_paragraph(member)


def shape(member: object, *, bound: bool) -> str:
    """The names of a method's arguments with their defaults, without the types."""
    found = inspect.signature(member)  # type: ignore[arg-type]
    parameters = [item.replace(annotation=item.empty) for item in found.parameters.values()]
    own = parameters if bound or not parameters or parameters[0].name != "self" else parameters[1:]
    return str(found.replace(parameters=own, return_annotation=found.empty))


def signature(name: str, thing: object) -> str:
    """The signature as a block of Python, one argument a line."""
    found = inspect.signature(thing)  # type: ignore[arg-type]
    lines, starred = [], False
    for item in found.parameters.values():
        if item.kind is item.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        starred = starred or item.kind is item.VAR_POSITIONAL
        stars = {item.VAR_POSITIONAL: "*", item.VAR_KEYWORD: "**"}.get(item.kind, "")
        default = "" if item.default is item.empty else f" = {item.default!r}"
        lines.append(f"{stars}{item.name}: {item.annotation}{default}")
    body = "".join(f"    {line},\n" for line in lines)
    return f"```python not-run\n{name}(\n{body}) -> {found.return_annotation}\n```\n"
