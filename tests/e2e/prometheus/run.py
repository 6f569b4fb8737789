#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What hadald has for Prometheus against real servers: each test makes some minutes
of a host's life from a seed and compares what the server then has with what the same
batches are as JSON lines.

    run.py [WORD...]    the tests whose name has one of the words
"""

import math
import os
import subprocess
import sys
import tempfile
import time
import traceback

from prometheus_client.openmetrics.parser import text_string_to_metric_families

import expected
from servers import Prometheus, Receiver, VictoriaMetrics, free_port, get, normal

DRIVER = os.environ["PROMETHEUS_DRIVER"]
STEP = 15
LIMIT_S = 600
QUANTILES = (0.5, 0.95, 0.99)
ALL = '{__name__=~".+",job!="hadal"}'
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def same(got, wanted, where):
    missing = {k: v for k, v in wanted.items() if k not in got}
    further = {k: v for k, v in got.items() if k not in wanted}
    other = {k: (v, got[k]) for k, v in wanted.items() if k in got and got[k] != v}
    for what, which in (("missing", missing), ("not wanted", further), ("wanted, got", other)):
        for k, v in list(which.items())[:3]:
            print(f"  {where}: {what}: {sorted(k, key=str)}: {v}")
    assert not missing and not further and not other, where


class Lines:
    """JSON lines of a run."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="hadal-prometheus.")
        self.path = os.path.join(self.directory.name, "lines")

    def batches(self):
        return expected.batches(self.path)


def drive(seed, batches, lines, **settings):
    """What became of the points, for each sink: (submitted, accepted, rejected, dropped, requests)."""
    start = int(time.time()) - STEP * batches
    arguments = [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        [DRIVER, str(seed), str(batches), f"lines={lines.path}", f"start={start}", f"step={STEP}", *arguments],
        check=True, timeout=LIMIT_S, text=True, stdout=subprocess.PIPE,
    )
    words = done.stdout.split()
    return {words[i]: tuple(map(int, words[i + 1 : i + 6])) for i in range(0, len(words), 6)}


def quantiles_are_in_their_buckets(server, milliseconds, points):
    histograms = {}
    for point in points:
        if "histogram" in point["kind"] and not point.get("ended") and point["count"]:
            histograms[frozenset(expected.labels_of(point["resource"], point["attributes"]).items())] = point
    assert histograms
    for quantile in QUANTILES:
        got = server.query(f"histogram_quantile({quantile}, hadal_tcp_rtt_seconds_bucket)", milliseconds)
        for labels, point in histograms.items():
            low, high = expected.bucket_of_quantile(point, quantile)
            if math.isinf(high):
                high = low
            assert low <= got[labels] <= high, (quantile, sorted(labels), got[labels], low, high)


def written_to_prometheus(form, seed, **settings):
    lines = Lines()
    with Prometheus() as server:
        drive(seed, 20, lines, write=server.write, **({"form": form} if form == "explicit" else {}), **settings)
        ended = returned = 0
        gone = set()
        for milliseconds, points in lines.batches():
            same(server.query(ALL, milliseconds), expected.living(points), milliseconds)
            quantiles_are_in_their_buckets(server, milliseconds, points)
            state = expected.state(points)
            ended += sum(value is expected.ENDED for value in state.values())
            returned += len(gone & expected.living(points).keys())
            gone = (gone | {k for k, v in state.items() if v is expected.ENDED}) - expected.living(points).keys()
        assert ended > 100 and returned > 100, (ended, returned)


def remote_write_to_prometheus():
    written_to_prometheus("exponential", 1)


def remote_write_to_prometheus_of_explicit_bounds():
    written_to_prometheus("explicit", 2)


def remote_write_to_prometheus_in_small_requests():
    written_to_prometheus("exponential", 3, limit=8000)


def remote_write_to_victoriametrics():
    lines = Lines()
    with VictoriaMetrics(os.environ["VICTORIAMETRICS"]) as server:
        drive(4, 20, lines, write=server.write)
        wanted = {}
        for milliseconds, points in lines.batches():
            for name, value in expected.state(points).items():
                wanted.setdefault(name, {})[milliseconds] = value
        got = server.samples()
        for name, samples in wanted.items():
            # It keeps decimal numbers, of one scale for a block of samples: not all places of a double.
            places = max(filter(None, samples.values()), default=0) * 1e-12
            for at, value in samples.items():
                if value and value % 1 and abs((got.get(name, {}).get(at) or 0) - value) < places:
                    samples[at] = got[name][at]
        same(got, wanted, "victoriametrics")


