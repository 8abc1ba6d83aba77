"""Asks a Prometheus and Evenkeel the queries of tests/data/promql_compliance.txt and compares.

    prometheus_compliance.py PROMETHEUS_URL EVENKEEL_URL TOKEN QUERIES_FILE START_SECS [all]

Writes the series of prometheus_data.py to both first. The last line of the output is a JSON object
with the counts and the differences; with `all`, every query gets a line before that.
"""

import itertools
import json
import re
import sys

import prometheus_pair
from prometheus_data import SAMPLES, STEP_MS

# Into a step of 15 s, at which no sample is: windows end there.
PHASE_SECS = 10
PLACEHOLDER = re.compile(r"\$\{?([a-z]+)\}?")


def read(path):
    """(expression, must fail, why it may differ), placeholders replaced by each of their values."""
    lists, why = {}, None
    with open(path, encoding="utf-8") as lines:
        for line in map(str.strip, lines):
            if not line or line.startswith("#"):
                continue
            if named := re.fullmatch(r"\$(\w+) = (.*)", line):
                lists[named[1]] = [item.strip() for item in named[2].split(" | ")]
            elif line.startswith("~ "):
                why = line[2:]
            else:
                fails, template = line.startswith("! "), line.removeprefix("! ")
                for expr in expanded(template, lists):
                    yield expr, fails, why
                why = None


def expanded(template, lists):
    names = [name for name in dict.fromkeys(PLACEHOLDER.findall(template)) if name in lists]
    for values in itertools.product(*(lists[name] for name in names)):
        chosen = dict(zip(names, values))
        yield PLACEHOLDER.sub(lambda match: chosen.get(match[1], match[0]), template)


def compare(servers, expr, fails, calls):
    """`None` or what differs, and the largest relative error."""
    largest, answered, refusal = 0.0, False, None
    ordered = re.match(r"(sort|sort_desc|topk|bottomk)\b", expr) is not None
    for path, params in calls:
        (status, theirs), (our_status, ours) = (server.api(path, dict(params, query=expr)) for server in servers)
        if status != our_status:
            return f"{path}: {status} {theirs.get('error')}, ours {our_status} {(ours or {}).get('error')}", largest
        if status != 200:
            refusal = theirs["error"]
            if theirs["errorType"] != ours["errorType"]:
                return f"{path}: {theirs['errorType']}, ours {ours['errorType']}", largest
            continue
        answered = True
        in_order = ordered if path == "query" else True
        fault, error = prometheus_pair.compare_results(theirs["data"], ours["data"], in_order)
        if fault:
            return f"{path} {params}: {fault}", error
        largest = max(largest, error)
    if answered == fails:
        return "both answer it" if answered else f"both refuse it: {refusal}", largest
    return None, largest


def main():
    theirs_url, ours_url, token, path, start_secs = sys.argv[1:6]
    servers = [prometheus_pair.Server(theirs_url), prometheus_pair.Server(ours_url, token)]
    start = int(start_secs)
    prometheus_pair.fill(servers, start * 1000)
    end = start + SAMPLES * STEP_MS // 1000
    calls = [
        ("query", {"time": end - 120 + PHASE_SECS}),
        ("query", {"time": start + 1500 + PHASE_SECS}),
        ("query_range", {"start": start + 360 + PHASE_SECS, "end": end + 420 + PHASE_SECS, "step": 60}),
    ]
    counts = {"queries": 0, "same": 0, "close": 0, "intended": 0, "different": 0}
    different, moot = [], []
    for expr, fails, why in read(path):
        fault, error = compare(servers, expr, fails, calls)
        counts["queries"] += 1
        verdict = "different" if fault else "same" if error == 0 else "close"
        if why and fault:
            verdict = "intended"
        elif why:
            moot.append(expr)
        elif fault:
            different.append(f"{expr}\n    {fault}")
        counts[verdict] += 1
        if "all" in sys.argv[6:]:
            print(f"{verdict:9} {error:.1e} {expr}" + (f"\n    {fault}" if fault else ""))
    print(json.dumps({"counts": counts, "different": different, "no_longer_different": moot}))


main()
