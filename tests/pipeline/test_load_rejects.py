"""Every line of a file is a row of the table or a row of its rejects, with file, line, text and reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError

sys.path.insert(0, str(Path(__file__).parent))
from loading import COLUMNS, Place, check

CSV = {"kind": "files", "path": "orders.csv", "columns": COLUMNS}
HEAD = "id,at,amount,note\n"
GOOD = "1,2026-01-02 03:04:05,9.90,a\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x,2026-01-02,1,n", "column 'id': 'x' is no BIGINT"),
        ("12.5,2026-01-02,1,n", "column 'id': '12.5' is no BIGINT"),
        ("1_000,2026-01-02,1,n", "'1_000' is no BIGINT"),
        ("0x10,2026-01-02,1,n", "'0x10' is no BIGINT"),
        ("1e3,2026-01-02,1,n", "'1e3' is no BIGINT"),
        ("99999999999999999999,2026-01-02,1,n", "is no BIGINT"),
        ("1,2026-02-30,1,n", "column 'at': '2026-02-30' is no TIMESTAMP"),
        ("1,2026-01-02 25:00:00,1,n", "is no TIMESTAMP"),
        ("1,2026-01-02T03:04:05+02:00,1,n", "is no TIMESTAMP"),
        ("1,2026-01-02 03:04:5Z,1,n", "is no TIMESTAMP"),
        ("1,infinity,1,n", "is no TIMESTAMP"),
        ('1,2026-01-02,"12,5",n', "column 'amount': '12,5' is no DECIMAL(9,2)"),
        ("1,2026-01-02,1.239,n", "'1.239' is no DECIMAL(9,2)"),
        ("1,2026-01-02,123456789.00,n", "is no DECIMAL(9,2)"),
        ("1,2026-01-02,nan,n", "is no DECIMAL(9,2)"),
        ("1,2026-01-02,1", "too few values"),
        ("1,2026-01-02,1,n,extra", "too many values"),
        ('1,2026-01-02,1,"c"x', "a quote is not closed, or text follows a closed one"),
    ],
)
def test_what_does_not_parse_is_rejected_with_its_place_text_and_reason(place: Place, line: str, reason: str):
    place.write("orders.csv", HEAD + GOOD + line + "\n" + GOOD)
    report = place.load(CSV)
    assert (report.rows, report.rejected, place.count()) == (2, 1, 2)
    ((source, number, why, raw),) = place.rejects()
    assert (source, number, raw) == ("orders.csv", 3, line)
    assert reason in why
    assert check(report, "rejected_rows").status == "failed"


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("BIGINT", "5.0", "5"),
        ("BIGINT", " 7 ", "7"),
        ("BIGINT", "+5", "5"),
        ("BIGINT", "007", "7"),
        ("UTINYINT", "255", "255"),
        ("DECIMAL(9,2)", "1.500", "1.50"),
        ("DECIMAL(9,2)", ".5", "0.50"),
        ("DECIMAL(9,2)", "-0.01", "-0.01"),
        ("DECIMAL(20,0)", "12345678901234567890", "12345678901234567890"),
        ("DOUBLE", "1e-3", "0.001"),
        ("DATE", "2026-1-2", "2026-01-02"),
        ("DATE", "2026/01/02", "2026-01-02"),
        ("DATE", "2026-01-02 00:00:00", "2026-01-02"),
        ("TIMESTAMP", "2026-01-02T03:04:05.250", "2026-01-02 03:04:05.25"),
        ("TIMESTAMP", "2026-01-02", "2026-01-02 00:00:00"),
        ("TIMESTAMPTZ", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00"),
        ("TIMESTAMPTZ", "2026-01-02T03:04:05+02:00", "2026-01-02 01:04:05+00"),
        ("TIMESTAMPTZ", "2026-01-02 03:04:05 +0200", "2026-01-02 01:04:05+00"),
        ("TIMESTAMPTZ", "2026-01-02 03:04:05 UTC", "2026-01-02 03:04:05+00"),
        ("TIMESTAMPTZ", "2026-07-02 03:04:05", "2026-07-02 01:04:05+00"),
        ("TIMESTAMPTZ", "2026-01-02", "2026-01-01 23:00:00+00"),
        ("TIME", "12:30", "12:30:00"),
        ("BOOLEAN", "yes", "true"),
        ("JSON", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_other_spellings_of_the_same_value_are_kept(place: Place, column: str, text: str, value: str):
    quoted = '"' + text.replace('"', '""') + '"'
    place.write("v.csv", f"k,v\n1,{quoted}\n")
    said = {"kind": "files", "path": "v.csv", "columns": {"k": "INTEGER", "v": column}, "zone": "Europe/Berlin"}
    assert place.load(said).rejected == 0
    assert place.rows("SELECT CAST(v AS VARCHAR) AS v FROM orders") == [(value,)]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("DOUBLE", "1e400"),
        ("DOUBLE", "nan"),
        ("DOUBLE", "1_0.5"),
        ("UTINYINT", "256"),
        ("DATE", "2026-01-02 13:00:00"),
        ("DATE", "26-01-02  "),
        ("DATE", "02.01.2026"),
        ("DATE", "infinity"),
        ("TIMESTAMP", "2026-01-02 03:04:05.1234567"),
        ("TIMESTAMPTZ", "2026-01-02 03:04:05 America/New_York"),
        ("TIME", "12:30:61"),
        ("BOOLEAN", "perhaps"),
        ("UUID", "123"),
        ("JSON", "{a: 1}"),
    ],
)
def test_what_an_engine_would_silently_change_is_rejected(place: Place, column: str, text: str):
    quoted = '"' + text.replace('"', '""') + '"'
    place.write("v.csv", f"k,v\n1,{quoted}\n2,\n")
    said = {"kind": "files", "path": "v.csv", "columns": {"k": "INTEGER", "v": column}}
    report = place.load(said)
    assert (report.rows, report.rejected) == (1, 1)
    place.write("v.jsonl", json.dumps({"k": 1, "v": text}) + "\n" + json.dumps({"k": 2, "v": None}) + "\n")
    report = place.load({**said, "path": "v.jsonl"}, name="others")
    assert (report.rows, report.rejected) == (1, 1)


def test_bytes_that_are_not_utf8_are_shown_and_the_other_lines_kept(place: Place):
    place.write("orders.csv", HEAD.encode() + b"1,2026-01-02,1,caf\xe9\n" + GOOD.encode())
    assert place.load(CSV).rows == 1
    assert place.rejects() == [("orders.csv", 2, "not in the file's encoding", "1,2026-01-02,1,caf\\xe9")]
    assert place.load({**CSV, "encoding": "latin-1"}, name="latin").rejected == 0
    assert place.rows("SELECT note FROM latin WHERE note <> 'a'") == [("café",)]


def test_a_quote_that_is_never_closed_costs_one_line(place: Place):
    lines = [f"{i},2026-01-02,1,n{i}" for i in range(50)]
    lines[10] = '10,2026-01-02,1,"never closed'
    place.write("orders.csv", HEAD + "\n".join(lines) + "\n")
    report = place.load(CSV)
    assert (report.rows, report.rejected) == (49, 1)
    assert place.rejects() == [("orders.csv", 12, "a quote is not closed", lines[10])]


def test_quoted_line_breaks_blank_lines_and_both_line_ends_are_one_row_each(place: Place):
    body = '1,2026-01-02,1,"two\nlines"\n\n2,2026-01-02,1,x\n3,2026-02-30,1,"bad\nlines"\n'
    place.write("orders.csv", HEAD + body)
    assert place.load(CSV).rows == 2
    assert place.rows("SELECT note FROM orders ORDER BY id") == [("two\nlines",), ("x",)]
    ((_, line, _, raw),) = place.rejects()
    assert (line, raw) == (6, '3,2026-02-30,1,"bad\nlines"')
    mixed = "id,at,amount,note\r\n1,2026-01-02,1,a\r\n2,2026-01-02,1,b\n3,2026-01-02,x,c\r\n"
    place.write("mixed.csv", mixed)
    report = place.load({**CSV, "path": "mixed.csv"}, name="mixed")
    assert (report.rows, report.rejected) == (2, 1)
    assert place.rejects("mixed")[0][1] == 4


def test_a_header_in_another_order_and_case_still_names_its_columns(place: Place):
    place.write("orders.csv", "\ufeffAmount;NOTE;id;at\n1.50;x;7;2026-01-02\nz;y;8;2026-01-02\n")
    report = place.load({**CSV, "delimiter": ";"})
    assert place.rows("SELECT id, CAST(amount AS VARCHAR) AS amount, note FROM orders") == [(7, "1.50", "x")]
    assert place.rejects() == [("orders.csv", 3, "column 'amount': 'z' is no DECIMAL(9,2)", "z;y;8;2026-01-02")]
    assert report.added_columns == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("1,2026-01-02,1,n\n2,2026-01-02,1,n\n", "names none of the declared columns"),
        ("id;at;amount;note\n1;2;3;4\n", "names none of the declared columns"),
        ("id,id,at,note\n1,2,3,4\n", "twice"),
        ("id,at,,note\n1,2,3,4\n", "twice or not at all"),
    ],
)
def test_a_header_that_is_missing_or_wrong_loads_nothing(place: Place, content: str, problem: str):
    place.write("orders.csv", content)
    with pytest.raises(DataError, match=problem) as caught:
        place.load(CSV)
    assert caught.value.where == "orders.csv:1"
    assert place.versions() == 0


def test_without_a_header_the_declared_columns_name_the_values(place: Place):
    place.write("orders.csv", "1,2026-01-02,1,n\nx,2026-01-02,1,n\n")
    report = place.load({**CSV, "header": False})
    assert (report.rows, report.rejected) == (1, 1)
    assert place.rejects()[0][1] == 2


def test_texts_that_mean_nothing_are_null(place: Place):
    place.write("orders.csv", HEAD + "1,NA,NA,\n2,,,NA\n")
    place.load({**CSV, "nulls": ["NA"]})
    assert place.rows("SELECT at, amount, note FROM orders") == [(None, None, None)] * 2


def test_too_many_rejected_rows_fail_the_load_and_publish_nothing(place: Place):
    place.write("orders.csv", HEAD + GOOD * 8 + "x,,,\ny,,,\n")
    with pytest.raises(DataError, match=r"2 of 10 rows are rejected") as caught:
        place.load({**CSV, "max_rejected": 0.1})
    assert "orders.csv:10: column 'id': 'x'" in caught.value.hint
    with pytest.raises(DataError):
        place.load({**CSV, "max_rejected": 1})
    assert place.versions() == 0
    assert place.load({**CSV, "max_rejected": 0.2}).rows == 8


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": 1', "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"id": 1, "id": 2}', "a key is given twice"),
        ('{"id": 12.5}', "column 'id': '12.5' is no BIGINT"),
        ('{"id": true}', "column 'id': 'true' is no BIGINT"),
        ('{"id": 1, "amount": 12345678901234567.89}', "is no DECIMAL(9,2)"),
        ('{"id": 1, "at": "2026-02-30"}', "column 'at': '2026-02-30' is no TIMESTAMP"),
    ],
)
def test_a_json_line_that_does_not_parse_is_rejected_as_it_stands(place: Place, line: str, reason: str):
    good = '{"id": 1, "at": "2026-01-02", "amount": 1.10, "note": "a"}\n'
    place.write("orders.jsonl", good + line + "\n\n" + good)
    report = place.load({**CSV, "path": "orders.jsonl"})
    assert (report.rows, report.rejected) == (2, 1)
    ((_, number, why, raw),) = place.rejects()
    assert (number, raw) == (2, line)
    assert reason in why


def test_a_json_number_with_more_digits_than_a_double_is_not_changed_silently(place: Place):
    place.write("n.jsonl", '{"v": 12345678901234567.89}\n{"v": "12345678901234567.89"}\n{"v": 0.1}\n')
    report = place.load({"kind": "files", "path": "n.jsonl", "columns": {"v": "DECIMAL(20,2)"}})
    assert (report.rows, report.rejected) == (2, 1)
    assert place.rows("SELECT CAST(v AS VARCHAR) AS v FROM orders ORDER BY v") == [("0.10",), ("12345678901234567.89",)]


def test_bad_bytes_in_json_lines_cost_one_line(place: Place):
    place.write("orders.jsonl", b'{"id": 1}\n{"note": "\xff"}\n{"id": 3}')
    report = place.load({**CSV, "path": "orders.jsonl"})
    assert (report.rows, report.rejected) == (2, 1)
    assert place.rejects()[0][1] == 2


def test_rejects_of_several_files_keep_their_files(place: Place):
    for number in range(3):
        place.write(f"in/{number}.csv", HEAD + GOOD + f"x{number},,,\n")
        place.write(f"in/{number}.jsonl", '{"id": 1}\n' + f'{{"id": "x{number}"}}\n')
    place.load({**CSV, "path": "in/*.csv"})
    assert [row[:2] for row in place.rejects()] == [(f"in/{number}.csv", 3) for number in range(3)]
    place.load({**CSV, "path": "in/*.jsonl"}, name="lines")
    assert [row[:2] for row in place.rejects("lines")] == [(f"in/{number}.jsonl", 2) for number in range(3)]


@pytest.mark.parametrize(
    ("said", "error", "problem"),
    [
        ({"path": "absent.csv"}, DataError, "there is no file 'absent.csv'"),
        ({"path": "*.nothing"}, DataError, "no file matches"),
        ({"path": "a.unknown"}, DefinitionError, "what format"),
    ],
)
def test_what_is_not_there_is_a_clear_error(place: Place, said: dict, error: type, problem: str):
    place.write("a.unknown", "x")
    with pytest.raises(error, match=problem):
        place.load({**CSV, **said})
    assert place.versions() == 0


def test_what_is_no_parquet_file_is_a_clear_error(place: Place):
    place.write("a.parquet", "this is no parquet")
    with pytest.raises(DataError, match="no Parquet file"):
        place.load({"kind": "files", "path": "a.parquet"})


def test_an_empty_file_makes_an_empty_table_with_its_declared_columns(place: Place):
    place.write("orders.csv", "")
    report = place.load(CSV)
    assert (report.rows, place.count()) == (0, 0)
    assert dict(place.store.snapshot().tables["orders"].columns)["amount"] == "DECIMAL(9,2)"
    place.write("orders.csv", HEAD + GOOD)
    assert place.load(CSV).rows == 1


def test_a_null_key_is_counted_not_dropped(place: Place):
    place.write("orders.csv", HEAD + GOOD + ",2026-01-02,1,n\n")
    report = place.load({**CSV, "key": "id"})
    assert (report.rows, report.rejected) == (1, 1)
    assert place.rejects()[0][2] == "the key 'id' is null"


def test_gzip_files_are_read_and_counted_the_same(place: Place):
    import gzip

    place.write("orders.csv.gz", gzip.compress((HEAD + GOOD + "x,,,\n").encode()))
    place.write("orders.jsonl.gz", gzip.compress(b'{"id": 1}\n{"id": "x"}\n'))
    for name in ("orders.csv.gz", "orders.jsonl.gz"):
        report = place.load({**CSV, "path": name}, name=name[7:10])
        assert (report.rows, report.rejected) == (1, 1)
    assert place.rejects("csv")[0][1] == 3


@pytest.mark.parametrize("seed", range(3))
def test_in_a_large_file_every_bad_line_keeps_its_number(place: Place, seed: int):
    import random

    chance = random.Random(seed)
    bad = {}
    with (place.folder / "orders.csv").open("w") as file:
        file.write(HEAD)
        for number in range(2, 60_002):
            line = f"{number},2026-01-02 03:04:05,{number / 100:.2f},{'text' * 20}"
            if chance.random() < 0.01:
                line = chance.choice([f"x{number},,,", f"{number},2026-01-02,1", f"{number},2026-02-30,,q"])
                bad[number] = line
            file.write(line + "\n")
    report = place.load(CSV)
    assert report.rows + report.rejected == 60_000
    assert {line: raw for _, line, _, raw in place.rejects()} == bad


CELLS = st.text(alphabet=st.sampled_from('0123456789.,-"\n \r;exZ:T+'), max_size=8)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(st.just(GOOD), CELLS.map(lambda text: text + "\n")), max_size=12))
def test_whatever_a_file_holds_every_line_is_kept_or_rejected_once(tmp_path_factory, lines: list[str]):
    place = Place(tmp_path_factory.mktemp("any"))
    content = HEAD + "".join(lines)
    place.write("orders.csv", content)
    report = place.load(CSV)
    kept = sum(1 for line in content.split("\n") if line + "\n" == GOOD)
    assert report.rows == place.count()
    assert report.rejected == place.count("orders_rejects")
    assert report.rows >= kept - content.count('"')
    if '"' not in content and "\r" not in content:
        assert report.rows + report.rejected == sum(1 for line in content.split("\n")[1:] if line)
        assert all(content.split("\n")[line - 1] == raw for _, line, _, raw in place.rejects())
