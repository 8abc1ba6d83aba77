"""Reads every table of a lake with delta-rs for Python, once for each line of its input.

    delta_reader.py LAKE_DIR

Answers the line WORD with `WORD {table: rows}`. Nothing is kept between two lines, so that each answer
is what a reader who comes at that moment finds.
"""

import json
import sys
from pathlib import Path

from deltalake import DeltaTable

lake = Path(sys.argv[1])
for line in sys.stdin:
    rows = {}
    for log in sorted(lake.glob("*/_delta_log")):
        rows[log.parent.name] = DeltaTable(str(log.parent)).to_pyarrow_dataset().count_rows()
    print(line.strip(), json.dumps(rows), flush=True)
