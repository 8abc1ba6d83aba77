"""DuckDB over the files of a lake: reads queries, answers with rows and times.

Arguments: the directory of the tables, the number of threads. A line of input is a JSON object with
`text` and `rounds`; the line of output has `rows` of the last round and `secs` of each, or `error`.
One more round, which does not count, warms up.
"""

import datetime
import json
import pathlib
import sys
import time

import deltalake
import duckdb

TABLES = {
    "metric_samples": "metric_samples",
    "metric_series": "metric_series",
    "logs": "logs",
    "events": "events",
    "slo_slices_table": "slo_slices",
}


def plain(cell):
    """As Evenkeel writes it: times as RFC 3339 in UTC."""
    if isinstance(cell, datetime.datetime):
        text = cell.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        return text.rstrip("0Z").rstrip(".") + "Z" if "." in text else text
    return cell


def connect(lake, threads):
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET TimeZone = 'UTC'")
    for view, table in TABLES.items():
        files = deltalake.DeltaTable(str(lake / table)).file_uris()
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        connection.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet([{listed}])")
    views = pathlib.Path(__file__).with_name("duckdb_views.sql")
    connection.execute(views.read_text(encoding="utf-8"))
    return connection


def answer(connection, query):
    secs, rows = [], []
    for _ in range(query["rounds"] + 1):
        started = time.perf_counter()
        rows = connection.execute(query["text"]).fetchall()
        secs.append(time.perf_counter() - started)
    return {"rows": [[plain(cell) for cell in row] for row in rows], "secs": secs[1:]}


def main():
    connection = connect(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        try:
            said = answer(connection, json.loads(line))
        except duckdb.Error as error:
            said = {"error": str(error)}
        print(json.dumps(said), flush=True)


main()
