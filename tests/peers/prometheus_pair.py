"""Two servers that are asked the same: a Prometheus, and Evenkeel."""

import json
import math

import requests

import prometheus_data

# Sums in another order differ in their last digits.
RELATIVE_ERROR_MAX = 1e-12


class Server:
    def __init__(self, url, token=None):
        self.url = url.rstrip("/")
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method, path, params=None, form=None, headers=None):
        """The answer as it came; parameters may be a list of pairs."""
        return self.session.request(
            method, self.url + path, params=params, data=form, headers=headers, allow_redirects=False, timeout=180
        )

    def api(self, path, params, method="GET"):
        """Status and document; times and other numbers of the document as they are written."""
        form = params if method == "POST" else None
        answer = self.ask(method, f"/api/v1/{path}", None if form else params, form)
        return answer.status_code, document(answer)

    def write(self, body):
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        answer = self.ask("POST", "/api/v1/write", form=body, headers=headers)
        if answer.status_code // 100 != 2:
            raise SystemExit(f"{self.url} does not take samples: {answer.status_code} {answer.text}")


def document(answer):
    """The JSON of an answer; `None` when it is something else."""
    try:
        return json.loads(answer.text, parse_float=Written, parse_int=Written)
    except ValueError:
        return None


class Written(str):
    """A number as it was written."""


def fill(servers, start_ms):
    series = prometheus_data.demo(start_ms)
    for body in prometheus_data.write_requests(series):
        for server in servers:
            server.write(body)


def same_values(theirs, ours):
    """0 when two numbers are written alike, their relative error when they are close, else `None`."""
    if theirs == ours:
        return 0.0
    try:
        a, b = float(theirs), float(ours)
    except ValueError:
        return None
    if not (math.isfinite(a) and math.isfinite(b)):
        return None
    error = abs(a - b) / max(abs(a), abs(b))
    return error if error <= RELATIVE_ERROR_MAX else None


def compare_results(theirs, ours, ordered=False):
    """What differs in `data` of two queries, or `None`; and the largest relative error."""
    if theirs["resultType"] != ours["resultType"]:
        return f"type {theirs['resultType']}, ours {ours['resultType']}", 0.0
    if theirs["resultType"] in ("scalar", "string"):
        return compare_points([theirs["result"]], [ours["result"]])
    theirs, ours = theirs["result"], ours["result"]
    if not ordered:
        theirs, ours = sorted(theirs, key=labels_of), sorted(ours, key=labels_of)
    if [labels_of(one) for one in theirs] != [labels_of(one) for one in ours]:
        only = [set(map(labels_of, side)) for side in (theirs, ours)]
        if only[0] == only[1]:
            return "the order differs", 0.0
        return f"only theirs {sorted(only[0] - only[1])[:2]}, only ours {sorted(only[1] - only[0])[:2]}", 0.0
    largest = 0.0
    for a, b in zip(theirs, ours):
        points = [one["values"] if "values" in one else [one["value"]] for one in (a, b)]
        fault, error = compare_points(*points)
        if fault:
            return f"{labels_of(a)}: {fault}", error
        largest = max(largest, error)
    return None, largest


def compare_points(theirs, ours):
    largest = 0.0
    if [at for at, _ in theirs] != [at for at, _ in ours]:
        only = sorted(set(at for at, _ in theirs) ^ set(at for at, _ in ours))
        return f"{len(theirs)} points, ours {len(ours)}; not in both: {only[:4]}", 0.0
    for (at, a), (_, b) in zip(theirs, ours):
        error = same_values(a, b)
        if error is None:
            return f"at {at}: {a}, ours {b}", 0.0
        largest = max(largest, error)
    return None, largest


def labels_of(series):
    return json.dumps(series["metric"], sort_keys=True, ensure_ascii=False)
