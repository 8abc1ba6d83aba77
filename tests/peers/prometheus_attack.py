"""Asks the Prometheus API what nobody should, and sees that it answers, and that others are answered
meanwhile.

    prometheus_attack.py URL TOKEN START_SECS

The series of prometheus_data.py are written first. Prints what it found as JSON.
"""

import itertools
import json
import random
import statistics
import sys
import threading
import time

import prometheus_pair
from prometheus_data import SAMPLES, STEP_MS

PATHS = [
    "query", "query_range", "query_exemplars", "series", "labels", "label/job/values", "metadata", "format_query",
    "parse_query", "rules", "targets", "targets/metadata", "status/tsdb",
]
NAMES = [
    "query", "time", "start", "end", "step", "timeout", "limit", "lookback_delta", "match[]", "metric", "stats",
    "limit_per_metric", "type", "rule_name[]", "file[]", "match_target", "state",
]
VALUES = [
    "", "0", "-1", "1e308", "-1e308", "1e309", "NaN", "Inf", "-Inf", "9223372036854775807", "-9223372036854775808",
    "18446744073709551616", "0.1", "1e-308", "5m", "1y", "100000y", "-5m", "2015-07-01T20:10:51.781Z", "\0",
    "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "%", "%zz", "😀", "\u202e", "up", "up[5m]", "{}", "'", "true",
    "x" * 10_000, "null", "[]", "{\"a\":1}", "../../etc/passwd", "'; DROP TABLE users; --", "<script>", "${jndi:x}",
]
REGEX_BOMB = "(" * 40 + "a" + "{1,100})" * 40
HOSTILE = {
    "a megabyte of text": "a" * 1_000_000,
    "a megabyte of sum": "1" + "+1" * 500_000,
    "parentheses": "(" * 100_000 + "1" + ")" * 100_000,
    "minus signs": "-" * 50_000 + "1",
    "calls": "abs(" * 10_000 + "up" + ")" * 10_000,
    "below the limit": "(" * 240 + "up" + ")" * 240,
    "calls below the limit": "abs(" * 120 + "up" + ")" * 120,
    "subqueries": "up" + "[1h:1s])" * 20,
    "nested subqueries": "max_over_time(" * 9 + "up" + "[1d:1s])" * 9,
    "subqueries of years": "max_over_time(max_over_time(up[100y:1ms])[100y:1ms])",
    "a long offset": "up offset 290y",
    "an offset that does not fit": "up offset 1e300",
    "at the end of time": "up @ 9223372036854775",
    "powers": "2 ^ " * 100 + "2",
    "a regex bomb": f'{{__name__=~"{REGEX_BOMB}"}}',
    "nested stars": '{__name__=~"(a*)*(a*)*(a*)*b"}',
    "large counts": '{__name__=~"(((a{1,1000}){1,1000}){1,1000})"}',
    "alternatives": '{__name__=~"' + "|".join(f"m{n}" for n in range(8_000)) + '"}',
    "braces": "{" * 10_000,
    "quotes": "'" * 10_001,
    "a matcher many times": "up{" + 'a!="b",' * 5_000 + "}",
    "everything squared": '{__name__=~".+"} * on () group_left {__name__=~".+"}',
    "everything in text": 'count_values("v", {__name__=~".+"})',
    "names of the label": 'label_replace(up, "a", "' + "$1" * 10_000 + '", "job", "(.*)")',
    "growing labels": 'label_replace(' * 20 + "up" + ', "job", "$1$1$1$1$1$1$1$1", "job", "(.*)")' * 20,
    "zero bytes": "up\0{}",
    "comments": "up " + "#" * 60_000,
}
# Sorts windows of thousands of points at each of thousands of steps.
HEAVY = 'sum(quantile_over_time(0.5, {__name__=~"demo_.+"}[55m:1s]))'


