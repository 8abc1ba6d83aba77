"""Asks a Prometheus and Evenkeel the same calls of the HTTP API and lists where the answers differ.

    prometheus_differential.py PROMETHEUS_URL EVENKEEL_URL TOKEN START_SECS

Both have the same alerting rules; the series of prometheus_data.py are written to both first. Compared
are the status, the type of the body and the document: all of it, or its shape alone where it tells
about the server itself. The last line of the output is a JSON object.
"""

import json
import re
import sys

import prometheus_pair
from prometheus_calls import FORM, SAME_CLASS, calls
from prometheus_data import SAMPLES, STEP_MS


def difference(call, theirs, ours):
    """What differs between two answers, or `None`."""
    if theirs.status_code != ours.status_code:
        return f"status {theirs.status_code}, ours {ours.status_code}: {theirs.text[:160]!r} / {ours.text[:160]!r}"
    for name in ["Allow-Origin", "Allow-Methods", "Allow-Headers", "Allow-Credentials", "Expose-Headers"]:
        name = f"Access-Control-{name}"
        if theirs.headers.get(name) != ours.headers.get(name):
            return f"{name} {theirs.headers.get(name)}, ours {ours.headers.get(name)}"
    if call.method in ("HEAD", "OPTIONS"):
        return None
    if kind(theirs) != kind(ours):
        return f"{kind(theirs)}, ours {kind(ours)}"
    encodings = theirs.headers.get("Content-Encoding"), ours.headers.get("Content-Encoding")
    # A few bytes are not worth it.
    if encodings[0] != encodings[1] and len(theirs.content) > 100:
        return f"encoding {encodings[0]}, ours {encodings[1]}"
    theirs, ours = prometheus_pair.document(theirs), prometheus_pair.document(ours)
    if call.shape:
        return differing_shape(theirs, ours, "")
    return differing(theirs, ours, "")


def class_of(answer):
    body = prometheus_pair.document(answer) or {}
    return answer.status_code, body.get("status"), body.get("errorType")


def kind(answer):
    return answer.headers.get("Content-Type", "").split(";")[0]


def differing(theirs, ours, path):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if theirs.keys() != ours.keys():
            return f"{path}: keys {sorted(theirs)}, ours {sorted(ours)}"
        # A vector's order is nobody's promise.
        if theirs.get("resultType") == "vector" and ours.get("resultType") == "vector":
            return prometheus_pair.compare_results(theirs, ours)[0]
        return first(differing(theirs[key], ours[key], f"{path}/{key}") for key in theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            return f"{path}: {len(theirs)} items, ours {len(ours)}"
        return first(differing(a, b, f"{path}/{at}") for at, (a, b) in enumerate(zip(theirs, ours)))
    if type(theirs) is type(ours) and (theirs == ours or isinstance(theirs, str) and close(theirs, ours)):
        return None
    return f"{path}: {theirs!r}, ours {ours!r}"


def close(theirs, ours):
    return re.fullmatch(r"[-+0-9.e]+", theirs) and prometheus_pair.same_values(theirs, ours) is not None


def differing_shape(theirs, ours, path):
    """What keys and types we lack; more than they have is fine."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if "flags" in path or not (missing := theirs.keys() - ours.keys()):
            return first(differing_shape(theirs[key], ours[key], f"{path}/{key}") for key in theirs if key in ours)
        return f"{path}: without {sorted(missing)}"
    if isinstance(theirs, list) and isinstance(ours, list):
        return differing_shape(theirs[0], ours[0], f"{path}/0") if theirs and ours else None
    if type(theirs) is type(ours):
        return None
    return f"{path}: {theirs!r}, ours {ours!r}"


def first(faults):
    return next((fault for fault in faults if fault), None)


def main():
    theirs_url, ours_url, token, start_secs = sys.argv[1:5]
    servers = [prometheus_pair.Server(theirs_url), prometheus_pair.Server(ours_url, token)]
    start = int(start_secs)
    prometheus_pair.fill(servers, start * 1000)
    count, different, intended, moot = 0, [], 0, []
    for call in calls(start, start + SAMPLES * STEP_MS // 1000):
        headers = call.headers or {}
        if call.form and "Content-Type" not in headers:
            headers = dict(headers, **{"Content-Type": FORM})
        theirs, ours = (server.ask(call.method, call.path, call.params, call.form, headers) for server in servers)
        fault = difference(call, theirs, ours)
        count += 1
        if fault and (call.why is None or call.why in SAME_CLASS and class_of(theirs) != class_of(ours)):
            different.append(f"{call}\n    {fault}")
        elif fault:
            intended += 1
        elif call.why and call.why not in SAME_CLASS:
            moot.append(str(call))
    for line in different:
        print(line)
    print(json.dumps({"calls": count, "intended": intended, "different": different, "no_longer_different": moot}))


main()
