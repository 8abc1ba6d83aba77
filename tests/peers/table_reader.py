"""Reads `metric_samples` again and again while it is written, with delta-rs and with DuckDB.

    table_reader.py TABLE_DIR SAMPLES_PER_REQUEST

Each request of the writer holds SAMPLES_PER_REQUEST samples of the metric `readers_rows` with the
request's number as their value: a number that is there less often is a request that was read in
part. For each line on standard input reads once, with both readers, and prints what it saw as JSON.
"""

import json
import sys

import duckdb
from deltalake import DeltaTable

directory, samples_per_request = sys.argv[1], int(sys.argv[2])

for _ in sys.stdin:
    delta = DeltaTable(directory)
    table = delta.to_pyarrow_table(filters=[("metric", "=", "readers_rows")])
    by_delta = table.num_rows
    files = delta.file_uris()
    # DuckDB reads the files of that version by itself.
    samples = duckdb.read_parquet(files, hive_partitioning=True)  # noqa: F841 (found by its name)
    by_duckdb, requests, broken = duckdb.sql(
        f"""SELECT coalesce(sum(n), 0), count(*), count(*) FILTER (n != {samples_per_request})
            FROM (SELECT value, count(*) AS n FROM samples WHERE metric = 'readers_rows' GROUP BY value)"""
    ).fetchall()[0]
    seen = {
        "version": delta.version(),
        "files": len(files),
        "rows": by_delta,
        "rows_by_duckdb": int(by_duckdb),
        "requests": requests,
        "broken": broken,
    }
    print("read " + json.dumps(seen), flush=True)
