"""The series that Evenkeel and Prometheus are compared over, and sending them by remote write.

Counters with resets, gauges, classic histograms, series that come late, end early, pause with and
without a staleness marker, and special numbers; the same for every run that begins at the same time.
Each instance is sampled every 15 s at a phase of its own, never at a whole second: windows and
look-backs of queries at whole seconds then have no sample on their edge, where Prometheus 2
(closed windows) and 3 (left-open ones) differ.
"""

import math
import random
import struct

STEP_MS = 15_000
SAMPLES = 240
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
INSTANCES = {"demo.example:10000": 1_237, "demo.example:10001": 3_891, "demo.example:10002": 6_404}
BUCKETS = ["0.0001", "0.00025", "0.0005", "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "+Inf"]


class Series:
    """Labels, and samples as (Unix milliseconds, value)."""

    def __init__(self, name, labels):
        self.labels = dict(labels, __name__=name)
        self.samples = []


def demo(start_ms):
    """An hour of series from `start_ms` on, which should be a whole minute."""
    made = []
    for number, (instance, phase) in enumerate(INSTANCES.items()):
        for name, labels, values in of_instance(number):
            series = Series(name, dict(labels, instance=instance, job="demo"))
            for step, value in enumerate(values):
                if value is not None:
                    series.samples.append((start_ms + phase + step * STEP_MS, value))
            made.append(series)
    for name, labels, values in alone():
        series = Series(name, labels)
        for step, value in enumerate(values):
            if value is not None:
                series.samples.append((start_ms + 2_718 + step * STEP_MS, value))
        made.append(series)
    return made


def of_instance(number):
    """Name, labels and values (`None`: no sample) of the series that every instance has."""
    dice = random.Random(7 + number)

    def counter(rate, reset_at=None):
        total, values = dice.uniform(0, rate * 100), []
        for step in range(SAMPLES):
            total = 0.0 if step == reset_at else total + dice.uniform(0, 2 * rate)
            values.append(total)
        return values

    def gauge(middle, spread, period):
        wave = [middle + spread * math.sin(step / period) for step in range(SAMPLES)]
        return [value + dice.uniform(-spread, spread) / 10 for value in wave]

    def paused(values, pauses, marked):
        values = list(values)
        for first, last in pauses:
            values[first:last] = [None] * (last - first)
            if marked:
                values[first] = STALE
        return values

    yield "up", {}, [0.0 if number == 2 and 100 <= step < 108 else 1.0 for step in range(SAMPLES)]
    for mode, rate in [("idle", 14.0), ("user", 3.0), ("system", 1.5)]:
        yield "demo_cpu_usage_seconds_total", {"mode": mode}, counter(rate, 150 if number == 1 else None)
    yield "demo_num_cpus", {}, [float(4 << number)] * SAMPLES
    for kind, middle in [("used", 3e9), ("free", 4e9), ("cached", 1.5e9), ("buffers", 2e8)]:
        values = [float(round(value)) for value in gauge(middle, middle / 5, 11 + number)]
        yield "demo_memory_usage_bytes", {"type": kind}, values
    yield "demo_disk_total_bytes", {}, [2.5e11] * SAMPLES
    yield "demo_disk_usage_bytes", {}, [1e11 + number * 1e9 + 4096.0 * step * step for step in range(SAMPLES)]
    yield "demo_temperature_celsius", {"room": "cellar"}, gauge(-2.5, 4.0, 9)
    yield "demo_temperature_celsius", {"room": "attic"}, gauge(24.0, 9.0, 17)
    yield "demo_items_shipped_total", {}, [float(round(value)) for value in counter(40.0, 90 + 40 * number)]
    yield "demo_batch_last_success_timestamp_seconds", {}, [1.7e9 + 300 * (step // 20) for step in range(SAMPLES)]
    often, seldom = [(20, 26), (60, 100), (180, 184)], [(40, 80), (200, 240)]
    yield "demo_intermittent", {"marked": "yes"}, paused(gauge(5, 2, 5), often, True)
    yield "demo_intermittent", {"marked": "no"}, paused(gauge(7, 2, 5), seldom, False)
    yield "demo_sparse", {}, [float(step) if step % 14 == 3 else None for step in range(SAMPLES)]
    yield "demo_late", {}, [None if step < 170 else float(step) for step in range(SAMPLES)]
    yield "demo_once", {}, [None if step != 150 else 42.0 for step in range(SAMPLES)]
    for method, path, status in [
        ("GET", "/api/foo", "200"),
        ("GET", "/api/bar", "200"),
        ("GET", "/api/bar", "404"),
        ("POST", "/api/foo", "200"),
        ("POST", "/api/foo", "500"),
    ]:
        labels = {"method": method, "path": path, "status": status}
        yield "demo_requests_in_progress", labels, [float(dice.randrange(0, 9)) for _ in range(SAMPLES)]
        yield from histogram(dice, labels)


def histogram(dice, labels):
    counts, total, sums = [0.0] * len(BUCKETS), 0.0, []
    rows = [[] for _ in BUCKETS]
    for _ in range(SAMPLES):
        for _ in range(dice.randrange(0, 12)):
            seconds = dice.lognormvariate(-5.5, 1.6)
            total += seconds
            for at, bound in enumerate(BUCKETS):
                if seconds <= float(bound.replace("+Inf", "inf")):
                    counts[at] += 1
        sums.append(total)
        for row, count in zip(rows, counts):
            row.append(count)
    name = "demo_api_request_duration_seconds"
    for bound, row in zip(BUCKETS, rows):
        yield f"{name}_bucket", dict(labels, le=bound), row
    yield f"{name}_count", labels, rows[-1]
    yield f"{name}_sum", labels, sums


def alone():
    """Series of no instance."""
    special = {
        "nan": math.nan,
        "infinite": math.inf,
        "minus_infinite": -math.inf,
        "minus_zero": -0.0,
        "tiny": 5e-324,
        "small": 1.25e-7,
        "large": 1.5e21,
        "huge": 1.7976931348623157e308,
        "third": 1 / 3,
    }
    for kind, value in special.items():
        yield "demo_special", {"kind": kind}, [value] * SAMPLES
    for text in ["plain", "", 'a "quoted" one', "back\\slash", "new\nline", "Zürich ☂", "<b>&amp;"]:
        yield "demo_texts", {"text": text, "length": str(len(text))}, [float(len(text))] * SAMPLES
    for version, count in [("1.9", 3.0), ("1.10", 1.0), ("2.0", 3.0)]:
        yield "demo_versions", {"version": version, "a": "x", "b": "y"}, [count] * SAMPLES
    # Buckets that are not monotonic, and some without a last one.
    for le, count in [("1", 10.0), ("2", 8.0), ("4", 20.0), ("+Inf", 20.0)]:
        yield "demo_crooked_bucket", {"le": le}, [count + step for step in range(SAMPLES)]
    for le, count in [("1", 10.0), ("2", 18.0), ("many", 20.0)]:
        yield "demo_endless_bucket", {"le": le}, [count + step for step in range(SAMPLES)]


def write_requests(series, slots=20):
    """Bodies of remote write 1.0, of `slots` samples each, the oldest first."""
    first = min(one.samples[0][0] for one in series if one.samples) // STEP_MS * STEP_MS
    last = max(one.samples[-1][0] for one in series if one.samples)
    for begin in range(first, last + 1, slots * STEP_MS):
        end = begin + slots * STEP_MS
        body = b""
        for one in series:
            samples = [sample for sample in one.samples if begin <= sample[0] < end]
            if samples:
                body += field(1, time_series(one.labels, samples))
        yield snappy(body)


def time_series(labels, samples):
    pairs = [(name, value) for name, value in sorted(labels.items()) if value]
    text = b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in pairs)
    for at_ms, value in samples:
        text += field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at_ms))
    return text


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def snappy(plain):
    """The block format, literals alone: correct and not compressed."""
    out = varint(len(plain))
    for begin in range(0, len(plain), 1 << 16):
        chunk = plain[begin : begin + (1 << 16)]
        out += bytes([61 << 2]) + struct.pack("<H", len(chunk) - 1) + chunk
    return out
