"""A progress bar fed by the pipeline's events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.pipeline.progress import Progress, ProgressEvent

__all__ = ["shown_progress"]


@contextmanager
def shown_progress(*, hidden: bool = False) -> Iterator[Progress]:
    """A bar a step on standard error; plain lines when nobody watches; nothing when hidden."""
    from steelyard.cli.output import console

    screen = console(stderr=True)
    if hidden:
        yield lambda _: None
    elif screen.is_terminal:
        with _bars() as told:
            yield told
    else:
        yield _line


def _line(event: ProgressEvent) -> None:
    import sys

    if event.done == event.total:
        # Who watched has gone; the work goes on.
        with suppress(BrokenPipeError):
            sys.stderr.write(f"{event.step} {event.name}: {event.says}\n")


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from steelyard.cli.output import console

    columns = (
        TextColumn("{task.fields[step]:>8}"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[says]}"),
    )
    tasks: dict[tuple[str, str], TaskID] = {}
    with Bars(*columns, console=console(stderr=True)) as bars:

        def told(event: ProgressEvent) -> None:
            key = (event.step, event.name)
            if key not in tasks:
                tasks[key] = bars.add_task(event.name, step=event.step, says="", total=event.total or None)
            bars.update(tasks[key], completed=event.done, total=event.total or None, says=event.says)

        yield told
