"""The calls of the HTTP API that a Prometheus and Evenkeel are asked by prometheus_differential.py."""

from urllib.parse import quote

FORM = "application/x-www-form-urlencoded"


class Call:
    def __init__(self, path, *params, method="GET", form=None, headers=None, shape=False, why=None):
        self.method, self.path, self.params, self.form, self.headers = method, path, params, form, headers
        # Whether keys and types are compared, not values.
        self.shape = shape
        # Why Evenkeel answers differently and means to.
        self.why = why

    def __str__(self):
        params = "&".join(f"{name}={value}" for name, value in self.params)
        form = f" {self.form}" if self.form else ""
        return f"{self.method} {self.path}{'?' if params else ''}{params[:200]}{form[:200]}"


WORDS = "the parser is another one: its words differ, class and status do not"
PREFIX = "the parameter is named, as 3 does"
ORDER = "which of several faults is named first is nobody's promise"
OVERFLOW = "numbers that overflow in Go are refused"
AFTER = "came after 2.42"
UTF8 = "every UTF-8 text is a label name since 3.0"
OURS = "says what is true of Evenkeel"
# Where words are all that may differ.
SAME_CLASS = {WORDS, PREFIX, ORDER}


def calls(start, end):
    api = "/api/v1/"
    at = end - 110
    query, query_range = api + "query", api + "query_range"
    window = [("start", start + 370), ("end", at), ("step", 60)]

    def instant(expr, *more, **how):
        return Call(query, ("query", expr), ("time", at), *more, **how)

    def ranged(expr, *more, **how):
        return Call(query_range, ("query", expr), *window, *more, **how)

    # Values of each kind, numbers, times.
    for expr in [
        "demo_memory_usage_bytes", "demo_special", "demo_texts", "1", "1e6", "1e21", "NaN", "-0", '"text"',
        "demo_num_cpus[1m]", "rate(demo_items_shipped_total[5m])[5m:1m]", "nonexistent", "sum(demo_special)",
    ]:
        yield instant(expr)
    for expr in ["demo_memory_usage_bytes", "demo_special", "demo_texts", "1e6", "nonexistent", "time()"]:
        yield ranged(expr)
    for time in [
        "0", "4", "-1", "-1.5", "1e3", "1.7e9", "1435781451.781", "1435781451.05", "2015-07-01T20:10:51.781Z",
        "2015-07-01T20:10:51+02:00", "9223372036", "0.0005", "0.0004",
    ]:
        yield Call(query, ("query", "1"), ("time", time))
        yield Call(query, ("query", "time()"), ("time", time))
    for time in [
        "soon", "2015-07-01", "2015-07-01T20:10:51", "1,5", "0x10", " 1", "now", "+5", "1e",
    ]:
        yield Call(query, ("query", "time()"), ("time", time))
    for time in ["1e300", "NaN", "Inf", "-Inf", "9223372036854775807", "1e19", "1e16", "-9223372036854775"]:
        yield Call(query, ("query", "time()"), ("time", time), why=OVERFLOW)
    # Steps and timeouts.
    for step in [
        "60", "1m", "0.5m", "1h30m", "60.5", "0", "-1", "-5m", "0s", "x", "", "1e3", "NaN", "Inf", "1e300", "1y",
        "0.0001", "1ms",
    ]:
        yield Call(query_range, ("query", "demo_num_cpus"), ("start", at - 3600), ("end", at), ("step", step))
    for timeout in ["1m", "10", "0.5", "x", "", "1y", "1e300"]:
        yield instant("1", ("timeout", timeout))
    for timeout in ["-1", "0", "NaN"]:
        yield instant("1", ("timeout", timeout), why=ORDER)
    for lookback in ["5m", "", "-1", "0", "NaN"]:
        yield instant("demo_sparse", ("lookback_delta", lookback))
        yield ranged("demo_sparse", ("lookback_delta", lookback))
    for lookback in ["10", "x"]:
        yield instant("demo_sparse", ("lookback_delta", lookback), why=AFTER)
    # What a range needs.
    for left_out in ["query", "start", "end", "step"]:
        params = dict(window, query="demo_num_cpus")
        params.pop(left_out)
        yield Call(query_range, *params.items(), why=PREFIX if left_out == "query" else None)
    yield Call(query_range, ("query", "1"), ("start", 10), ("end", 5), ("step", 1))
    yield Call(query_range, ("query", "1"), ("start", 0), ("end", 11_000), ("step", 1))
    yield Call(query_range, ("query", "1"), ("start", 0), ("end", 10_999), ("step", 1))
    yield Call(query_range, ("query", "1"), ("start", 0), ("end", 11_001), ("step", 1))
    yield Call(query_range, ("query", "1"), ("start", 0), ("end", "9e9"), ("step", 1))
    yield Call(query_range, ("query", "1"), ("start", 5), ("end", 5), ("step", 1))
    yield Call(query_range, ("query", "1"), ("start", 0.1), ("end", 0.4), ("step", 0.1))
    yield ranged('"text"', why=PREFIX)
    yield ranged("demo_num_cpus[5m]", why=PREFIX)
    yield Call(query)
    yield Call(query, ("time", "1"))
    yield Call(query, ("query", ""))
    # What is wrong with an expression.
    for expr in [
        "sum(", "up{", "up[", "up[5m", "1 +", ")", "foo bar", "up{a=}", 'up{a="b"', "up offset", "rate(up)", "-",
        "topk(up)", "nothing_like_it(up)", '"a" + 1', "up[5m] + 1", "{}", '{a=~".*"}', 'up{a=~"("}', "1 and 1",
        "sum by (1) (up)", "up @ x", "up[0s]", "up[5x]", "up{a='b', a}", "'", "😀", "up[5m:0s]", "up @ 1e300",
        "up offset 1e300", "\0",
    ]:
        yield instant(expr, why=WORDS)
    yield instant("demo_cpu_usage_seconds_total + on (instance) demo_num_cpus")
    yield instant("demo_num_cpus + on (instance) demo_cpu_usage_seconds_total", why=ORDER)
    yield instant("demo_num_cpus + on (job) up", why=ORDER)
    yield instant("demo_memory_usage_bytes + on (instance) group_left demo_cpu_usage_seconds_total", why=ORDER)
    yield instant('{__name__=~"demo_disk_.*"} * 2')
    yield instant('label_replace(up, "instance", "", "instance", "(.*")')
    yield instant('label_replace(demo_num_cpus, "instance", "same", "job", ".*")')
    yield ranged("demo_cpu_usage_seconds_total + on (instance) demo_num_cpus")
    yield ranged('{__name__=~"demo_disk_.*"} * 2')
    # Statistics.
    for stats in ["", "all", "true", "x"]:
        yield instant("demo_num_cpus", ("stats", stats), shape=True)
        yield ranged("demo_num_cpus", ("stats", stats), shape=True)
    # Forms, query strings, both, names that come twice.
    both = f"query=demo_num_cpus&time={at}"
    yield Call(query, method="POST", form=both)
    yield Call(query, ("time", at), method="POST", form="query=demo_num_cpus")
    yield Call(query, ("query", "demo_num_cpus"), ("time", at), method="POST", form="query=up")
    yield Call(query, ("query", "demo_num_cpus"), ("query", "up"), ("time", at))
    yield Call(query, ("query", "demo_num_cpus"), ("time", at), ("unknown", "x"))
    yield Call(query, ("query", "demo_num_cpus"), ("time", at), method="POST")
    yield Call(query_range, method="POST", form=f"query=up&start={at - 600}&end={at}&step=60")
    yield Call(query, method="POST", form=both, headers={"Content-Type": f"{FORM}; charset=UTF-8"})
    # Series, names and values.
    series, labels = api + "series", api + "labels"
    times = [("start", start), ("end", end)]
    for match in [
        ["demo_num_cpus"], ["demo_num_cpus", "up"], ["demo_num_cpus", '{__name__="demo_num_cpus"}'], ["demo_texts"],
        ['{instance="demo.example:10000", type!=""}'], ["nonexistent"], ['{__name__=~"demo_disk.+"}'], ["demo_once"],
        ['demo_memory_usage_bytes{type=~"used|free"}'],
    ]:
        matches = [("match[]", one) for one in match]
        yield Call(series, *matches, *times)
        yield Call(labels, *matches, *times)
        yield Call(api + "label/instance/values", *matches, *times)
        yield Call(api + "label/__name__/values", *matches, *times)
        form = "&".join(f"match[]={quoted(one)}" for one in match)
        yield Call(series, *times, method="POST", form=form)
        yield Call(labels, *times, method="POST", form=form)
    for name in ["text", "job", "nonexistent", "le", "mode"]:
        yield Call(f"{api}label/{name}/values", *times)
    yield Call(labels, ("match[]", '{job="demo"}'), *times)
    yield Call(series, *times)
    for bad in ["sum(up)", "up + 1", "up[5m]", "up offset 5m", "1", "{", "{}", '{a=~"("}', "", '{a=~".*"}', "up @ 1"]:
        for path in [series, labels, api + "label/job/values"]:
            yield Call(path, ("match[]", bad), *times, why=WORDS)
    for bad in [[("start", "x")], [("end", "x")], [("start", end), ("end", start)]]:
        for path in [series, labels, api + "label/job/values"]:
            yield Call(path, ("match[]", "up"), *bad)
    yield Call(series, ("match[]", "up"), ("start", end + 86400), ("end", end + 90000))
    yield Call(api + "label/a-b/values", why=UTF8)
    yield Call(api + "label/1a/values", why=UTF8)
    # Metadata, exemplars, rules, alerts, targets.
    yield Call(api + "metadata", ("metric", "nonexistent"))
    yield Call(api + "metadata", ("limit", "x"))
    yield Call(api + "metadata", ("limit_per_metric", "x"), why=AFTER)
    exemplars = api + "query_exemplars"
    yield Call(exemplars, ("query", "demo_num_cpus"), *times)
    yield Call(exemplars, ("query", "sum("), why=WORDS)
    yield Call(exemplars, why=PREFIX)
    yield Call(exemplars, ("query", "up"), ("start", 10), ("end", 5))
    yield Call(exemplars, ("query", "up"), ("start", "x"))
    yield Call(exemplars, method="POST", form=f"query=demo_num_cpus&start={start}&end={end}")
    yield Call(api + "rules", shape=True)
    yield Call(api + "rules", ("type", "alert"), shape=True)
    yield Call(api + "rules", ("type", "record"), why="groups without such rules are left out since 2.51")
    yield Call(api + "rules", ("type", "x"))
    yield Call(api + "alerts", shape=True)
    yield Call(api + "targets", shape=True)
    for state in ["active", "dropped", "any", "x"]:
        yield Call(api + "targets", ("state", state), shape=True)
    yield Call(api + "targets/metadata")
    yield Call(api + "targets/metadata", ("limit", "x"))
    yield Call(api + "targets/metadata", ("match_target", "{"), why=WORDS)
    yield Call(api + "alertmanagers")
    # Expressions.
    for expr in ["1+1", "sum(up)by(job)", "up{a='b'}", "foo/bar"]:
        yield Call(api + "format_query", ("query", expr))
        yield Call(api + "format_query", method="POST", form=f"query={quoted(expr)}")
    yield Call(api + "format_query")
    yield Call(api + "format_query", ("query", "sum("), why=WORDS)
    # The server.
    for status in ["config", "buildinfo", "tsdb", "walreplay"]:
        yield Call(f"{api}status/{status}", shape=True)
    for status in ["flags", "runtimeinfo"]:
        yield Call(f"{api}status/{status}", shape=True, why=OURS)
    yield Call(api + "status/tsdb", ("limit", "1"), shape=True)
    yield Call(api + "status/nothing", why="the body is an error in the envelope, not text")
    # Methods and encodings.
    yield Call("/-/ready", shape=True)
    yield Call("/-/healthy", shape=True)
    yield Call("/-/ready", method="HEAD")
    yield Call("/-/healthy", method="HEAD")
    for path in ["query", "query_range", "series", "labels", "label/job/values", "rules", "status/buildinfo"]:
        yield Call(api + path, method="OPTIONS")
        yield Call(api + path, method="OPTIONS", headers={"Origin": "https://elsewhere.example"})
    for method in ["PUT", "DELETE", "PATCH"]:
        yield Call(query, method=method, why="the body is an error in the envelope, not text")
    yield instant("demo_num_cpus", headers={"Accept-Encoding": "gzip"})
    yield instant("demo_num_cpus", headers={"Accept-Encoding": "identity"})
    yield instant("demo_num_cpus", headers={"Origin": "https://elsewhere.example"})
    yield instant("demo_num_cpus", headers={"Accept": "text/plain"})


def quoted(text):
    return quote(text, safe="")
