"""Asks `POST /api/sql` for an Arrow IPC stream and reads it with pyarrow.

    arrow_client.py URL TOKEN QUERY
"""

import json
import sys
import urllib.request

import pyarrow.ipc

url, token, query = sys.argv[1:4]
request = urllib.request.Request(
    url,
    data=json.dumps({"query": query}).encode(),
    headers={
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "accept": "application/vnd.apache.arrow.stream",
    },
)
with urllib.request.urlopen(request) as answer:
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream", answer.headers
    table = pyarrow.ipc.open_stream(answer).read_all()

rows = [list(row.values()) for row in table.to_pylist()]
print(json.dumps({"names": table.column_names, "rows": rows}))
