"""Two loads of one source at once: the one that comes second looks again, and nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.pipeline.load import load
from steelyard.pipeline.progress import ProgressEvent
from steelyard.pipeline.source_definition import source_definition
from steelyard.warehouse import ConflictError, Store


def test_a_load_that_comes_second_looks_again_from_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,x\n1,1\n2,b\n", encoding="utf-8")
    data = {"kind": "files", "path": "*.csv", "columns": {"id": "BIGINT", "x": "BIGINT"}}
    source = source_definition("rows", data)
    store = Store.open(tmp_path / "store")
    others: list[int] = []

    def interfere(_: ProgressEvent) -> None:
        if not others:
            others.append(load(source, store, project_folder=tmp_path).rows)
            (tmp_path / "b.csv").write_text("id,x\n3,3\n", encoding="utf-8")

    report = load(source, store, project_folder=tmp_path, progress=interfere)
    assert others == [1]
    with store.warehouse() as warehouse:
        assert warehouse.fetch("SELECT id FROM rows ORDER BY id").column("id").to_pylist() == [1, 3]
        assert warehouse.fetch("SELECT count(*) AS n FROM rows_rejects").column("n").to_pylist() == [1]
    assert (report.rows, report.rejected) == (1, 0)


def test_a_load_that_always_comes_second_says_so(tmp_path: Path) -> None:
    (tmp_path / "a0.csv").write_text("id\n0\n", encoding="utf-8")
    source = source_definition("rows", {"kind": "files", "path": "*.csv", "columns": {"id": "BIGINT"}})
    store = Store.open(tmp_path / "store")
    number = 0

    def interfere(_: ProgressEvent) -> None:
        nonlocal number
        load(source, store, project_folder=tmp_path)
        number += 1
        (tmp_path / f"a{number}.csv").write_text(f"id\n{number}\n", encoding="utf-8")

    with pytest.raises(ConflictError) as caught:
        load(source, store, project_folder=tmp_path, progress=interfere)
    assert "run it again" in str(caught.value)
    assert load(source, store, project_folder=tmp_path).rows == 1
    with store.warehouse() as warehouse:
        ids = warehouse.fetch("SELECT id FROM rows ORDER BY id").column("id").to_pylist()
    assert ids == list(range(number + 1))
