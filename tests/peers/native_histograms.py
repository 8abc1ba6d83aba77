"""A target with native histograms and exemplars, in Prometheus' protobuf exposition format.

    native_histograms.py PORT

Scrape number n, counted from 1, finds a histogram of 6n observations and a counter of n whose exemplar
names trace n. Encoded by hand from the published io.prometheus.client definitions.
"""

import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
COUNTER, HISTOGRAM = 0, 4


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return varint((number << 1) ^ (number >> 63))


def field_varint(field, encoded):
    return varint(field << 3) + encoded


def field_bytes(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def field_double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def label(name, value):
    return field_bytes(1, field_bytes(1, name) + field_bytes(2, value))


def family(name, kind, metric):
    content = field_bytes(1, name) + field_bytes(2, "of a test") + field_varint(3, varint(kind))
    content += field_bytes(4, metric)
    return varint(len(content)) + content


def span(offset, length):
    return field_varint(1, zigzag(offset)) + field_varint(2, varint(length))


def histogram(n):
    # Schema 3: n observations at zero, n and 2n in buckets -2 and -1, 2n in bucket 4 of the negatives.
    content = field_varint(1, varint(6 * n)) + field_double(2, 0.25 * n)
    content += field_varint(5, zigzag(3)) + field_double(6, 0.001) + field_varint(7, varint(n))
    content += field_bytes(9, span(4, 1)) + field_varint(10, zigzag(2 * n))
    content += field_bytes(12, span(-2, 2)) + field_varint(13, zigzag(n)) + field_varint(13, zigzag(n))
    return field_bytes(7, content)


def counter(n):
    seconds, nanos = divmod(time.time_ns(), 10**9)
    when = field_varint(1, varint(seconds)) + field_varint(2, varint(nanos))
    exemplar = label("trace_id", f"{n:032x}") + field_double(2, float(n)) + field_bytes(3, when)
    return field_bytes(3, field_double(1, float(n)) + field_bytes(2, exemplar))


class Target(BaseHTTPRequestHandler):
    scrapes = 0

    def do_GET(self):
        if "application/vnd.google.protobuf" not in self.headers.get("accept", ""):
            self.send_error(406, "protobuf only")
            return
        Target.scrapes += 1
        n = Target.scrapes
        body = family("latency_seconds", HISTOGRAM, histogram(n)) + family("calls_total", COUNTER, counter(n))
        self.send_response(200)
        self.send_header("content-type", CONTENT_TYPE)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Target)
print("listening", flush=True)
server.serve_forever()
