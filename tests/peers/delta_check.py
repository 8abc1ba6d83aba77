"""Reads tables of the lake with delta-rs for Python and counts their rows.

    delta_check.py LAKE_DIR

Prints {table: {version, rows, duplicates}}: rows that are there more than once, by the columns that make a
row what it is.
"""

import json
import sys
from pathlib import Path

import duckdb
from deltalake import DeltaTable

IDENTITY = {
    "metric_samples": "series_id, ts",
    "logs": "ts, service, body",
    "events": "event_id",
    "slo_slices": "slo_id, generation, group_key, slice_start, rev",
}

found = {}
for table, identity in IDENTITY.items():
    directory = Path(sys.argv[1]) / table
    if not DeltaTable.is_deltatable(str(directory)):
        continue
    delta = DeltaTable(str(directory))
    rows = delta.to_pyarrow_dataset()  # noqa: F841 (DuckDB finds it by its name)
    counted = duckdb.sql(f"SELECT count(*), count(DISTINCT ({identity})) FROM rows").fetchall()[0]
    found[table] = {
        "version": delta.version(),
        "rows": counted[0],
        "duplicates": counted[0] - counted[1],
    }

print(json.dumps(found))
