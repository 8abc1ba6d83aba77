"""Posts a small gzip body that unpacks to far more, and prints the answer.

    gzip_bomb.py URL TOKEN CONTENT_TYPE MEBIBYTES
"""

import gzip
import json
import sys
import urllib.error
import urllib.request

url, token, content_type, mebibytes = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
body = gzip.compress(b"\0" * (mebibytes << 20))
request = urllib.request.Request(
    url,
    data=body,
    headers={"authorization": f"Bearer {token}", "content-type": content_type, "content-encoding": "gzip"},
)
try:
    with urllib.request.urlopen(request) as answer:
        status, text = answer.status, answer.read()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read()
print(json.dumps({"sent": len(body), "status": status, "text": text.decode(errors="replace")}))
