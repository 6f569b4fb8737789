# SPDX-License-Identifier: MIT
"""Real servers on loopback, each with a directory of its own, and how they are asked."""

import collections
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

START_SECONDS = 600


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, **headers):
    request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
        return answer.read()


def normal(labels):
    """le as a number: 1 and 1.0 are one bound."""
    return frozenset((k, float(v) if k == "le" else v) for k, v in labels.items())


def metadata_at(url):
    """{metric: (type, help, unit)}, each told once."""
    found = {}
    for metric, told in json.loads(get(url + "/api/v1/metadata"))["data"].items():
        (one,) = told
        found[metric] = (one["type"], one["help"], one.get("unit", ""))
    return found


class Server:
    def __init__(self, arguments, ready):
        self.directory = tempfile.mkdtemp(prefix="hadal-prometheus.")
        self.log = open(os.path.join(self.directory, "log"), "wb")
        self.process = subprocess.Popen(
            [argument.format(self.directory) for argument in arguments], stdout=self.log, stderr=self.log
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                get(ready)
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop(show=True)
                    raise RuntimeError(f"{arguments[0]} did not start") from None
                time.sleep(0.1)

    def stop(self, show=False):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        if show:
            with open(self.log.name, encoding="utf-8", errors="replace") as log:
                print(log.read()[-4000:])
        shutil.rmtree(self.directory)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop(show=kind is not None)


class Prometheus(Server):
    def __init__(self, scrape=""):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = tempfile.NamedTemporaryFile("w", suffix=".yml")
        config.write("global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n" + scrape)
        config.flush()
        with config:
            super().__init__(
                [
                    "prometheus",
                    "--config.file=" + config.name,
                    "--storage.tsdb.path={}/data",
                    "--web.enable-remote-write-receiver",
                    "--web.listen-address=" + self.url[len("http://") :],
                ],
                self.url + "/-/ready",
            )
        self.write = self.url + "/api/v1/write"

    def metadata(self):
        return metadata_at(self.url)

    def query(self, query, milliseconds=None):
        parameters = {"query": query}
        if milliseconds is not None:
            parameters["time"] = f"{milliseconds / 1000:.3f}"
        answer = json.loads(get(self.url + "/api/v1/query?" + urllib.parse.urlencode(parameters)))
        return {normal(r["metric"]): float(r["value"][1]) for r in answer["data"]["result"]}


class VictoriaMetrics(Server):
    def __init__(self, binary):
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            [
                binary,
                "-storageDataPath={}/data",
                "-retentionPeriod=100y",
                "-memory.allowedBytes=256MB",
                "-httpListenAddr=" + self.url[len("http://") :],
            ],
            self.url + "/health",
        )
        self.write = self.url + "/api/v1/write"

    def metadata(self):
        return metadata_at(self.url)

    def samples(self):
        """{series: {time in ms: value, None for a staleness marker}}"""
        get(self.url + "/internal/force_flush")
        # What it was making visible of its own accord just then, that does not wait for.
        while b"flushRowssToInmemoryParts" in get(self.url + "/debug/pprof/goroutine?debug=1"):
            time.sleep(0.05)
        # Without an end what this second has brought would be left out.
        parameters = urllib.parse.urlencode(
            {"match[]": '{__name__!=""}', "reduce_mem_usage": "1", "end": "4000000000"}
        )
        found = {}
        for line in get(self.url + "/api/v1/export?" + parameters).splitlines():
            block = json.loads(line)
            samples = found.setdefault(normal(block["metric"]), {})
            for time_ms, value in zip(block["timestamps"], block["values"]):
                assert time_ms not in samples, f"two samples of {block['metric']} at {time_ms}"
                samples[time_ms] = value
        return found


class Receiver:
    """Of remote write: answers by a list, then 200."""

    Request = collections.namedtuple("Request", "headers body")

    def __init__(self, answers):
        self.requests = []
        answers = list(answers)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Receiver.Request(self.headers, body))
                status = answers.pop(0) if answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api/v1/write"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
