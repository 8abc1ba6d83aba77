"""Asks what Grafana's Prometheus data source asks, in its order and with its parameters: the health
check, what kind of server it is, what its editor completes from, a panel, an exemplar query, rules.

    prometheus_grafana.py URL TOKEN START_SECS

The series of prometheus_data.py are written first. Each answer is checked; prints what was asked.
"""

import json
import re
import sys

import prometheus_pair
from prometheus_data import SAMPLES, STEP_MS

LIMIT = 40_000
asked = []


class Grafana:
    def __init__(self, url, token):
        # As the data source is usually set up: basic authentication, the token as the password.
        self.server = prometheus_pair.Server(url)
        self.server.session.auth = ("grafana", token)
        self.server.session.headers["User-Agent"] = "Grafana/12.0.0"

    def data(self, method, path, **params):
        form = {"form": params} if method == "POST" else {"params": params}
        answer = self.server.ask(method, path, **form)
        asked.append(f"{method} {path}")
        body = answer.json() if "json" in answer.headers["Content-Type"] else None
        assert answer.status_code == 200, (path, params, answer.status_code, answer.text)
        assert body["status"] == "success", (path, params, answer.text)
        assert answer.headers["Content-Type"].split(";")[0] == "application/json", answer.headers
        return body["data"]

    def refused(self, method, path, **params):
        form = {"form": params} if method == "POST" else {"params": params}
        answer = self.server.ask(method, path, **form)
        asked.append(f"{method} {path}")
        body = answer.json()
        assert body["status"] == "error" and body["errorType"] and body["error"], body
        return answer.status_code, body


def set_up(grafana):
    # "Save & test": an instant query at a fixed time.
    health = grafana.data("POST", "/api/v1/query", query="1+1", time="4")
    assert health == {"resultType": "scalar", "result": [4, "2"]}, health
    # Which server is it: features mean Mimir, the version says what calls there are.
    build = grafana.data("GET", "/api/v1/status/buildinfo")
    assert "features" not in build, build
    major, minor = map(int, re.match(r"(\d+)\.(\d+)\.\d+", build["version"]).groups())
    # From 2.24 on labels and values take match[].
    assert (major, minor) >= (2, 24), build


def editor(grafana, start, end):
    window = {"start": start, "end": end, "limit": LIMIT}
    names = grafana.data("GET", "/api/v1/label/__name__/values", **window)
    assert "demo_num_cpus" in names and names == sorted(names), names
    metadata = grafana.data("GET", "/api/v1/metadata", limit=LIMIT)
    kinds = {"type", "help", "unit"}
    assert all(kinds <= said.keys() for family in metadata.values() for said in family), metadata
    matches = '{__name__="demo_memory_usage_bytes"}'
    for method in ("GET", "POST"):
        labels = grafana.data(method, "/api/v1/labels", **{"match[]": matches}, **window)
        assert labels == ["__name__", "instance", "job", "type"], labels
    narrowed = '{__name__="demo_memory_usage_bytes",type!="free"}'
    values = grafana.data("GET", "/api/v1/label/type/values", **{"match[]": narrowed}, **window)
    assert values == ["buffers", "cached", "used"], values
    # A template variable: label_values(demo_num_cpus, instance).
    for method in ("GET", "POST"):
        series = grafana.data(method, "/api/v1/series", **{"match[]": "demo_num_cpus"}, **window)
        assert len({one["instance"] for one in series}) == 3, series
    few = grafana.data("GET", "/api/v1/label/__name__/values", start=start, end=end, limit=3)
    assert few == names[:3], few


def panel(grafana, start, end):
    step = 60
    # Whole steps, so that a reload draws the same points.
    aligned = {"start": start // step * step, "end": end // step * step, "step": str(step)}
    expr = "sum by (instance) (rate(demo_cpu_usage_seconds_total[5m]))"
    matrix = grafana.data("POST", "/api/v1/query_range", query=expr, **aligned)
    assert matrix["resultType"] == "matrix" and len(matrix["result"]) == 3, matrix
    labels = [one["metric"]["instance"] for one in matrix["result"]]
    assert labels == sorted(labels), labels
    for one in matrix["result"]:
        times = [at for at, _ in one["values"]]
        assert all(at % step == 0 for at in times) and times == sorted(set(times)), times
        assert all(isinstance(value, str) and float(value) > 0 for _, value in one["values"]), one
    # A step below a second, an empty answer, a heat map's buckets in the order of their labels.
    fine = grafana.data("POST", "/api/v1/query_range", query=expr, start=end - 61.5, end=end - 60, step="0.25")
    assert [len(one["values"]) for one in fine["result"]] == [7, 7, 7], fine
    nothing = grafana.data("POST", "/api/v1/query_range", query="nothing_there", **aligned)
    assert nothing == {"resultType": "matrix", "result": []}, nothing
    heat = "sum by (le) (increase(demo_api_request_duration_seconds_bucket[1m]))"
    buckets = grafana.data("POST", "/api/v1/query_range", query=heat, **aligned)["result"]
    assert len(buckets) == 11 and any(one["metric"]["le"] == "+Inf" for one in buckets), buckets
    # A table or a stat: at the end of the window.
    vector = grafana.data("POST", "/api/v1/query", query="topk(1, demo_num_cpus)", time=end)
    assert [one["value"] for one in vector["result"]] == [[end, "16"]], vector
    exemplars = grafana.data("POST", "/api/v1/query_exemplars", query=expr, start=start, end=end)
    assert exemplars == [], exemplars
    # The longest range at the finest step that Grafana asks for.
    most = grafana.data("POST", "/api/v1/query_range", query="1", start=end - 11_000, end=end, step="1")
    assert len(most["result"][0]["values"]) == 11_001


def alerting(grafana):
    groups = grafana.data("GET", "/api/v1/rules")["groups"]
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert rules["AlwaysThere"]["type"] == "alerting", rules
    assert isinstance(grafana.data("GET", "/api/v1/alerts")["alerts"], list)


def faults(grafana, start, end):
    status, body = grafana.refused("POST", "/api/v1/query", query="sum(", time=end)
    assert (status, body["errorType"]) == (400, "bad_data"), body
    status, body = grafana.refused("POST", "/api/v1/query_range", query="up", start=start, end=end, step="0.01")
    assert status == 400 and "exceeded maximum resolution of 11,000 points" in body["error"], body
    grafana.server.session.auth = ("grafana", "wrong")
    status, body = grafana.refused("POST", "/api/v1/query", query="1+1", time="4")
    assert (status, body["errorType"]) == (401, "unauthorized"), body


def main():
    url, token, start_secs = sys.argv[1:4]
    start = int(start_secs)
    prometheus_pair.fill([prometheus_pair.Server(url, token)], start * 1000)
    end = start + SAMPLES * STEP_MS // 1000
    grafana = Grafana(url, token)
    set_up(grafana)
    editor(grafana, start, end)
    panel(grafana, start, end)
    alerting(grafana)
    faults(grafana, start, end)
    print(json.dumps(sorted(set(asked))))


main()
