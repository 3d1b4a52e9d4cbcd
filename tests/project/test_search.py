"""Everything that a project knows is found by its words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.errors import DefinitionError
from steelyard.project import Project, open_project
from steelyard.project.search import search

FILES = {
    "steelyard.toml": 'name = "Shop"\n',
    "metrics/shop.yml": """tables:
  orders: {key: order_id, time: at}
metrics:
  revenue: {sum: orders.amount, owner: growth, question: What did customers pay us?}
  refund_rate: {ratio: {numerator: {count: orders, where: refunded}, denominator: {count: orders}}}
""",
    "studies/one_page.yml": """kind: experiment
question: Does a one-page checkout raise revenue?
unit: id
table: visits
arms: {control: 0.5, one_page: 0.5}
primary: {metric: spend}
""",
    "initiatives/checkout.yml": "goal: A checkout that nobody leaves\nstudies: [one_page]\nmetric: revenue\n",
    "documents/refunds/policy.md": "# How we refund\n\nRevenue is booked when the parcel leaves.\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with open_project(tmp_path) as opened:
        opened.decide("one_page", choice="hold", action="Wait.", why="Revenue is noisy.", who="Ada", reversible=True)
        yield opened


def kinds(project: Project, text: str) -> list[str]:
    return [item.kind for item in search(project, text).found]


def test_every_kind_is_found_and_a_name_comes_first(project: Project) -> None:
    assert project.problems == ()
    found = search(project, "revenue").found
    assert (found[0].kind, found[0].name) == ("metric", "revenue")
    assert {item.kind for item in found} == {"metric", "study", "decision", "initiative", "document"}
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)


def test_all_words_must_be_there_and_their_beginnings_do(project: Project) -> None:
    assert kinds(project, "REFUND rat") == ["metric"]
    assert kinds(project, "parcel leav") == ["document"]
    assert kinds(project, "parcel checkout") == []
    assert kinds(project, "noisy") == ["decision"]


def test_a_kind_narrows_it_and_a_limit_is_told(project: Project) -> None:
    assert [item.kind for item in search(project, "revenue", kinds=["study"]).found] == ["study"]
    cut = search(project, "revenue", most=2)
    assert (len(cut.found), cut.total) == (2, 5)


def test_a_misspelt_word_has_its_nearest(project: Project) -> None:
    assert search(project, "revenu3").nearest == ("revenue",)


def test_words_around_the_match_are_shown(project: Project) -> None:
    (found,) = search(project, "parcel").found
    assert (found.name, found.title) == ("refunds/policy.md", "How we refund")
    assert "booked when the parcel leaves" in found.text


@pytest.mark.parametrize("text", ["", " -- ", "a " * 13, "x" * 300])
def test_nothing_and_too_much_are_refused(project: Project, text: str) -> None:
    with pytest.raises(DefinitionError, match="search for"):
        search(project, text)
    with pytest.raises(DefinitionError, match="no kind"):
        search(project, "revenue", kinds=["person"])


def test_a_document_that_leads_out_of_the_project_is_not_read(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("elsewhere") / "secret.md"
    outside.write_text("# xyzzy\n", encoding="utf-8")
    (project.folder / "documents" / "link.md").symlink_to(outside)
    outcome = search(project, "xyzzy")
    assert outcome.found == ()
    assert outcome.unread == ("documents/link.md leads out of the project, and is not read",)


def test_an_initiative_that_names_what_is_not_there_is_a_problem(project: Project) -> None:
    (project.folder / "initiatives" / "checkout.yml").write_text("goal: x\nstudies: [one_pag]\nmetric: revenu\n")
    project.reread()
    assert [error.problem for error in project.problems] == ["no study named 'one_pag'", "no metric named 'revenu'"]
    assert "did you mean" in str(project.problems[0])


def test_a_project_says_where_each_initiative_stands(project: Project) -> None:
    (standing,) = project.initiatives()["checkout"]
    states = {step.name: step.done for step in standing.steps}
    assert states == {
        "hypothesis": True, "registered": False, "launched": False, "measured": False, "decided": True,
        "reviewed": False,
    }  # fmt: skip
    project.review("one_page", outcome="no_effect", happened="+0.1 %, not told from nothing", who="Grace")
    (standing,) = project.initiatives()["checkout"]
    assert standing.steps[-1].says.startswith("no effect, Grace")
    assert standing.next_step is None


def test_a_search_is_shown_in_a_terminal_and_in_a_notebook(project: Project) -> None:
    found = project.search("refund")
    assert "refund_rate" in found.to_text()
    assert "refund_rate" in found._repr_html_()
    assert [item["name"] for item in found.to_dict()["found"]] == [item.name for item in found.found]
    assert "Did you mean revenue?" in project.search("revenoe").to_text()
