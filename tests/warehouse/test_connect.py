"""What can be connected to, and what is said where it cannot."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard.errors import DataError, DefinitionError, LockedError, UnknownNameError, WarehouseError
from steelyard.warehouse import Query, connect
from steelyard.warehouse.secrets import resolve, scrub, without_secrets

ORDERS = pa.table({"id": [1, 2, 3], "city": ["Oslo", None, "Zürich"]})


def _rows(source: object, sql: str = "SELECT id, city FROM data ORDER BY id") -> list[dict[str, object]]:
    with connect(source) as warehouse:
        return list(warehouse.fetch(sql).to_pylist())


def test_every_kind_of_frame_is_the_same_table() -> None:
    import pandas as pd
    import polars as pl

    want = ORDERS.to_pylist()
    columns = ORDERS.to_pydict()
    for frame in (
        ORDERS,
        ORDERS.to_batches()[0],
        ORDERS.to_reader(),
        pl.DataFrame(columns),
        pl.LazyFrame(columns),
        pd.DataFrame(columns),
    ):
        assert _rows(frame) == want, type(frame)


def test_frames_by_name_are_tables_of_these_names() -> None:
    with connect({"orders": ORDERS, "order; drop table x": ORDERS}) as warehouse:
        assert warehouse.tables() == ("order; drop table x", "orders")
        assert warehouse.columns("orders") == {"id": "BIGINT", "city": "VARCHAR"}
        assert warehouse.version("orders").rows == 3
        assert warehouse.fetch('SELECT count(*) AS n FROM "order; drop table x"').to_pylist() == [{"n": 3}]


def test_pandas_categories_and_missing_values_come_as_text_and_null() -> None:
    import pandas as pd

    frame = pd.DataFrame({"id": [1, 2], "city": pd.Categorical(["a", None]), "x": [float("nan"), 1.5]}, index=[7, 8])
    got = _rows(frame, "SELECT * FROM data ORDER BY id")
    assert got == [{"id": 1, "city": "a", "x": None}, {"id": 2, "city": None, "x": 1.5}]


def test_a_frame_of_mixed_values_is_refused_by_name() -> None:
    import pandas as pd

    with pytest.raises(DataError, match="mixed"):
        connect({"orders": pd.DataFrame({"mixed": [1, "a", object()]})})


def _loaded(code: str, *libraries: str) -> list[str]:
    """Which of the libraries a process has loaded after the code."""
    listed = f"print(*(name for name in {libraries!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{listed}"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_library_that_is_not_used_is_not_loaded() -> None:
    setup = "import pyarrow as pa, steelyard.warehouse as w"
    query = f"{setup}\nw.connect('duckdb://').fetch('SELECT 1 AS a')"
    assert _loaded(query, "pandas", "polars", "adbc_driver_postgresql") == []
    # DuckDB itself looks for pandas when it is given a frame of any kind.
    frame = f"{setup}\nw.connect(pa.table({{'a': [1]}})).fetch('SELECT a FROM data')"
    assert _loaded(frame, "polars", "adbc_driver_postgresql") == []


def test_the_package_loads_without_an_engine() -> None:
    assert _loaded("import steelyard.warehouse", "duckdb", "sqlglot", "pandas", "pyarrow") == []


def test_a_parquet_file_is_a_table_of_its_name_and_data(tmp_path: Path) -> None:
    path = tmp_path / "it's orders.parquet"
    pq.write_table(ORDERS, path)
    assert _rows(path) == ORDERS.to_pylist()
    assert _rows(str(path), 'SELECT id, city FROM "it\'s orders" ORDER BY id') == ORDERS.to_pylist()


def test_a_glob_is_one_table(tmp_path: Path) -> None:
    for number in range(3):
        pq.write_table(ORDERS, tmp_path / f"part-{number}.parquet")
    assert _rows(tmp_path / "part-*.parquet", "SELECT count(*) AS n FROM data") == [{"n": 9}]


def test_a_csv_file_has_the_types_of_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("id,day,amount\n" + "".join(f"{i},2021-01-01,{i}\n" for i in range(30_000)) + "x7,2021-01-02,1.5\n")
    with connect(path) as warehouse:
        assert warehouse.columns("sales") == {"id": "VARCHAR", "day": "DATE", "amount": "DOUBLE"}
        got = warehouse.fetch("SELECT id, day FROM sales WHERE amount = 1.5").to_pylist()
    assert got == [{"id": "x7", "day": date(2021, 1, 2)}]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in ("no.parquet", "no.csv", "no-*.parquet"):
        with pytest.raises(WarehouseError, match="no file"):
            connect(tmp_path / name)
    with pytest.raises(WarehouseError, match="no file"):
        connect(tmp_path / "no.duckdb", read_only=True)
    with pytest.raises(WarehouseError, match="no folder"):
        connect(tmp_path / "nowhere" / "no.duckdb")


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("not parquet")
    (tmp_path / "bad.duckdb").write_text("not duckdb" * 1000)
    with pytest.raises(DataError, match="parquet"):
        connect(tmp_path / "bad.parquet")
    with pytest.raises(WarehouseError, match="not a valid DuckDB"):
        connect(tmp_path / "bad.duckdb")


@pytest.mark.parametrize("source", ["orders", "", "mysql://a/b", 7, None, {"a": 7}, "x.xlsx"])
def test_what_is_nothing_of_the_kind_is_refused_with_a_hint(source: object) -> None:
    with pytest.raises(DefinitionError) as caught:
        connect(source)
    assert caught.value.hint


def test_a_file_that_another_process_writes_is_locked_and_says_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        for read_only in (False, True):
            with pytest.raises(LockedError) as caught:
                connect(path, read_only=read_only)
            assert str(other.pid) in caught.value.problem
            assert "close it" in caught.value.hint
        other.communicate("\n")
    with connect(path) as warehouse:
        assert warehouse.tables() == ()


def test_a_file_that_this_process_has_open_otherwise_says_so(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "shop.duckdb"), pytest.raises(WarehouseError) as caught:
        connect(tmp_path / "shop.duckdb")
    assert "pass it to connect" in caught.value.hint


def test_a_file_is_written_in_the_format_of_duckdb_1_5(tmp_path: Path) -> None:
    with connect(tmp_path / "shop.duckdb") as warehouse:
        warehouse.write("orders", ORDERS)
    with duckdb.connect(tmp_path / "shop.duckdb", read_only=True) as connection:
        [[tags]] = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'shop'").fetchall()
    assert tags["storage_version"].startswith("v1.5.0")


def test_no_extension_is_looked_for() -> None:
    with connect("duckdb://") as warehouse:
        settings = warehouse._connection.execute(  # type: ignore[attr-defined]
            "SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions'), "
            "current_setting('TimeZone')"
        ).fetchall()
    assert settings == [(False, False, "UTC")]


def test_memory_and_threads_are_limited() -> None:
    with connect("duckdb://", memory_limit="300MB", threads=1) as warehouse:
        [[memory, threads]] = warehouse._connection.execute(  # type: ignore[attr-defined]
            "SELECT current_setting('memory_limit'), current_setting('threads')"
        ).fetchall()
    assert (memory, threads) == ("286.1 MiB", 1)
    with pytest.raises(DefinitionError, match="number"):
        connect("duckdb://", memory_limit="a lot")


def test_a_value_from_the_environment_is_put_in_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path))
    with connect("${SHOP_FOLDER}/shop.duckdb") as warehouse:
        assert warehouse.write("orders", ORDERS) == 3
    assert (tmp_path / "shop.duckdb").exists()
    with pytest.raises(DefinitionError, match="SHOP_NOTHING"):
        connect("postgresql://ann:${SHOP_NOTHING}@localhost/shop")


URLS = [
    "postgresql://ann:s3cret@db:5432/shop",
    "postgresql://ann:s3cret@db/shop?sslmode=require",
    "postgresql://ann:s3c@ret@db/shop",
    "postgresql://ann:s3c/ret#x@db/shop",
    "postgresql://ann:s3cret/shop",
    "postgresql://db/shop?user=ann&password=s3cret",
    "postgresql:///shop?host=db&sslpassword=s3cret&user=ann",
    "postgresql://:s3cret@db/shop",
]


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_never_shown(url: str) -> None:
    shown = without_secrets(url)
    for part in ("s3c", "ret"):
        assert part not in shown
    assert "s3c" not in scrub(f'invalid connection option "{url.partition("://")[2]}"', url)
    assert shown.startswith("postgresql://")


@pytest.mark.postgres
@pytest.mark.parametrize("url", URLS)
def test_a_password_is_in_no_error_and_no_repr(url: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        connect(
            url.replace("@db", "@127.0.0.1:1")
            .replace("//db", "//127.0.0.1:1")
            .replace("host=db", "host=127.0.0.1&port=1")
        )
    told = f"{caught.value}{caught.value!r}{caught.value.args}{caught.value.to_dict()}{caught.value.__cause__}"
    assert "s3c" not in told
    assert caught.value.hint


def test_a_whole_url_from_the_environment_is_not_shown_either(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (*URLS, "mysql://ann:s3cret@db/shop"):
        monkeypatch.setenv(
            "SHOP", url.replace("@db", "@127.0.0.1:1").replace("//db", "//127.0.0.1:1").replace("=db", "=127.0.0.1")
        )
        with pytest.raises((WarehouseError, DefinitionError)) as caught:
            connect("${SHOP}")
        assert "s3c" not in f"{caught.value}{caught.value!r}{caught.value.__cause__}"


def test_a_password_of_any_characters_reaches_the_url() -> None:
    assert resolve("postgresql://a:${P}@db/x", {"P": "p@s/s:#?"}) == "postgresql://a:p%40s%2Fs%3A%23%3F@db/x"
    assert resolve("${URL}", {"URL": "postgresql://a:b@db/x"}) == "postgresql://a:b@db/x"
    assert "p@s" not in scrub("cannot find p@s/s:#?", "postgresql://a:p%40s%2Fs%3A%23%3F@db/x")


def test_an_open_connection_keeps_its_settings_its_frames_and_its_life() -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.execute("CREATE TEMP TABLE moments AS SELECT TIMESTAMPTZ '2020-01-01 20:00:00+00' AS at, 1.5 AS x")
        connection.register("frame", ORDERS)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
        with connect(connection) as warehouse:
            assert warehouse.tables() == ("frame", "kept", "moments")
            [row] = warehouse.fetch("SELECT CAST(at AS DATE) AS day, x FROM moments").to_pylist()
            assert row == {"day": date(2020, 1, 1), "x": Decimal("1.5")}
            assert warehouse.fetch("SELECT count(*) AS n FROM frame, kept").to_pylist() == [{"n": 3}]
            assert warehouse.version("frame").rows == 3
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("Asia/Tokyo",)]


def test_a_variable_of_the_caller_is_no_table() -> None:
    secret_frame = ORDERS
    with connect("duckdb://") as warehouse, pytest.raises(UnknownNameError):
        warehouse.fetch("SELECT * FROM secret_frame")
    assert secret_frame.num_rows == 3


def test_a_path_in_the_sql_is_no_table(tmp_path: Path) -> None:
    pq.write_table(ORDERS, tmp_path / "orders.parquet")
    with connect("duckdb://") as warehouse:
        for name in (f"'{tmp_path}/orders.parquet'", f'"{tmp_path}/orders.parquet"', "orders.parquet", '"orders.csv"'):
            with pytest.raises(UnknownNameError):
                warehouse.fetch(f"SELECT * FROM {name}")


def test_a_table_of_another_schema_is_named_with_it(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(
            'CREATE SCHEMA sales; CREATE TABLE sales.orders AS SELECT 1 AS a; CREATE TABLE "x.y" AS SELECT 2 AS b'
        )
    with connect(tmp_path / "shop.duckdb", read_only=True) as warehouse:
        assert warehouse.tables() == ("sales.orders", "x.y")
        assert warehouse.columns("sales.orders") == {"a": "INTEGER"}
        assert warehouse.version("x.y").rows == warehouse.version("sales.orders").rows == 1
        for sql in (
            "SELECT a FROM sales.orders",
            'SELECT b AS a FROM "x.y" WHERE b < 0 UNION ALL SELECT a FROM sales.orders',
            'SELECT 1 AS a FROM main."x.y"',
        ):
            assert warehouse.fetch(Query(sql=sql)).to_pylist() == [{"a": 1}]
