# SPDX-License-Identifier: MIT
"""The host's side of a run: real receivers on loopback, and a guest that is the
ECS container instance which ships to them."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import victoria

E2E = pathlib.Path(__file__).resolve().parent
TREE = E2E.parent.parent
HOST = "10.0.2.100"     # what the guest calls the host's loopback


class LogReceiver:
    """Takes OTLP log records with OpenTelemetry's own decoder."""

    def __init__(self, directory):
        decoder = subprocess.run([E2E / "fetch-otlp-decoder"], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.file = pathlib.Path(directory) / "records"
        port_file = pathlib.Path(directory) / "port"
        self.process = subprocess.Popen(
            ["node", E2E / "otlp-log-receiver.mjs", "--decoder", decoder.strip(), "--port-file", port_file,
             "--records", self.file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while not (port_file.exists() and port_file.read_text().endswith("\n")):
            if self.process.poll() is not None:
                raise RuntimeError("the receiver of log records does not start")
            time.sleep(0.05)
        self.port = int(port_file.read_text())

    def records(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def stop(self):
        self.process.kill()
        self.process.wait()


class Run:
    """Receivers and a directory, for one guest."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="hadal-e2e-")
        self.victoria = victoria.Server()
        try:
            self.logs = LogReceiver(self.directory)
        except BaseException:
            self.victoria.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.victoria.stop()
        self.logs.stop()
        shutil.rmtree(self.directory)

    def guest(self, kernel, timeout, *words, **options):
        """Starts the guest, with words for tests/e2e/instance."""
        return subprocess.Popen(
            [str(word) for word in (
                TREE / "tests/vm/run", "--kernel", kernel, "--image", "docker", "--mem", 2048, "--timeout", timeout,
                "--append", "apparmor=0",   # as on Amazon Linux; Docker wants tools for it where it is on
                "--out", self.directory, "--host-port", self.victoria.port, "--host-port", self.logs.port, "--",
                "tests/e2e/instance", "--metrics", f"http://{HOST}:{self.victoria.port}{self.victoria.PATH}",
                "--logs", f"http://{HOST}:{self.logs.port}/v1/logs", *words)],
            cwd=TREE, stdin=subprocess.DEVNULL, **options)


def user_programs():
    """Builds what the guest runs of ours."""
    subprocess.run(["make", "--no-print-directory", f"-j{os.cpu_count()}", "user"], cwd=TREE, check=True)
