"""Logs by python-logging-loki, with a password that is a token.

    loki_sender.py URL TOKEN COUNT

Sends COUNT lines with tags, one request each, in turn in Loki's format and in the one of 2018, which is the
handler's default. The handler fails on every status that is not 204, and so does this.
"""

import json
import logging
import sys

import logging_loki

url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Strict(logging_loki.LokiHandler):
    def handleError(self, record):
        raise


loggers = []
for version in ["1", "0"]:
    handler = Strict(
        url=f"{url}/loki/api/v1/push",
        tags={"service": "matchmaker", "env": "prod"},
        auth=("any", token),
        version=version,
    )
    logger = logging.Logger("queue", level=logging.INFO)
    logger.addHandler(handler)
    loggers.append(logger)
for number in range(count):
    tags = {"region": f"eu-{number % 3}"}
    loggers[number % 2].warning('player %d left the "ranked" queue', number, extra={"tags": tags})

print(json.dumps({"sent": count}))
