"""A metric tree: a metric as the product, or the sum, of others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["Branch", "Tree", "parse_tree"]


@dataclass(frozen=True)
class Branch:
    """One factor or term: a metric, and whether it divides (or is taken away)."""

    metric: str
    inverse: bool = False


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A metric as the product (with quotients), or the sum (with differences), of others.

    Args:
        metric: What is taken apart.
        kind: `product` or `sum`.
        branches: The factors or terms, in order.
        text: As written.
        defined_at: File and line.
    """

    metric: str
    kind: Literal["product", "sum"]
    branches: tuple[Branch, ...]
    text: str
    defined_at: str = ""


def parse_tree(metric: str, text: str, *, where: str = "") -> Tree:
    """The tree that `a * b / c`, or `a + b - c`, says.

    Raises:
        DefinitionError: It is neither.

    >>> [branch.metric for branch in parse_tree("revenue", "visitors * conversion * average_order").branches]
    ['visitors', 'conversion', 'average_order']
    """
    words = re.findall(r"[a-z][a-z0-9_]*|\S", text)
    names, signs = words[0::2], words[1::2]
    whole = len(words) >= 3 and len(words) % 2 == 1 and all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    kind: Literal["product", "sum"] | None = None
    if whole and set(signs) <= {"*", "/"}:
        kind = "product"
    elif whole and set(signs) <= {"+", "-"}:
        kind = "sum"
    if kind is None:
        raise DefinitionError(
            f"the tree of {metric!r} says {text!r}",
            where=where,
            hint="write a product of metrics, `a * b / c`, or a sum, `a + b - c`; brackets need a metric of their own",
        )
    branches = [Branch(names[0])] + [Branch(name, sign in "/-") for sign, name in zip(signs, names[1:], strict=True)]
    if metric in names or len(set(names)) != len(names):
        problem = f"the tree of {metric!r} names {'itself' if metric in names else 'a metric twice'}: {text!r}"
        raise DefinitionError(problem, where=where)
    return Tree(metric=metric, kind=kind, branches=tuple(branches), text=text, defined_at=where)
