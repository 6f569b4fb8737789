# SPDX-License-Identifier: MIT
"""Where documented commands are run: beside a hadald that counts a connection of this machine, without the
module where that is not loaded; and in a directory that stands for /."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

PATIENCE = 600      # s, for a machine that is slow

CONFIGURATION = """\
[collector]
interval = 1
identity_wait = 1
[spool]
directory =
[query]
socket = {directory}/socket
[docker]
socket =
[ecs]
introspection =
task_metadata =
[ec2]
metadata =
metadata_ipv6 =
[sink file]
type = json_lines
path = {directory}/hadal.jsonl
"""


class Live:
    def __init__(self, hadald):
        self.hadald = hadald

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.socket, self.lines = self.directory / "socket", self.directory / "hadal.jsonl"
        configuration = self.directory / "hadald.conf"
        configuration.write_text(CONFIGURATION.format(directory=self.directory))
        self.log = (self.directory / "log").open("w+")
        self.ending = threading.Event()
        self.talking = threading.Thread(target=self.talk)
        # First of all: where there is no hadald nothing is left running.
        self.process = subprocess.Popen([self.hadald, "--config", configuration], stderr=self.log)
        self.talking.start()
        try:
            self.wait_for_lines()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.ending.set()
        self.talking.join()
        self.log.close()
        shutil.rmtree(self.directory)

    def talk(self):
        """A connection over loopback that carries something all the time."""
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            peer, _ = server.accept()
            with peer:
                while not self.ending.wait(0.1):
                    client.sendall(b"something")
                    peer.recv(4096)

    def wait_for_lines(self):
        end = time.monotonic() + PATIENCE
        while not (self.lines.exists() and '"hadal.tcp.io"' in self.lines.read_text()):
            self.log.seek(0)
            assert self.process.poll() is None, f"hadald ended: {self.log.read()}"
            assert time.monotonic() < end, f"no line of hadal.tcp.io: {self.log.read()}"
            time.sleep(0.1)


# What has to be there once all that is done by hand was done.
FILES = [f"usr/lib/systemd/system/{name}" for name in ("hadald.service", "hadal-module.service", "hadal-module-confirm.timer",
                                                       "hadal-module-shutdown.service")]
FILES += [f"etc/systemd/system/{name}" for name in ("hadald.service.d/degraded.conf", "hadald.service.d/amazon-linux.conf",
                                                    "hadal-module.service.d/amazon-linux.conf")]
FILES += ["usr/bin/hadal", "usr/sbin/hadald", "usr/lib/udev/rules.d/60-hadal.rules", "etc/hadal/hadald.conf"]


class Root:
    """A directory that stands for / where files are put by hand."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp())
        for directory in ("etc/systemd/system", "etc/sysctl.d", "usr/lib/sysctl.d"):
            (self.path / directory).mkdir(parents=True)
        for file in pathlib.Path("packaging/sysctl").glob("*.conf"):
            shutil.copy(file, self.path / "usr/lib/sysctl.d")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def run(self, command):
        """Runs it as it is documented, but for the directory. Yields what is wrong."""
        text = command.replace(" /etc/", f" {self.path}/etc/")
        if text == "make install":
            text += f" DESTDIR={self.path}"
        if text.startswith("systemd-"):
            text = text.replace(" ", f" --root={self.path} ", 1)
        said = subprocess.run(["bash", "-c", text], capture_output=True, text=True)
        if said.returncode:
            yield f"exit status {said.returncode}: {said.stderr}"

    def faults(self):
        """What is not as the pages say once all of it was run."""
        found = [f"no {name}" for name in FILES if not (self.path / name).is_file()]
        if "hadald:" not in (self.path / "etc/passwd").read_text():
            found.append("no user hadald")
        if not (self.path / "var/lib/hadal-module").is_dir():
            found.append("no /var/lib/hadal-module")
        if "kernel.panic" in self.sysctl():
            found.append("kernel.panic is set all the same")
        (self.path / "etc/sysctl.d/60-hadal-panic.conf").unlink()
        if "kernel.panic" not in self.sysctl():
            found.append("kernel.panic is not set without that")
        return found

    def sysctl(self):
        return subprocess.run(["systemd-analyze", f"--root={self.path}", "cat-config", "sysctl.d"], check=True,
                              capture_output=True, text=True).stdout


def run_documented(command, live, hadal, hadald):
    """Runs it as it is documented, but for where this hadald is. Yields what is wrong."""
    text = command.replace("/run/hadal/hadald.sock", str(live.socket))
    if text.startswith("hadal "):
        text = f"{hadal} {text.removeprefix('hadal ')} --socket {live.socket}"
    elif text.startswith("hadald "):
        text = f"{hadald} {text.removeprefix('hadald ')} --config {live.directory}/hadald.conf"
    with live.lines.open() as lines:
        said = subprocess.run(["bash", "-o", "pipefail", "-c", text], stdin=lines, capture_output=True, text=True, timeout=PATIENCE)
    if said.returncode:
        yield f"exit status {said.returncode}: {said.stderr}"
    elif not said.stdout.strip() or said.stdout.strip() == "null":
        yield "it says nothing"