def garbage(server, rounds):
    """Every parameter with every value somewhere; nothing may be an error of the server's."""
    dice, statuses = random.Random(11), {}
    pairs = list(itertools.product(NAMES, VALUES))
    dice.shuffle(pairs)
    for number in range(rounds):
        path = PATHS[number % len(PATHS)]
        chosen = [pairs[(number * 7 + at) % len(pairs)] for at in range(dice.randrange(1, 6))]
        if dice.random() < 0.5:
            chosen += [("query", "up"), ("match[]", "up"), ("start", "0"), ("end", "10"), ("step", "1")]
        form = chosen if dice.random() < 0.3 and path in PATHS[:5] else None
        answer = server.ask("POST" if form else "GET", f"/api/v1/{path}", None if form else chosen, form)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        body = prometheus_pair.document(answer)
        assert answer.status_code in (200, 400, 422, 503), (path, chosen, answer.status_code, answer.text[:300])
        assert body and body["status"] == ("success" if answer.status_code == 200 else "error"), (path, chosen, body)
    return statuses


def hostile(server, at):
    """How long the slowest hostile expression took, and what was answered."""
    slowest, statuses = 0.0, {}
    for name, expr in HOSTILE.items():
        began = time.monotonic()
        answer = server.ask("POST", "/api/v1/query", form={"query": expr, "time": at, "timeout": "5s"})
        took = time.monotonic() - began
        assert answer.status_code in (200, 400, 413, 422, 503), (name, answer.status_code, answer.text[:300])
        statuses[name] = answer.status_code
        slowest = max(slowest, took)
    return slowest, statuses


def ping(server):
    began = time.monotonic()
    answer = server.ask("GET", "/api/v1/labels", {"limit": "1"})
    assert answer.status_code == 200, answer.text
    return time.monotonic() - began


def crowd(url, token, at, heads):
    """Many heavy queries at once, and how long others wait meanwhile."""
    statuses, waits, lock = {}, [], threading.Lock()

    def heavy():
        server = prometheus_pair.Server(url, token)
        form = {"query": HEAVY, "start": at - 3000, "end": at, "step": "3", "timeout": "20s"}
        answer = server.ask("POST", "/api/v1/query_range", form=form)
        with lock:
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1

    threads = [threading.Thread(target=heavy) for _ in range(heads)]
    for thread in threads:
        thread.start()
    server = prometheus_pair.Server(url, token)
    while any(thread.is_alive() for thread in threads):
        waits.append(ping(server))
    for thread in threads:
        thread.join()
    return statuses, waits


def gauge(server, name):
    text = server.session.get(server.url.removesuffix("/prometheus") + "/metrics", timeout=30).text
    line = next(line for line in text.splitlines() if line.startswith(name + " "))
    return float(line.split()[1])


def given_up(server, at):
    """Whether a query ends when its client goes away: seconds until none is running."""
    form = {"query": HEAVY, "start": at - 3000, "end": at, "step": "1"}
    try:
        server.session.post(server.url + "/api/v1/query_range", data=form, timeout=(10, 0.3))
        return 0.0
    except prometheus_pair.requests.exceptions.ReadTimeout:
        pass
    return idle_after(server)


def idle_after(server):
    """Seconds until no query runs or waits."""
    began = time.monotonic()
    while gauge(server, "evenkeel_promql_queries_running") + gauge(server, "evenkeel_promql_queries_queued") > 0:
        assert time.monotonic() - began < 60, "queries go on though nobody waits for them"
    return time.monotonic() - began


def main():
    url, token, start_secs = sys.argv[1:4]
    start = int(start_secs)
    server = prometheus_pair.Server(url, token)
    prometheus_pair.fill([server], start * 1000)
    at = start + SAMPLES * STEP_MS // 1000
    garbled = garbage(server, 1_300)
    slowest, answers = hostile(server, at)
    ended_after = given_up(server, at)
    crowded, waits = crowd(url, token, at, 100)
    print(
        json.dumps(
            {
                "garbage": garbled,
                "hostile": answers,
                "slowest_secs": slowest,
                "given_up_secs": ended_after,
                "crowd": crowded,
                "others": len(waits),
                "others_median_secs": statistics.median(waits),
                "others_slowest_secs": max(waits),
                "idle_after_secs": idle_after(server),
            }
        )
    )


main()
