"""The server of the Model Context Protocol: its tools, and who may use which."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from steelyard.definition_file import build
from steelyard.errors import MissingExtraError, SteelyardError
from steelyard.web import pages
from steelyard.web.access.rights import Right
from steelyard.web.api.asking import QueryBody
from steelyard.web.mcp.agent import Agent
from steelyard.web.mcp.key import READING

if TYPE_CHECKING:
    from mcp.server import MCPServer

__all__ = ["mcp_server"]

Grain = Literal["hour", "day", "week", "month", "quarter", "year"]
T = TypeVar("T", bound=Callable[..., dict[str, Any]])
INSTRUCTIONS = """Governed metrics, experiments and decisions of one company. Begin with list_metrics. Numbers come from
definitions, never from SQL of your own; every answer says in `provenance` (and `how`) which definition, SQL and table
versions made it: cite the digests. Read `notes` and `partial` before you compare periods. A verdict is what the rule of
a study says; what people chose is in the decisions."""


def mcp_server(agent: Agent, rights: Collection[Right] = READING, key: str = "") -> MCPServer[Any]:
    """The server of one project.

    Args:
        agent: Answers.
        rights: What may be done: `read`; `ask` questions of one's own; run a `study`; `act`, which records decisions.
        key: The name of the key that gives these rights; a decision names it beside who decided.

    Raises:
        MissingExtraError: The SDK is not installed.
    """
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        hint = "pip install 'steelyard[mcp]'"
        raise MissingExtraError("the SDK of the Model Context Protocol is not installed", hint=hint) from error
    server: MCPServer[Any] = MCPServer("steelyard", instructions=INSTRUCTIONS, log_level="WARNING")
    _reading(server, agent)
    if "ask" in rights:
        _asking(server, agent)
    if "study" in rights:
        _running(server, agent)
    if "act" in rights:
        _deciding(server, agent, key)
    return server


def _reading(server: MCPServer[Any], agent: Agent) -> None:
    tool = _tools(server, read_only=True)

    @tool
    def list_metrics() -> dict[str, Any]:
        """Every governed metric: its question, owner, unit, dimensions and the digest of its definition; and trees."""
        return agent.list_metrics()

    @tool
    def describe_metric(name: str) -> dict[str, Any]:
        """One metric: its whole definition, the dimensions that it can be grouped and filtered by, and its SQL."""
        return agent.describe_metric(name)

    @tool
    def explain(
        metric: str,
        before_first: str,
        before_last: str,
        after_first: str,
        after_last: str,
        dimensions: list[str] | None = None,
    ) -> dict[str, Any]:
        """Why a metric differs between two ranges of local dates: drivers and segments that stand out, in words."""
        ranges = (before_first, before_last), (after_first, after_last)
        return agent.explain(metric, *ranges, tuple(dimensions) if dimensions else None)

    @tool
    def list_studies() -> dict[str, Any]:
        """Every study with its question, kind, and the verdicts of its results, newest first."""
        return agent.page(pages.studies)

    @tool
    def read_study(name: str) -> dict[str, Any]:
        """One study: its definition, registration, and its latest result with estimates, checks and verdict."""
        return agent.page(pages.study, name=name)

    @tool
    def read_result(digest: str) -> dict[str, Any]:
        """One kept result by the digest of its entry: estimates, checks, verdict, and every SQL that it ran."""
        return agent.page(pages.result, digest=digest)

    @tool
    def list_decisions() -> dict[str, Any]:
        """What people chose, newest first, with what they cite and the follow-ups that are due."""
        return agent.page(pages.decisions)

    @tool
    def read_decision(digest: str) -> dict[str, Any]:
        """One decision: situation, task, action, result; the evidence, the alternatives, dissent and follow-ups."""
        return agent.page(pages.decision, digest=digest)


def _asking(server: MCPServer[Any], agent: Agent) -> None:
    tool = _tools(server, read_only=True)

    @tool
    def query(
        metrics: list[str],
        by: list[str] | None = None,
        grain: Grain | None = None,
        where: str | None = None,
        since: str | None = None,
        until: str | None = None,
        order: list[str] | None = None,
        limit: int = 200,
        having: str | None = None,
        as_of: str | int | None = None,
    ) -> dict[str, Any]:
        """Governed metrics as rows, with how they were made.

        `by` are dimensions; `where` is a condition on dimensions such as country = 'DE'; `since` and `until` are local
        dates, both included; `order` are columns, with - before one that is sorted from the largest down; `as_of` is a
        date or a catalog version, to see what was known then.
        """
        said = {"metrics": metrics, "by": by, "grain": grain, "where": where, "since": since, "until": until,
                "order": order, "limit": limit, "having": having, "as_of": as_of}  # fmt: skip
        return agent.query(build(QueryBody, {key: value for key, value in said.items() if value is not None}))


def _running(server: MCPServer[Any], agent: Agent) -> None:
    tool = _tools(server, read_only=False)

    @tool
    def run_study(name: str) -> dict[str, Any]:
        """Runs a study as its file defines it, and keeps the result in the ledger for good."""
        return agent.run_study(name)


def _deciding(server: MCPServer[Any], agent: Agent, key: str) -> None:
    tool = _tools(server, read_only=False)

    @tool
    def record_decision(
        name: str,
        choice: str,
        action: str,
        why: str,
        who: str,
        reversible: bool,
        question: str = "",
        expected_effect: str = "",
        alternatives: list[str] | None = None,
        dissent: list[str] | None = None,
        follow_ups: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Records for good what people chose, citing the study's latest result; never decide for them.

        `who` is the person who decides; `follow_ups` are dates with what is to be looked at then.
        """
        by = f"{who}, through the key {key!r}" if key and who.strip() else who
        said = {"choice": choice, "action": action, "why": why, "who": by, "reversible": reversible,
                "question": question, "expected_effect": expected_effect, "alternatives": tuple(alternatives or ()),
                "dissent": tuple(dissent or ())}  # fmt: skip
        return agent.record_decision(name, said, follow_ups or {})


def _tools(server: MCPServer[Any], *, read_only: bool) -> Callable[[T], T]:
    """Adds a function as a tool whose errors are the ones that pages show."""
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import ToolAnnotations

    marks = ToolAnnotations(
        read_only_hint=read_only, destructive_hint=False, idempotent_hint=read_only, open_world_hint=False
    )

    def add(function: T) -> T:
        @functools.wraps(function)
        def told(*given: Any, **named: Any) -> dict[str, Any]:
            try:
                return function(*given, **named)
            except SteelyardError as error:
                raise ToolError(json.dumps(error.to_dict(), ensure_ascii=False)) from error

        server.tool(annotations=marks)(told)
        return function

    return add