class Scraped:
    """A driver that serves batch after batch."""

    def __init__(self, seed, batches, **settings):
        self.lines = Lines()
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}/metrics"
        self.process = subprocess.Popen(
            [DRIVER, str(seed), str(batches), f"lines={self.lines.path}", f"start={int(time.time())}",
             f"scrape={self.address}", *(f"{name}={value}" for name, value in settings.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def next(self):
        """The points that are served from now on."""
        number = int(self.process.stdout.readline())
        return self.lines.batches()[number][1]

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(timeout=LIMIT_S) == 0


def what_may_be_tried_again_is():
    """A receiver that fails in turn, and takes the same bytes at last; what is refused is not sent again."""
    repeated, refused = [500, 429, 503, 599], [400, 404, 301]
    with Receiver([*repeated, 204, *refused]) as receiver:
        counts = drive(8, 5, Lines(), write=receiver.url)["remote_write"]
    submitted, accepted, rejected, dropped, requests = counts
    bodies = [request.body for request in receiver.requests]
    assert len(set(bodies[:5])) == 1, "what is repeated is the same"
    assert len(set(bodies[4:])) == len(bodies[4:]) == 1 + 5, "what is refused is not sent again; metadata is a request of its own"
    assert submitted == accepted + rejected + dropped and not dropped, counts
    assert rejected and accepted and requests == len(bodies), (counts, len(bodies))
    for request in receiver.requests:
        assert request.headers["Content-Type"] == "application/x-protobuf"
        assert request.headers["Content-Encoding"] == "snappy"
        assert request.headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
        assert request.headers["User-Agent"].startswith("hadald/")


def scraped_after(server, moment):
    """When it was scraped as it should, in s; on a slow machine some attempts fail, which is not what is tested."""
    while True:
        at = max(server.query('timestamp(up{job="hadal"}) and up{job="hadal"} == 1').values(), default=0)
        if at >= moment + 0.1:
            return at
        time.sleep(0.1)


def scrape_of(driver):
    return f"""
scrape_configs:
  - job_name: hadal
    honor_labels: true
    static_configs: [{{targets: ["{driver.address}"]}}]
"""


def scraped_by_prometheus():
    batches = 6
    with Scraped(5, batches) as driver:
        points = driver.next()
        with Prometheus(scrape_of(driver)) as server:
            for number in range(batches):
                put = time.time()
                at = scraped_after(server, put) * 1000
                same(server.query(ALL, at), expected.living(points), f"batch {number}")
                quantiles_are_in_their_buckets(server, at, points)
                driver.go_on()
                if number + 1 < batches:
                    points = driver.next()


def by_series(metadata):
    """As OpenMetrics has it, by families, to names of series."""
    suffixes = {"counter": "_total", "info": "_info"}
    return {name + suffixes.get(told[0], ""): told for name, told in metadata.items()}


def metadata_is_what_a_scrape_tells():
    """The same batch by both ways: VictoriaMetrics has it of remote write, Prometheus of what it scraped."""
    with VictoriaMetrics(os.environ["VICTORIAMETRICS"]) as database, Scraped(9, 1, write=database.write) as driver:
        points = driver.next()
        with Prometheus(scrape_of(driver)) as server:
            while not server.query('up{job="hadal"} == 1'):
                time.sleep(0.1)
            wanted = by_series(server.metadata())
            got = database.metadata()
        assert got == wanted, (set(got.items()) ^ set(wanted.items()))
        types = {kind for kind, _, _ in got.values()}
        assert types == {"counter", "gauge", "histogram", "info"}, types
        assert got["hadal_tcp_rtt_seconds"][0::2] == ("histogram", "seconds"), got["hadal_tcp_rtt_seconds"]
        # A histogram's series have the family's name and more; target_info is of no point.
        assert len(got) == len({expected.family(point) for point in points}) + 1, sorted(got)
        assert all(text for _, text, _ in got.values()), "no help"
        driver.go_on()


def metadata_is_a_request_of_its_own():
    """One that a receiver refuses costs no sample."""
    with Receiver([200, 400]) as receiver:
        submitted, accepted, rejected, _, requests = drive(10, 3, Lines(), write=receiver.url)["remote_write"]
    assert submitted == accepted and not rejected, (submitted, accepted, rejected)
    assert requests == len(receiver.requests) == 1 + 3, "one of metadata, and one of each batch"


def text_is_what_promtool_takes():
    with Scraped(6, 1) as driver:
        points = driver.next()
        text = get(driver.url)
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        assert checked.returncode == 0, (checked.stdout + checked.stderr).decode()
        assert b"hadal_tcp_rtt_seconds_bucket" in text
        driver.go_on()
        assert points


def openmetrics_is_what_its_reference_parser_takes():
    with Scraped(7, 1) as driver:
        points = driver.next()
        text = get(driver.url, Accept=OPENMETRICS).decode()
        got = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                got[normal({"__name__": sample.name, **sample.labels})] = float(sample.value)
        same(got, expected.living(points), "openmetrics")
        driver.go_on()


TESTS = [
    remote_write_to_prometheus,
    remote_write_to_prometheus_of_explicit_bounds,
    remote_write_to_prometheus_in_small_requests,
    remote_write_to_victoriametrics,
    what_may_be_tried_again_is,
    metadata_is_what_a_scrape_tells,
    metadata_is_a_request_of_its_own,
    scraped_by_prometheus,
    text_is_what_promtool_takes,
    openmetrics_is_what_its_reference_parser_takes,
]


def main():
    passed = failed = 0
    for test in TESTS:
        if len(sys.argv) > 1 and not any(word in test.__name__ for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        try:
            test()
            passed += 1
            verdict = "ok"
        except Exception:  # whatever it was, the others are run too
            traceback.print_exc(file=sys.stdout)
            failed += 1
            verdict = "not ok"
        print(f"{verdict} - {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
