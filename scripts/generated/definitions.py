"""What the files of a project may say, and what its results and errors hold."""

from __future__ import annotations

from generated.markdown import fields_said, first_paragraph, section, table
from generated.yaml_keys import keys, keys_of


def settings() -> str:
    """The keys of `steelyard.toml`."""
    from steelyard.project.settings import Settings

    return keys(Settings, heading="###")


def source_keys() -> str:
    """What every source may say, and what each kind may say beside."""
    from steelyard.pipeline.source_definition import SourceDefinition
    from steelyard.pipeline.sources.reads import READS

    common = keys(SourceDefinition, without=("name", "reads", "where"), heading="###")
    kinds = [
        f"## `kind: {kind}`\n\n{first_paragraph(cls)}\n\n{keys(cls, heading='###')}" for kind, cls in READS.items()
    ]
    return "\n".join(["## Every source\n", common, *kinds])


def table_keys() -> str:
    """The keys of a table file's header."""
    from steelyard.pipeline.table_definition import Header

    return keys(Header, heading="###")


def metric_keys() -> str:
    """The keys of a metric, and of a table that somebody else builds."""
    from steelyard.metrics.annotation import Annotation
    from steelyard.metrics.metric import Metric
    from steelyard.metrics.product.analyses import ANALYSES
    from steelyard.metrics.watching import Alert, Sink
    from steelyard.warehouse import TableDeclaration

    product = tuple((section, kind.definition) for section, kind in ANALYSES.items())
    metrics = keys(Metric, without=("name", "defined_at"), heading="###")
    tables = keys(TableDeclaration, without=("name", "where"), heading="###")
    watching = "\n".join(
        f"## `{section}:`\n\n{first_paragraph(cls)}\n\n{keys(cls, without=('name', 'defined_at'), heading='###')}"
        for section, cls in (*product, ("alerts", Alert), ("annotations", Annotation), ("sinks", Sink))
    )
    return f"## `metrics:`\n\n{metrics}\n## `tables:`\n\n{first_paragraph(TableDeclaration)}\n\n{tables}\n{watching}"


def dashboard_keys() -> str:
    """The keys of a dashboard, and of its blocks."""
    from steelyard.dashboards import Dashboard, DashboardBlock

    own, block = keys_of(Dashboard, ("defined_at",)), keys_of(DashboardBlock, ("defined_at",))
    return f"{own}\n## `blocks:`\n\n{first_paragraph(DashboardBlock)}\n\n{block}"


def study_keys() -> str:
    """The keys of each kind of study."""
    from steelyard.project.kinds import STUDIES

    parts = []
    for cls in STUDIES:
        said = [
            f"**{title}:** {' '.join(found.split())}"
            for title in ("Assumes", "Source")
            if (found := section(cls, title))
        ]
        head = "\n\n".join([f"## `kind: {cls.kind}`", first_paragraph(cls), *said])
        parts.append(f"{head}\n\n{keys(cls, without=('name',), heading='###')}")
    return "\n".join(parts)


def errors() -> str:
    """Every error with what it means and the exit code."""
    from steelyard import errors as module

    classes = [item for item in vars(module).values() if isinstance(item, type) and item.__module__ == module.__name__]
    rows = [(f"`{item.__name__}`", first_paragraph(item), str(item.exit_code)) for item in classes]
    return table(("error", "when", "exit code"), rows)


def estimate_columns() -> str:
    """The glossary of an estimate's columns."""
    from steelyard.result import Estimate

    return table(("column", "meaning"), [(f"`{name}`", says) for name, says in fields_said(Estimate).items()])


def result_parts() -> str:
    """The other parts of a result: checks, the verdict, provenance."""
    from steelyard.result import Check, Provenance, Result, Verdict

    return "\n".join(
        f"## `{cls.__name__}`\n\n{first_paragraph(cls)}\n\n"
        + table(("field", "meaning"), [(f"`{name}`", says) for name, says in fields_said(cls).items()])
        for cls in (Result, Check, Verdict, Provenance)
    )
