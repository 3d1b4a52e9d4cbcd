"""The one runner: ask, read, estimate, check, answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steelyard.canonical import digest_of_bytes, plain
from steelyard.errors import DefinitionError, PolicyError
from steelyard.package_versions import package_versions
from steelyard.result import Check, Provenance, Read, Result, TableRead, judged
from steelyard.studies.kept import parameters_to_plain, table_to_bytes
from steelyard.studies.setting import Setting, setting_of
from steelyard.studies.standing import governed_digests, register, standing_of
from steelyard.studies.study import Context, Plan, Study
from steelyard.warehouse import Entry, Ledger, Query, columns_named, referenced_tables

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Reading", "conclude", "plan", "read", "run", "run_and_keep"]

ROUNDS = 12
PACKAGES = ("steelyard", "numpy", "scipy", "pyarrow", "duckdb", "sqlglot")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a study asked for and what came back.

    Args:
        data: The fetches by name.
        reads: Their records, in order.
        kept: Their bytes by content address.
    """

    data: Mapping[str, pa.Table] = field(default_factory=dict)
    reads: tuple[Read, ...] = ()
    kept: Mapping[str, bytes] = field(default_factory=dict)


def run(
    study: Study,
    source: Any,
    *,
    ledger: Ledger | None = None,
    as_of: datetime | None = None,
    timeout: float | None = None,
) -> Result:
    """Answers the study's question.

    Args:
        study: The question, frozen.
        source: A project, a warehouse, an Arrow, pandas or Polars table (named `data`), or a Parquet or CSV path.
        ledger: Where the result is kept; a project brings its own.
        as_of: The clock, zoned; the default is now.
        timeout: Seconds that each query may take; None waits.

    Returns:
        The result; statistical trouble is in its checks and verdict.

    Raises:
        DefinitionError: The study cannot be asked of this source.
        WarehouseError: The source failed.
    """
    return run_and_keep(study, source, ledger=ledger, as_of=as_of, timeout=timeout)[0]


def run_and_keep(
    study: Study,
    source: Any,
    *,
    ledger: Ledger | None = None,
    as_of: datetime | None = None,
    timeout: float | None = None,
) -> tuple[Result, Entry | None]:
    """As `run`, with the ledger's entry; None when there is no ledger."""
    setting = setting_of(source)
    if ledger is not None:
        setting = replace(setting, ledger=ledger)
    ledger = setting.ledger
    if as_of is not None and as_of.tzinfo is None:
        raise DefinitionError(f"as_of={as_of.isoformat()!r} has no time zone", hint="give a zoned datetime")
    context = setting.context(study, as_of=as_of)
    reading = read(study, context, setting, timeout=timeout)
    result = conclude(study, reading.data, provenance=_provenance(study, context, setting, reading, ledger))
    if ledger is None:
        return result, None
    return result, ledger.append("result", study.name, {"result": result.to_dict()}, keep=reading.kept.values())


def plan(study: Study, source: Any, *, as_of: datetime | None = None, freeze: bool = False, replays: int = 0) -> Plan:
    """What will be done, in words and SQL, before any outcome is read.

    Args:
        study: The study.
        source: As for `run`.
        as_of: The clock.
        freeze: Whether to register the definition and its rule in the source's ledger.
        replays: How often to replay the history as if nothing had been changed, for kinds that can: how often the
            method is wrong on this very data.

    Raises:
        DefinitionError: It is to be frozen, and the source has no ledger, or no run of it could be read; or the
            number of replays is below 0.
    """
    if replays < 0:
        raise DefinitionError(f"{replays!r} replays", where="replays", hint="give how many, such as 1000")
    setting = setting_of(source)
    context = replace(setting.context(study, as_of=as_of), replays=replays)
    planned = study.plan(_with_history(study, context, setting))
    for query in planned.queries.values():
        _refuse_sensitive(query, context, study)
    if freeze:
        if planned.unready is not None:
            raise planned.unready
        if setting.ledger is None:
            raise DefinitionError(f"no ledger to register {study.name!r} in", hint="plan it in a project")
        register(study, planned, setting.ledger, governed_digests(study, setting.metrics))
    return planned


