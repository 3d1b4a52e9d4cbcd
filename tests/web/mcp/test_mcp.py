"""An agent is answered over the Model Context Protocol, in process and by a real process on standard input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from steelyard.canonical import plain
from steelyard.errors import DefinitionError, MissingExtraError
from steelyard.project import Project, open_project
from steelyard.web.access.rights import MAY, Right
from steelyard.web.live import LiveProject
from steelyard.web.mcp import mcp_server
from steelyard.web.mcp.agent import Agent
from steelyard.web.mcp.key import READING, rights_by_key

ASKING = {"list_metrics", "describe_metric", "query", "explain", "list_studies", "read_study", "read_result",
           "list_decisions", "read_decision"}  # fmt: skip
DECISION = {
    "name": "newsletter",
    "choice": "ship",
    "action": "Send it.",
    "why": "It pays.",
    "who": "Ada",
    "reversible": True,
}
Talk = Callable[[Client], Coroutine[Any, Any, Any]]


@pytest.fixture
def agent(own: Project) -> Iterator[Agent]:
    live = LiveProject(own)
    yield Agent(live)
    live.close()


def talk(server: Any, told: Talk) -> Any:
    """What comes of a talk; in a thread of its own, for the tests may have a loop."""
    from concurrent.futures import ThreadPoolExecutor

    async def whole() -> Any:
        async with Client(server) as client:
            return await told(client)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, whole).result(120)


def call(server: Any, tool: str, **given: Any) -> Any:
    async def told(client: Client) -> Any:
        return await client.call_tool(tool, given)

    return talk(server, told)


def answered(server: Any, tool: str, **given: Any) -> dict[str, Any]:
    found = call(server, tool, **given)
    assert not found.is_error, found
    assert json.loads(found.content[0].text) == found.structured_content
    said: dict[str, Any] = found.structured_content
    return said


@pytest.mark.parametrize(
    ("rights", "wanted"),
    [
        (READING, ASKING),
        (MAY["viewer"], ASKING - {"query"}),
        (MAY["analyst"], ASKING | {"run_study"}),
        (MAY["decider"], ASKING | {"run_study", "record_decision"}),
    ],
)
def test_who_may_has_the_tools_and_nobody_else(agent: Agent, rights: frozenset[Right], wanted: set[str]) -> None:
    async def told(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in talk(mcp_server(agent, rights), told)}
    assert set(tools) == wanted
    assert {name for name, tool in tools.items() if not tool.annotations.read_only_hint} == wanted - ASKING
    assert all(tool.description for tool in tools.values())
    assert call(mcp_server(agent), "record_decision", **DECISION).is_error


def test_every_answer_says_where_it_comes_from(agent: Agent, own: Project) -> None:
    server = mcp_server(agent)
    ledger = own.ledger
    digests = {kind: ledger.entries(kind=kind)[0].digest for kind in ("result", "decision")}
    dates = {
        "before_first": "2026-02-01",
        "before_last": "2026-02-14",
        "after_first": "2026-02-15",
        "after_last": "2026-02-28",
    }
    asked: dict[str, dict[str, Any]] = {
        "list_metrics": {}, "describe_metric": {"name": "revenue"}, "query": {"metrics": ["revenue"]},
        "explain": {"metric": "revenue", **dates}, "list_studies": {}, "read_study": {"name": "newsletter"},
        "read_result": {"digest": digests["result"]}, "list_decisions": {},
        "read_decision": {"digest": digests["decision"]},
    }  # fmt: skip
    assert set(asked) == ASKING
    for name, given in asked.items():
        provenance = answered(server, name, **given)["provenance"]
        assert (provenance["catalog"], provenance["ledger"]) == (own.newest, list(ledger.heads())), name


def test_a_query_is_what_the_project_answers(agent: Agent, own: Project) -> None:
    asked = {"metrics": ["revenue", "orders"], "by": ["channel"], "since": "2026-02-01", "where": "device = 'mobile'"}
    said = answered(mcp_server(agent), "query", **asked, grain="month", limit=100)
    found = own.query(asked["metrics"], by=["month", "channel"], since="2026-02-01", where=asked["where"], limit=100)
    assert said["rows"] == plain(found.rows())
    assert said["how"]["sql"] == found.how.sql
    assert said["provenance"]["reads"][0]["tables"] == plain(found.provenance.reads[0].tables)


def test_a_metric_is_described_as_it_is_defined(agent: Agent, own: Project) -> None:
    server, catalog = mcp_server(agent), own.definitions.metrics
    said = answered(server, "describe_metric", name="conversion")
    assert said["definition"] == plain(catalog.definition("conversion"))
    assert said["provenance"]["digest"] == catalog.digest("conversion")
    assert set(said["dimensions"]) == {"channel", "device"}
    assert {item["name"] for item in answered(server, "list_metrics")["metrics"]} == set(catalog.metrics)


def test_a_move_is_explained_in_words_and_numbers(agent: Agent, own: Project) -> None:
    said = answered(mcp_server(agent), "explain", metric="revenue", before_first="2026-02-01", before_last="2026-02-14",
                    after_first="2026-03-01", after_last="2026-03-14")  # fmt: skip
    found = own.explain("revenue", before=("2026-02-01", "2026-02-14"), after=("2026-03-01", "2026-03-14"))
    assert said["words"] == found.to_text()
    assert "SELECT" in json.dumps(said["provenance"]["hows"])


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("describe_metric", {"name": "revenu"}, "did you mean 'revenue'?"),
        ("query", {"metrics": ["revenue"], "by": ["email"]}, "PolicyError"),
        ("query", {"metrics": ["revenue"], "where": "1; DROP TABLE orders"}, "DefinitionError"),
        ("query", {"metrics": ["revenue"], "limit": 5000}, "format=csv"),
        ("query", {"metrics": ["revenue"], "since": "soon"}, "since"),
        ("read_study", {"name": "<script>"}, "UnknownNameError"),
        ("read_result", {"digest": "../../etc/passwd"}, "UnknownNameError"),
        ("query", {"metrics": "revenue; --"}, ""),
        ("query", {}, "metrics"),
    ],
)
def test_what_cannot_be_answered_is_said_and_is_no_crash(agent: Agent, name: str, given: Any, says: str) -> None:
    found = call(mcp_server(agent), name, **given)
    assert found.is_error
    assert says in found.content[0].text
    assert "Traceback" not in found.content[0].text


def test_an_analyst_runs_and_a_decider_records(agent: Agent, own: Project) -> None:
    before = len(own.results("newsletter"))
    said = answered(mcp_server(agent, MAY["analyst"]), "run_study", name="newsletter")
    assert len(own.results("newsletter")) == before + 1
    assert said["entry"] == own.results("newsletter")[-1][0].digest
    decider, due = mcp_server(agent, MAY["decider"], "agent"), {"2026-04-01": "Look again"}
    decided = answered(decider, "record_decision", **DECISION, follow_ups=due)
    entry = own.ledger.entries(kind="decision")[-1]
    assert entry.body["decision"]["who"] == "Ada, through the key 'agent'"
    assert entry.body["decision"]["cites"] == [said["entry"]]
    assert decided["provenance"]["ledger"] == list(own.ledger.heads())
    wrong = call(decider, "record_decision", **DECISION, follow_ups={"soon": "x"})
    assert wrong.is_error
    assert "is not a date" in wrong.content[0].text


@pytest.mark.parametrize("command", [["-m", "steelyard.web.mcp"], ["-m", "steelyard", "mcp", "--project"]], ids=str)
def test_a_real_process_answers_on_standard_input(own: Project, command: list[str]) -> None:
    async def told(client: Client) -> Any:
        tools = await client.list_tools()
        metrics = await client.call_tool("list_metrics", {})
        wrong = await client.call_tool("describe_metric", {"name": "revenu"})
        rows = await client.call_tool("query", {"metrics": ["orders"]})
        return {tool.name for tool in tools.tools}, metrics, wrong, rows

    started = StdioServerParameters(command=sys.executable, args=[*command, str(own.folder)], env=dict(os.environ))
    tools, metrics, wrong, rows = talk(started, told)
    assert tools == ASKING
    assert len(metrics.structured_content["metrics"]) == len(own.definitions.metrics.metrics)
    assert wrong.is_error
    assert rows.structured_content["rows"] == own.query("orders").rows()


KEY = "k" * 40


def with_key(folder: Path, role: str) -> None:
    path = folder / "steelyard.toml"
    said = f'[access.keys]\nagent = {{role = "{role}", key = "${{SHOP_KEY}}"}}\n'
    path.write_text(path.read_text(encoding="utf-8") + said, encoding="utf-8")


def test_a_key_in_the_environment_says_more(own: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with_key(own.folder, "decider")
    monkeypatch.setenv("SHOP_KEY", KEY)
    with open_project(own.folder) as project:
        assert rights_by_key(project, {}) == (READING, "")
        assert rights_by_key(project, {"STEELYARD_KEY": KEY}) == (MAY["decider"], "agent")
        with pytest.raises(DefinitionError, match="none of this project's") as caught:
            rights_by_key(project, {"STEELYARD_KEY": "w" * 40})
        assert "w" * 40 not in str(caught.value)

    async def told(client: Client) -> Any:
        return {tool.name for tool in (await client.list_tools()).tools}

    command, variables = ["-m", "steelyard.web.mcp", str(own.folder)], {**os.environ, "STEELYARD_KEY": KEY}
    started = StdioServerParameters(command=sys.executable, args=command, env=variables)
    assert talk(started, told) == ASKING | {"run_study", "record_decision"}


def test_a_folder_that_is_no_project_ends_with_the_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "steelyard.web.mcp", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert "problem:" in found.stderr


def test_without_the_extra_it_says_how_to_install_it(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(MissingExtraError, match="Model Context Protocol") as caught:
        mcp_server(agent)
    assert "steelyard[mcp]" in caught.value.hint


def test_nothing_of_a_talk_leaves_the_machine(own: Project) -> None:
    """The SDK records spans through the OpenTelemetry API, which without an SDK of it goes nowhere."""
    script = (
        "import socket, sys\n"
        "real = socket.socket.connect\n"
        "def connect(self, address): raise SystemExit(f'connected to {address}')\n"
        "socket.socket.connect = connect\n"
        "import steelyard.web.mcp.__main__ as entrance\n"
        "from opentelemetry import trace\n"
        "assert type(trace.get_tracer_provider()).__name__ == 'ProxyTracerProvider', trace.get_tracer_provider()\n"
        "sys.exit(entrance.main())\n"
    )

    async def told(client: Client) -> Any:
        return await client.call_tool("query", {"metrics": ["orders"]})

    started = StdioServerParameters(command=sys.executable, args=["-c", script, str(own.folder)], env=dict(os.environ))
    assert talk(started, told).structured_content["rows"] == own.query("orders").rows()
