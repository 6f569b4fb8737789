# SPDX-License-Identifier: MIT
"""The host's side of a run: real receivers on loopback, and a guest that is the
ECS container instance which ships to them."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import victoria

E2E = pathlib.Path(__file__).resolve().parent
TREE = E2E.parent.parent
HOST = "10.0.2.100"     # what the guest calls the host's loopback


def stop(process):
    """Asks it to end, and waits until it has."""
    if process.poll() is None:
        process.terminate()
    process.wait()


def end_on_sigterm():
    """SIGTERM then ends us as Ctrl-C does: by way of all that is to be cleaned up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class LogReceiver:
    """Takes OTLP log records with OpenTelemetry's own decoder."""

    def __init__(self, directory):
        decoder = subprocess.run([E2E / "fetch-otlp-decoder"], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.file = pathlib.Path(directory) / "records"
        port_file = pathlib.Path(directory) / "port"
        self.process = subprocess.Popen(
            ["node", E2E / "otlp-log-receiver.mjs", "--decoder", decoder.strip(), "--port-file", port_file,
             "--records", self.file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=victoria.die_with_parent)
        while not (port_file.exists() and port_file.read_text().endswith("\n")):
            if self.process.poll() is not None:
                raise RuntimeError("the receiver of log records does not start")
            time.sleep(0.05)
        self.port = int(port_file.read_text())

    def records(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def stop(self):
        stop(self.process)


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

    @contextlib.contextmanager
    def guest(self, kernel, timeout, *words, program="tests/e2e/instance"):
        """The guest's process, with words for program, which takes --metrics and --logs; it ends with the context."""
        command = [
            TREE / "tests/vm/run", "--kernel", kernel, "--image", "docker", "--mem", 2048, "--timeout", timeout,
            "--append", "apparmor=0",   # as on Amazon Linux; Docker wants tools for it where it is on
            "--out", self.directory, "--host-port", self.victoria.port, "--host-port", self.logs.port, "--",
            program, "--metrics", f"http://{HOST}:{self.victoria.port}{self.victoria.PATH}",
            "--logs", f"http://{HOST}:{self.logs.port}/v1/logs", *words]
        # A session of its own: Ctrl-C is for us, and we end the guest.
        guest = subprocess.Popen([str(word) for word in command], cwd=TREE, stdin=subprocess.DEVNULL,
                                 start_new_session=True, preexec_fn=victoria.die_with_parent)
        try:
            yield guest
        finally:
            stop(guest)


def user_programs(*more):
    """Builds what the guest runs of ours; more: further targets."""
    subprocess.run(["make", "--no-print-directory", f"-j{os.cpu_count()}", "user", *more], cwd=TREE, check=True)


def module(kernel):
    """Builds hadal.ko for a guest that is not to do so itself."""
    subprocess.run([TREE / "tests/vm/make", kernel, "modules"], cwd=TREE, check=True)