def _with_history(study: Study, context: Context, setting: Setting) -> Context:
    """Fetches what planning asks of the time before, round by round."""
    for _ in range(ROUNDS):
        wanted = {name: query for name, query in study.history(context).items() if name not in context.history}
        if not wanted:
            return context
        for query in wanted.values():
            _refuse_sensitive(query, context, study)
        fetched = {name: setting.warehouse.fetch(query) for name, query in wanted.items()}
        context = replace(context, history={**context.history, **fetched})
    raise DefinitionError(f"{study.name!r} still asks after {ROUNDS} rounds", where=f"{study.kind}.history")


def read(study: Study, context: Context, setting: Setting, *, timeout: float | None = None) -> Reading:
    """Fetches what the study asks for, round by round, until it asks for nothing new."""
    data: dict[str, pa.Table] = {}
    reads: list[Read] = []
    kept: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        wanted = {name: query for name, query in study.reads(context, data).items() if name not in data}
        if not wanted:
            return Reading(data=data, reads=tuple(reads), kept=kept)
        for name, query in wanted.items():
            _refuse_sensitive(query, context, study)
            data[name], record, content = _fetch(name, query, setting, timeout)
            reads.append(record)
            kept[record.kept] = content
    raise DefinitionError(f"{study.name!r} still asks after {ROUNDS} rounds", where=f"{study.kind}.reads")


def _fetch(name: str, query: Query, setting: Setting, timeout: float | None) -> tuple[pa.Table, Read, bytes]:
    warehouse = setting.warehouse
    started = time.perf_counter()
    table = warehouse.fetch(query, timeout=timeout)
    seconds = time.perf_counter() - started
    content = table_to_bytes(table)
    versions = [warehouse.version(item) for item in referenced_tables(query.sql)]
    record = Read(
        name=name,
        sql=query.sql,
        sent=warehouse.render(query.sql),
        parameters=parameters_to_plain(query.parameters),
        engine=f"{warehouse.engine} {warehouse.engine_version}",
        tables=tuple(
            TableRead(name=item.name, version_id=item.version_id, fingerprint=item.fingerprint, rows=item.rows)
            for item in versions
        ),
        rows=table.num_rows,
        kept=digest_of_bytes(content),
        seconds=round(seconds, 6),
    )
    return table, record, content


def _refuse_sensitive(query: Query, context: Context, study: Study) -> None:
    if not context.sensitive:
        return
    read_tables = referenced_tables(query.sql)
    qualified = {f"{table}.{column}" for table in read_tables for column in context.tables.get(table, ())}
    for column in sorted(columns_named(query.sql)):
        hit = column in context.sensitive or any(
            name in context.sensitive for name in qualified if name.split(".", 1)[1] == column
        )
        if hit:
            raise PolicyError(
                f"the study {study.name!r} uses {column!r}, which this project declares sensitive",
                where=f"studies/{study.name}.yml",
                hint="they may not be a feature, a dimension or a covariate: see `sensitive` in steelyard.toml",
            )


def conclude(study: Study, data: Mapping[str, pa.Table], *, provenance: Provenance) -> Result:
    """The last three steps, all pure: estimate, check, answer."""
    findings = study.estimate(data)
    checks = study.checks(data, findings)
    return Result(
        question=study.question,
        method=study.method,
        verdict=judged(study.answer(findings), checks),
        estimates=findings.estimates,
        checks=(*checks, _standing_check(provenance)),
        provenance=provenance,
        tables=dict(findings.tables),
    )


def _standing_check(provenance: Provenance) -> Check:
    registered = provenance.standing == "registered"
    return Check(
        name="registered_beforehand",
        status="passed" if registered else "failed",
        severity="note",
        says=f"{'Registered' if registered else 'Exploratory'}: {provenance.standing_says}.",
    )


def _provenance(
    study: Study, context: Context, setting: Setting, reading: Reading, ledger: Ledger | None
) -> Provenance:
    standing = standing_of(study, ledger, governed_digests(study, context.metrics), reading.data)
    return Provenance(
        study=study.name,
        kind=study.kind,
        definition=study.definition(),
        digest=study.digest(),
        standing=standing.label,
        standing_says=standing.says,
        context=plain(
            {
                "as_of": context.as_of,
                "catalog": setting.catalog,
                "source": setting.warehouse.name,
                "zone": context.zone,
                "currency": context.currency,
                "metrics": governed_digests(study, context.metrics),
                "earlier": [result.digest() for result in context.earlier],
                "stages": context.stages,
            }
        ),
        reads=reading.reads,
        packages=package_versions(*PACKAGES),
        seed=context.seed,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
