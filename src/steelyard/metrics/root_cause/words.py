"""The explanation in a few sentences, with no word of cause that no study backs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from steelyard.document import Format, format_value, number_of
from steelyard.metrics.explanation import Cause, Explanation, Happening
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["in_words", "size_format"]

SHOWN = 3
CORRELATION = "These are correlations, what moved together, and not yet causes: a study can tell."


def size_format(found: Explanation) -> Format:
    """How a part of the change is written: parts of a whole number need not be whole."""
    plain = metric_format(found.metric)
    if plain.kind == "integer":
        return Format.significant(4, signed=True)
    return Format(kind=plain.kind, digits=plain.digits, currency=plain.currency, unit=plain.unit, signed=True)


def in_words(found: Explanation) -> tuple[str, ...]:
    """Data faults, the segments, the tree, reversals, what coincides, and what can be said of all that."""
    if found.change is None:
        return (*_faults(found), "There is nothing to compare.")
    says = [*_faults(found), *_moved(found)]
    if found.change == 0 and not found.causes:
        return tuple(says)
    says += [*_tree(found), *_dimension(found)]
    says += [dimension.reversal for dimension in found.dimensions if dimension.reversal]
    says += _backed(found)
    return tuple(says)


def _sized(found: Explanation) -> Callable[[float], str]:
    style = size_format(found)
    return lambda number: format_value(number, style)


def _faults(found: Explanation) -> Iterator[str]:
    if not found.faults:
        return
    yield from (fault.says for fault in found.faults[:SHOWN])
    if any(fault.stops for fault in found.faults):
        yield "Mend the data first: until then the comparison is doubtful."


def _moved(found: Explanation) -> Iterator[str]:
    if found.change == 0:
        yield "The value is the same in both ranges."
    if not found.search.ran:
        return
    if not found.causes:
        yield "No segment stands out of the noise: the move is within what quiet times show."
        return
    sized = _sized(found)
    for cause in found.causes[:SHOWN]:
        yield f"{_said(cause)} ({sized(cause.impact)}).{_with(cause.coincides)}"
    if len(found.causes) > SHOWN:
        yield f"{number_of(len(found.causes) - SHOWN, 'more segment stands', 'more segments stand')} out."
    if found.calendar:
        yield f"The ranges have other weekdays, which alone make {sized(found.calendar)}."
    if found.unexplained is not None:
        yield f"The rest, {sized(found.unexplained)}, is spread or within the noise."


def _said(cause: Cause) -> str:
    """A segment and how it moved."""
    times = "" if cause.ratio is None else f" {abs(cause.ratio - 1):.0%}"
    way = "more" if cause.ratio is None or cause.ratio > 1 else "less"
    what = {"volume": "volume", "mix": "the share of the whole", "rate": "the rate", "price": "the amount of a row"}
    if cause.kind == "data fault":
        return f"There are no rows of {cause.name} any more"
    where = f"In {cause.name}" if cause.segment else "Everywhere"
    return f"{where}, {what[cause.kind]} is{times} {way} than expected"


def _with(happenings: Sequence[Happening]) -> str:
    if not happenings:
        return ""
    said = "; ".join(
        f"{item.says} ({item.kind}, {item.at}{f' to {item.until}' if item.until else ''})"
        for item in happenings[:SHOWN]
    )
    undo = " It can be taken back." if any(item.undo for item in happenings) else ""
    return f" It coincides with {said}.{undo}"


def _tree(found: Explanation) -> Iterator[str]:
    if found.tree is not None and found.change:
        first = found.tree.factors[0]
        size = format_value(first.contribution, size_format(found))
        yield f"Of the tree, {first.name.replace('_', ' ')} moved most with it ({size})."


def _dimension(found: Explanation) -> Iterator[str]:
    if found.causes or not found.dimensions or not found.dimensions[0].segments or found.search.ran:
        return
    dimension = found.dimensions[0]
    segment = dimension.most_telling or dimension.segments[0]
    size = format_value(segment.contribution, size_format(found))
    yield f"By {dimension.dimension}, {segment.value} departs most from moving in proportion ({size})."


def _backed(found: Explanation) -> Iterator[str]:
    """What may be said of causes: only what a study measured."""
    studies = sorted({item.study for cause in found.causes for item in cause.coincides if item.study})
    if studies:
        yield f"What {' and '.join(studies)} did to it is measured by {'that study' if len(studies) == 1 else 'those'}."
    yield CORRELATION if not studies else f"Apart from that, {CORRELATION[0].lower()}{CORRELATION[1:]}"
