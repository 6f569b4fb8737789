# SPDX-License-Identifier: MIT
"""A real VictoriaMetrics on loopback, and what it holds of Hadal's edges.

OTLP names arrive unchanged: a metric's name is __name__, resource and point
attributes are labels, dots and all."""

import collections
import ctypes
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

E2E = pathlib.Path(__file__).resolve().parent
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is not for a proxy


class Victoria:
    """The database at a URL."""

    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        data = urllib.parse.urlencode(parameters).encode()
        with OPENER.open(self.url + path, data or None) as answer:
            return answer.read().decode()

    def flush(self):
        """Makes visible what was taken so far. What it was making so of its own accord just then it does not
        wait for (its issue 11260, closed in version 1.148)."""
        self.get("/internal/force_flush")
        while "flushRowssToInmemoryParts" in self.get("/debug/pprof/goroutine", debug=1):
            time.sleep(0.05)

    def series(self, match, end=4000000000, **times):
        """The stored samples of each series that match selects: (labels, [(time in s, value)]).

        Without an end it would leave out what this second has brought."""
        self.flush()
        for line in self.get("/api/v1/export", **{"match[]": match}, end=end, **times).splitlines():
            found = json.loads(line)
            yield found["metric"], [(at / 1000, value) for at, value in zip(found["timestamps"], found["values"])
                                    if value is not None]

    def query(self, query, **parameters):
        """The result of an instant query: (labels, value). parameters: time, in s."""
        for found in json.loads(self.get("/api/v1/query", query=query, **parameters))["data"]["result"]:
            yield found["metric"], float(found["value"][1])


class Server(Victoria):
    """One of our own. It takes OTLP metrics at PATH of port, which is one of 127.0.0.1."""

    PATH = "/opentelemetry/v1/metrics"

    def __init__(self):
        binary = subprocess.run([E2E / "fetch-victoriametrics"], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.directory = tempfile.mkdtemp(prefix="hadal-victoria-")
        for _ in range(5):
            self.port = free_port()
            super().__init__(f"http://127.0.0.1:{self.port}")
            self.process = subprocess.Popen(
                [binary.strip(), f"-storageDataPath={self.directory}", f"-httpListenAddr=127.0.0.1:{self.port}",
                 "-search.latencyOffset=0s", "-retentionPeriod=100y", "-loggerLevel=ERROR"],
                stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
            if self.is_up():
                return
            self.process.wait()     # another program took the port
        raise RuntimeError("VictoriaMetrics does not start")

    def is_up(self):
        while self.process.poll() is None:
            try:
                return self.get("/health") == "OK"
            except urllib.error.URLError:
                time.sleep(0.05)
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


def die_with_parent():
    """In a child before exec: whatever kills us leaves nothing behind. SIGTERM, so that it can clean up too."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def total(samples):
    """What a cumulative counter has counted: it begins at nothing, also after each fall."""
    counted, last = 0, 0
    for _, value in samples:
        counted += value - last if value >= last else value
        last = value
    return counted


Edge = collections.namedtuple("Edge", "service role peer port")


def edge_of(labels):
    return Edge(labels["service.name"], labels["hadal.edge.role"],
                labels.get("hadal.peer.name") or labels["hadal.peer.kind"], int(labels.get("server.port", 0)))


# metric and what tells its series apart -> what is counted
COUNTERS = {
    "hadal.tcp.connection.opened": lambda labels: "opened",
    "hadal.tcp.connection.failed": lambda labels: f"failed {labels['error.type']}",
    "hadal.tcp.connection.reset": lambda labels: "reset",
    "hadal.tcp.io": lambda labels: {"transmit": "sent", "receive": "received"}[labels["network.io.direction"]],
}

UDP_COUNTERS = {"hadal.udp.io": COUNTERS["hadal.tcp.io"]}


def edge_totals(victoria, counters=COUNTERS):
    """Edge -> what it has counted, by the names in counters."""
    edges = collections.defaultdict(collections.Counter)
    for metric, name in counters.items():
        for labels, samples in victoria.series(f'{{__name__="{metric}"}}'):
            edges[edge_of(labels)][name(labels)] += total(samples)
    return edges
