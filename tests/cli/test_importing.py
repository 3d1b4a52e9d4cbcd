"""`steelyard import` as a user meets it: the account, the file, JSON, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

FIXTURES = Path(__file__).resolve().parents[1] / "metrics" / "importing" / "fixtures"


def steelyard(*words: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr
    return done


def test_an_import_writes_its_file_and_says_what_is_not_in_it(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "shop.semantic_manifest.json", tmp_path / "m.json")
    done = steelyard("import", "m.json", "--output", "metrics/imported.yml", folder=tmp_path)
    written = (tmp_path / "metrics" / "imported.yml").read_text()
    assert "revenue_growth" in done.stdout
    assert "--details shows: Carried, The file." in done.stdout
    assert "metrics/imported.yml is written; metrics: 29, tables: 5" in done.stdout
    assert yaml.safe_load(written)["metrics"]["revenue"] == {
        "sum": "shop_orders.amount",
        "description": "What customers paid.",
    }
    assert "# - metric revenue_growth: it takes 'revenue' as it was 1 month before" in written


def test_a_file_that_is_there_is_kept_unless_it_may_be_lost(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "shop.semantic_manifest.json", tmp_path / "m.json")
    (tmp_path / "mine.yml").write_text("metrics: {}\n")
    refused = steelyard("import", "m.json", "-o", "mine.yml", folder=tmp_path, code=2)
    assert "problem: there is a file 'mine.yml' already" in refused.stderr
    assert (tmp_path / "mine.yml").read_text() == "metrics: {}\n"
    steelyard("import", "m.json", "-o", "mine.yml", "--overwrite", folder=tmp_path)
    assert "shop_orders" in (tmp_path / "mine.yml").read_text()


def test_a_program_gets_the_account_as_json(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "shop.osi_document.json", tmp_path / "a.json")
    said = json.loads(steelyard("import", "a.json", "--json", folder=tmp_path).stdout)
    assert said["format"] == "Apache Ossie"
    assert said["counts"]["left out"] == sum(item["fate"] == "left out" for item in said["items"])
    assert yaml.safe_load(said["yaml"])["tables"]["shop_orders"]["key"] == "order_id"


def test_what_is_neither_is_refused_in_three_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    refused = steelyard("import", "a.json", folder=tmp_path, code=2)
    assert refused.stderr.splitlines()[0].startswith("problem: this is not JSON")
    assert refused.stderr.splitlines()[1] == "where:   a.json:1"
    missing = steelyard("import", "gone.json", folder=tmp_path, code=2)
    assert "no file 'gone.json'" in missing.stderr
