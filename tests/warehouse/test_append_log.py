"""The log that applications append to."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, WarehouseError
from steelyard.warehouse import AppendLog, Segment


def lines(segments: Iterable[Segment]) -> list[dict[str, object]]:
    return [json.loads(line) for segment in segments for line in segment.path.read_text().split("\n") if line]


def test_rows_come_back_once_each_by_segment(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "exposures")
    assert log.append([{"id": "a", "x": 1}, {"id": "b", "text": "line\nbreak \u2028 é"}]) == 2
    first = log.segments()
    assert log.append([{"id": "c"}]) == 1
    second = log.segments(after=first[-1].number)
    assert [segment.number for segment in (*first, *second)] == [1, 2]
    assert lines(first) == [{"id": "a", "x": 1}, {"id": "b", "text": "line\nbreak \u2028 é"}]
    assert lines(second) == [{"id": "c"}]
    assert log.segments() == (*first, *second)
    assert log.segments(after=2) == ()


def test_a_row_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "exposures")
    assert log.append([{"id": 1}, {"id": 1}, {"id": 2}]) == 2
    log.segments()
    assert AppendLog(tmp_path, "exposures").append([{"id": 2}, {"id": 3}]) == 1
    assert [row["id"] for row in lines(log.segments())] == [1, 2, 3]


def test_an_id_with_another_content_is_an_error_and_the_batch_is_not_written(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "exposures")
    log.append([{"id": "a", "arm": "x"}])
    with pytest.raises(DataError, match="another content"):
        log.append([{"id": "b"}, {"id": "a", "arm": "y"}])
    assert lines(log.segments()) == [{"id": "a", "arm": "x"}]
    assert log.append([{"id": "b"}]) == 1


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": ""}])
def test_a_row_without_an_id_is_refused(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(DataError, match="no id"):
        AppendLog(tmp_path, "log").append([{"id": 1}, row])
    assert AppendLog(tmp_path, "log").segments() == ()


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DefinitionError):
        AppendLog(tmp_path, name)


def test_a_torn_line_is_set_aside_and_reported_and_the_log_goes_on(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "log")
    log.append([{"id": 1}])
    with (log.folder / "00000001.jsonl").open("ab") as file:
        file.write(b'{"id": 2}\n{"id": 3, "x')
    assert log.torn() == ()
    assert log.append([{"id": 2}]) == 1
    assert [path.read_text() for path in log.torn()] == ['{"id": 2}\n{"id": 3, "x']
    assert [row["id"] for row in lines(log.segments())] == [1, 2]


def test_a_torn_line_is_set_aside_when_the_segment_is_sealed(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "log")
    log.append([{"id": 1}])
    with (log.folder / "00000001.jsonl").open("ab") as file:
        file.write(b'{"id": 3, "x')
    assert [row["id"] for row in lines(log.segments())] == [1]
    assert len(log.torn()) == 1


def test_a_persons_rows_can_be_taken_out(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "log")
    for number in range(6):
        log.append([{"id": number, "customer": number % 2}])
        if number == 2:
            log.segments()
    assert log.erase("customer", "1") == 3
    assert [(segment.number, segment.rows) for segment in log.segments()] == [(1, 2), (2, 1)]
    assert {row["customer"] for row in lines(log.segments())} == {0}
    assert log.append([{"id": 1, "customer": 1}]) == 0


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    log = AppendLog(tmp_path, "log")
    log.append([{"id": 1}])
    with sqlite3.connect(log.folder / "index.db") as index:
        index.execute("PRAGMA user_version = 9")
    index.close()
    with pytest.raises(WarehouseError, match="format 9"):
        log.append([{"id": 2}])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=8), st.data())
def test_every_id_is_there_exactly_once_in_the_order_of_its_first_coming(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], data: st.DataObject
) -> None:
    log, loaded, after = AppendLog(tmp_path_factory.mktemp("log"), "log"), [], 0
    for batch in batches:
        log.append([{"id": number} for number in batch])
        if data.draw(st.booleans()):
            fresh = log.segments(after=after)
            loaded += lines(fresh)
            after = fresh[-1].number if fresh else after
    loaded += lines(log.segments(after=after))
    assert [row["id"] for row in loaded] == list(dict.fromkeys(number for batch in batches for number in batch))


WRITER = """
import sys
from steelyard.warehouse import AppendLog
log, who, start = AppendLog(sys.argv[1], "log"), sys.argv[2], int(sys.argv[3])
for batch in range(start, start + int(sys.argv[4])):
    log.append([{"id": f"{who}-{batch}-{i}", "batch": f"{who}-{batch}", "pad": "x" * 2000} for i in range(20)])
    print(batch, flush=True)
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_many_processes_append_at_once_and_every_batch_is_whole(tmp_path: Path) -> None:
    writers = [start(tmp_path, who, 0, 25) for who in "abc"]
    outcomes = [writer.communicate(timeout=120) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], outcomes
    rows = lines(AppendLog(tmp_path, "log").segments())
    assert len(rows) == len({row["id"] for row in rows}) == 3 * 25 * 20


def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_no_half_batch(tmp_path: Path) -> None:
    rng, acknowledged, loaded, after = random.Random(7), 0, [], 0
    for _ in range(12):
        writer = start(tmp_path, "a", acknowledged, 10_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0, 0.1))
        writer.kill()
        said = writer.communicate()[0].split()
        acknowledged = int(said[-1]) + 1 if said else acknowledged + 1
        fresh = AppendLog(tmp_path, "log").segments(after=after)
        loaded += lines(fresh)
        after = fresh[-1].number if fresh else after
    ids = [row["id"] for row in loaded]
    assert len(ids) == len(set(ids))
    assert {f"a-{batch}-{i}" for batch in range(acknowledged) for i in range(20)} <= set(ids)
    assert len(ids) % 20 == 0
