#!/usr/bin/env python3
"""Records what a node exporter says, for the size benchmark.

    benches/size/record.py recording.gz --scrapes 1440 --every 2.5

starts Debian's prometheus-node-exporter on a loopback port, scrapes it `--scrapes` times, one scrape
each `--every` seconds, and writes the answers into one gzip file. A scrape begins with the line
`# scrape MILLISECONDS`. The times are those of a scraper with an interval of 15 s that is a few
milliseconds late now and then, whatever `--every` is: 1440 scrapes stand for 6 hours. Let the machine do
something meanwhile; an idle machine has few changing series.
"""

import argparse
import gzip
import random
import socket
import subprocess
import time
import urllib.request

INTERVAL_MS = 15_000
# A whole hour: 2026-11-23T00:00:00Z.
START_MS = 1_795_392_000_000
COLLECTORS = [
    "buddyinfo",
    "cgroups",
    "ethtool",
    "interrupts",
    "ksmd",
    "lnstat",
    "meminfo_numa",
    "mountstats",
    "processes",
    "qdisc",
    "tcpstat",
    "zoneinfo",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def wait_until_up(url):
    for _ in range(100):
        try:
            return fetch(url)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the exporter does not answer")


def scrape_time_ms(number, rng):
    """On time within a few milliseconds; rarely, when the machine is busy, much later."""
    late = rng.gauss(0, 2) if rng.random() < 0.98 else rng.uniform(0, 60)
    return START_MS + number * INTERVAL_MS + 400 + round(late)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--scrapes", type=int, default=1440)
    parser.add_argument("--every", type=float, default=2.5, help="seconds between two scrapes")
    options = parser.parse_args()

    port = free_port()
    flags = [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error", "--no-collector.systemd"]
    flags += [f"--collector.{name}" for name in COLLECTORS]
    exporter = subprocess.Popen(["prometheus-node-exporter", *flags], stderr=subprocess.DEVNULL)
    rng = random.Random(1)
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        wait_until_up(url)
        begun = time.monotonic()
        with gzip.open(options.recording, "wb", compresslevel=6) as out:
            for number in range(options.scrapes):
                time.sleep(max(0.0, begun + number * options.every - time.monotonic()))
                body = fetch(url)
                out.write(b"# scrape %d\n" % scrape_time_ms(number, rng))
                out.write(body)
    finally:
        exporter.terminate()
        exporter.wait()


if __name__ == "__main__":
    main()
