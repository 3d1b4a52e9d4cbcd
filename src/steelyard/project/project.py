"""A folder of definitions, opened: what it knows, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.project.audited_questions import AuditedQuestions
from steelyard.project.dates import Range, as_range
from steelyard.project.definitions import Definitions, read_definitions
from steelyard.project.evidence import cited_results, reopened, table_and_column
from steelyard.project.followed_decisions import FollowedDecisions
from steelyard.project.ramped_experiments import LOGS, RampedExperiments
from steelyard.project.settings import FILE, Settings, Target, read_settings
from steelyard.project.shown_dashboards import ShownDashboards
from steelyard.result import Result
from steelyard.studies import Plan, Replay, Setting, Study
from steelyard.warehouse import Entry, Ledger, Store, Warehouse, connect, finish_erasures

if TYPE_CHECKING:
    from steelyard.metrics import Explanation
    from steelyard.metrics.watching import WatchReport
    from steelyard.pipeline import RefreshReport
    from steelyard.pipeline.progress import Progress
    from steelyard.project.search import Outcome

__all__ = ["Project", "open_project"]


def open_project(folder: str | Path, *, target: str | None = None) -> Project:
    """Opens a folder of definitions.

    Args:
        folder: The folder that holds `steelyard.toml`, or one inside it.
        target: The environment, such as `prod`; None takes the project's default.

    Returns:
        The project; files that are wrong are in `project.problems`, and the rest works.

    Raises:
        DefinitionError: There is no project there.
        UnknownNameError: It has no such target.
    """
    start = Path(folder).expanduser().resolve()
    root = next((path for path in (start, *start.parents) if (path / FILE).is_file()), start)
    return Project(root, target=target)


class Project(AuditedQuestions, RampedExperiments, FollowedDecisions, ShownDashboards):
    """A folder of definitions, opened for one target."""

    def __init__(self, folder: Path, *, target: str | None = None) -> None:
        self.folder = folder
        self.settings: Settings = read_settings(folder)
        self.target_name = target or self.settings.target
        self.target: Target = self.settings.chosen(target)
        self._open = ExitStack()

    def __repr__(self) -> str:
        return f"Project({self.settings.name!r}, target={self.target_name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the warehouse and the ledger."""
        self._open.close()
        for name in ("ledger", "store"):
            self.__dict__.pop(name, None)

    @property
    def name(self) -> str:
        """The project's name."""
        return self.settings.name

    # What it defines

    @cached_property
    def definitions(self) -> Definitions:
        """Everything that the folder defines."""
        return read_definitions(self.folder, self.settings)

    def reread(self) -> None:
        """Reads the files again, as a server does when one has changed."""
        self.settings = read_settings(self.folder)
        self.__dict__.pop("definitions", None)

    @property
    def problems(self) -> tuple[SteelyardError, ...]:
        """What is wrong with its files."""
        return self.definitions.problems

    def study(self, name: str) -> Study:
        """The study of that name.

        Raises:
            UnknownNameError: There is none.
        """
        studies = self.definitions.studies
        if name not in studies:
            broken = [error for error in self.problems if Path(error.where.split(":")[0]).stem == name]
            if broken:
                raise broken[0]
            raise unknown_name("study", name, studies, where=str(self.folder / "studies"))
        return studies[name]

    def search(self, words: str, *, kinds: Sequence[str] = (), most: int = 30) -> Outcome:
        """Metrics, studies, decisions, initiatives, tables and documents that have every one of these words.

        Args:
            words: Up to 12; the beginning of a word is enough.
            kinds: Only these of `metric`, `study`, `decision`, `initiative`, `table`, `document`; empty is all.
            most: The most matches.
        """
        from steelyard.project.search import search

        return search(self, words, kinds=kinds, most=most)

    # Where its data is

    @property
    def embedded(self) -> bool:
        """Whether the target keeps its tables in a store of its own, which is what can be refreshed."""
        text = self.target.warehouse
        return "://" not in text and not text.endswith((".duckdb", ".ddb", ".db"))

    def _path(self, text: str) -> Path:
        return (self.folder / Path(text).expanduser()).resolve()

    @cached_property
    def store(self) -> Store:
        """The store of the embedded target.

        Raises:
            DefinitionError: The target is another engine.
        """
        if not self.embedded:
            raise DefinitionError(
                f"the target {self.target_name!r} is not an embedded store, so nothing can be loaded or built in it",
                where=FILE,
                hint="give the target a folder as its `warehouse`, or build its tables with the tool that owns them",
            )
        return Store.open(self._path(self.target.warehouse))

    def warehouse(self, number: int | None = None) -> Warehouse:
        """A reader of the target's tables; of one catalog version where it is an embedded store. Close it after use.

        Args:
            number: The catalog version; None is the newest.
        """
        limits: dict[str, Any] = {
            "memory_limit": self.target.memory_limit or None,
            "threads": self.target.threads or None,
        }
        if self.embedded:
            return self.store.warehouse(number, **limits)
        text = self.target.warehouse
        return connect(text if "://" in text else self._path(text), read_only=True, **limits)

    @property
    def alert_log(self) -> Path:
        """The file that remembers what alerts of the target were told."""
        return self.folder / ".steelyard" / f"alerts-{self.target_name}.jsonl"

    @cached_property
    def ledger(self) -> Ledger:
        """The target's ledger; an erasure that was cut short is completed when it is opened."""
        text = self.target.ledger
        if not text:
            place = self._path(self.target.warehouse).parent if self.embedded else self.folder / ".steelyard"
            place.mkdir(parents=True, exist_ok=True)
            text = str(place / "ledger.sqlite")
        elif "://" not in text:
            text = str(self._path(text))
        ledger = self._open.enter_context(Ledger.open(text))
        if self.embedded:
            finish_erasures(self.store, ledger)
        return ledger

    def setting(self, warehouse: Warehouse | None = None) -> Setting:
        """Where its studies run: one catalog version, its governed metrics, its ledger and its policy."""
        number = self.store.snapshot().number if self.embedded else None
        return Setting(
            warehouse=warehouse or self._open.enter_context(self.warehouse(number)),
            metrics=self.definitions.metrics,
            ledger=self.ledger,
            zone=self.settings.zone,
            currency=self.settings.currency,
            sensitive=self.settings.sensitive,
            catalog=number,
            stages=self.stage_ledger.by_study(),
        )

    # What can be done

    def refresh(
        self,
        *,
        select: Sequence[str] | None = None,
        since: date | None = None,
        until: date | None = None,
        full: bool = False,
        load: bool = True,
        build: bool = True,
        progress: Progress | None = None,
    ) -> RefreshReport:
        """Loads its sources and builds its tables; publishes what passes its blocking tests.

        Args:
            select: Only these sources and tables, and what tables need; None is everything.
            since: First local date of a back-fill; None follows the cursors.
            until: Last local date of a back-fill.
            full: Whether to load and build everything anew.
            load: Whether to load sources.
            build: Whether to build tables.
            progress: Told of every step.
        """
        from steelyard.pipeline import refresh

        if since is not None and until is not None:
            as_range((since, until))
        definitions = self.definitions
        self.record_definitions()
        return refresh(
            tuple(definitions.sources.values()) if load else (),
            tuple(definitions.tables.values()) if build else (),
            self.store,
            ledger=self.ledger,
            metrics_of=definitions.metrics.names_by_table(),
            declared=tuple(definitions.metrics.tables.values()),
            project_folder=self.folder,
            select=select,
            since=since,
            until=until,
            full=full,
            zone=self.settings.zone,
            sensitive=self.settings.sensitive,
            progress=progress,
        )

    def explain(
        self, metric: str, *, before: Range, after: Range, dimensions: Sequence[str] | None = None
    ) -> Explanation:
        """Why a metric differs between two ranges of local dates, both ends included.

        Args:
            metric: The metric.
            before: First and last date of the baseline.
            after: First and last date of what is to be explained.
            dimensions: Dimensions to look at; None is all that the metric has.

        The project's experiments that ran in the later range stand beside the segments that stand out; a definition
        or a column read that changed within the ranges is a fault of the data.
        """
        from steelyard.metrics import explain
        from steelyard.project.changed import changed_meanings
        from steelyard.project.running import running_studies

        metrics = self.definitions.metrics
        changed = changed_meanings(self, metric, (before, after))
        answered = [entry.name for entry in self.ledger.entries(kind="result")]
        with self.warehouse() as warehouse:
            return explain(
                metrics,
                warehouse,
                metric,
                before=as_range(before),
                after=as_range(after),
                dimensions=dimensions,
                annotations=metrics.annotations,
                happenings=[*running_studies(self.definitions.studies, metric, answered), *changed],
            )

    def watch(self, alerts: Sequence[str] = (), **said: Any) -> WatchReport:
        """Judges its alerts for a day, and tells sinks what is new; takes what `watch_project` does."""
        from steelyard.project.watching import watch_project

        return watch_project(self, alerts, **said)

    def plan(self, name: str, *, register: bool = False, replays: int = 0) -> Plan:
        """What a study will do, before any outcome is read.

        Args:
            name: The study.
            register: Whether to freeze it in the ledger.
            replays: How often to replay the time before as an A/A test.
        """
        from steelyard.studies import plan

        with self.warehouse(self.newest) as warehouse:
            return plan(self.study(name), self.setting(warehouse), freeze=register, replays=replays)

    def run(self, name: str, *, as_of: datetime | None = None) -> Result:
        """Runs a study and keeps its result in the ledger."""
        return self.run_and_keep(name, as_of=as_of)[0]

    def run_and_keep(self, name: str, *, as_of: datetime | None = None) -> tuple[Result, Entry]:
        """As `run`, with the ledger's entry."""
        from steelyard.studies import run_and_keep

        self.record_definitions()
        with self.warehouse(self.newest) as warehouse:
            setting = self.setting(warehouse)
            result, entry = run_and_keep(self.study(name), setting, as_of=as_of, timeout=self.target.timeout or None)
        assert entry is not None  # noqa: S101 - a project always has a ledger
        return result, entry

    @property
    def newest(self) -> int | None:
        """Number of the newest catalog version; None where the engine keeps none."""
        return self.store.snapshot().number if self.embedded else None

    def results(self, name: str | None = None) -> tuple[tuple[Entry, Result], ...]:
        """Every kept result, oldest first; of one study where it is named."""
        return tuple(
            (entry, Result.from_dict(entry.body["result"])) for entry in self.ledger.entries(kind="result", name=name)
        )

    def replay(self, reference: str) -> tuple[Replay, ...]:
        """Recomputes kept results, and says same or what differs.

        Args:
            reference: A study's name (its latest result), a decision's name or digest (every result that it cites),
                or a result's digest.
        """
        from steelyard.project.kinds import study_from
        from steelyard.studies import replay

        metrics = self.definitions.metrics
        return tuple(
            replay(
                entry,
                self.ledger,
                build=lambda data: study_from(data, where="ledger"),
                reopen=lambda provenance: reopened(self, provenance),
                now=self.definitions.studies.get(entry.name),
                metrics_now={name: metrics.digest(name) for name in metrics.metrics},
            )
            for entry in cited_results(self.ledger, reference)
        )

    def ledger_check(self, expect: str | None = None) -> Any:
        """Whether the ledger is whole: see `Ledger.verify`."""
        return self.ledger.verify(expect_head=expect) if expect else self.ledger.verify()

    def erase(self, columns: Sequence[str], person: str | int, *, who: str, why: str) -> Entry:
        """Removes a person's rows from every kept version and from the logs of exposures and testers, and records it.

        The id itself is not stored.

        Args:
            columns: `TABLE.COLUMN` of each table that holds the person's id.
            person: The id.
            who: Who erases.
            why: The reason.

        Returns:
            The ledger's entry.
        """
        from steelyard.studies.experiments.exposure_log import EXPOSURES
        from steelyard.studies.experiments.testers import TESTERS
        from steelyard.warehouse import AppendLog, erase

        tables = dict(table_and_column(item) for item in columns)
        logs = [(AppendLog(self.folder / LOGS, name), "unit") for name in (EXPOSURES, TESTERS) if self._has_log(name)]
        erase(self.store, self.ledger, tables, person, who=who, why=why, logs=logs)
        return list(self.ledger.entries(kind="erasure"))[-1]

    def _has_log(self, name: str) -> bool:
        return (self.folder / LOGS / name).is_dir()
