"""Documents by elasticsearch-py's bulk helper, below a path prefix, with an API key.

    elastic_sender.py URL TOKEN COUNT

Sends COUNT documents of the Elastic Common Schema in chunks, packed, then three more of which one has
a time that is none. Prints what the server said of itself and of each.
"""

import datetime
import json
import sys

from elasticsearch import AuthenticationException, Elasticsearch, NotFoundError, helpers

url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
now = datetime.datetime.now(datetime.timezone.utc)
answers = {}


def document(number, time):
    return {
        "_op_type": ("create", "index")[number % 2],
        "_index": "shop-logs",
        "@timestamp": time,
        "message": f"order {number} was paid",
        "log": {"level": "info", "logger": "orders"},
        "service": {"name": "shop", "environment": "prod"},
        "host.name": "web-1",
        "trace": {"id": f"{number + 1:032x}"},
        "order": {"id": number, "items": ["sword", "shield"]},
    }


with Elasticsearch(f"{url}/elastic", api_key=token, http_compress=True) as client:
    info = client.info()
    answers["version"], answers["tagline"] = info["version"]["number"], info["tagline"]
    answers["index_exists"] = bool(client.indices.exists(index="shop-logs"))
    client.indices.put_index_template(name="shop", index_patterns=["shop-*"], template={"settings": {}})
    answers["health"] = client.cluster.health()["status"]

    times = (now + datetime.timedelta(microseconds=number) for number in range(count))
    documents = (document(number, time) for number, time in enumerate(times))
    answers["sent"], answers["errors"] = helpers.bulk(client, documents, chunk_size=400)

    mixed = [document(1, now), document(2, "yesterday"), document(3, now.isoformat())]
    for one in mixed:
        one["service"] = {"name": "mixed"}
    answers["mixed_sent"], errors = helpers.bulk(client, mixed, raise_on_error=False)
    answers["mixed_errors"] = [
        [action, error["status"], error["error"]["type"]] for one in errors for action, error in one.items()
    ]

    try:
        client.search(index="shop-logs")
    except NotFoundError as error:
        answers["search"] = error.body["error"]["reason"]

with Elasticsearch(f"{url}/elastic", api_key="ek_wrong") as client:
    try:
        client.info()
    except AuthenticationException as error:
        answers["wrong_key"] = error.status_code

print(json.dumps(answers))
