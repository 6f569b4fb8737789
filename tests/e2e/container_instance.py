# SPDX-License-Identifier: MIT
"""What makes the guest we run in (tests/vm/run --image docker) an ECS container
instance with Hadal on it: Docker, the agent's endpoints, module, collector."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import docker_api as docker

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
RUN = pathlib.Path("/run/hadal-e2e")
HOST_ID = "i-0123456789abcdef0"
DOCKER_STARTS = 4
PATIENCE = 600      # seconds that a step may take in an emulated machine before it is called broken
started_at = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - started_at:5.0f} s] {text}", flush=True)


def run(*words, **options):
    subprocess.run([str(word) for word in words], check=True, **options)


def daemon(name, *words, **options):
    """Starts a program for good, its output in RUN/name.log."""
    with open(RUN / f"{name}.log", "w") as log:
        return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT, **options)


def comes_up(process, is_there):
    """Waits; returns whether it is there before its process ends."""
    deadline = time.monotonic() + PATIENCE
    while not is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def wait_for(what, process, name, is_there):
    if not comes_up(process, is_there):
        sys.exit(f"{what} did not come up:\n" + (RUN / f"{name}.log").read_text()[-4000:])


def until(what, is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"not within {PATIENCE} s: {what}")
        time.sleep(0.1)


def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_docker(userland_proxy):
    """A published port is reached by NAT, or also through a process of Docker's, its default. dockerd gives its containerd
    some seconds to start and then ends: where the machine is slow it is started again."""
    words = ["dockerd", f"--userland-proxy={str(userland_proxy).lower()}"]
    for _ in range(DOCKER_STARTS - 1):
        if comes_up(daemon("dockerd", *words), docker.is_up):
            return
    wait_for("dockerd", daemon("dockerd", *words), "dockerd", docker.is_up)


def start_agent(instance):
    """The agent, and the rules by which ecs-init leads tasks to its task metadata."""
    agent = daemon("ecs-agent", HERE / "ecs-agent", instance.file)
    run("sysctl", "-q", "net.ipv4.conf.all.route_localnet=1")
    metadata = ["--protocol", "tcp", "--destination", "169.254.170.2", "--dport", "80", "--jump"]
    run("iptables", "--table", "nat", "--append", "PREROUTING", *metadata, "DNAT", "--to-destination", "127.0.0.1:51679")
    run("iptables", "--table", "nat", "--append", "OUTPUT", *metadata, "REDIRECT", "--to-ports", "51679")
    wait_for("the ECS agent", agent, "ecs-agent", lambda: is_listening(51678) and is_listening(51679))


def check_agent(instance):
    """The agent must know each task by what was started, or nothing later means anything."""
    tasks = get("http://127.0.0.1:51678/v1/tasks")["Tasks"]
    told = {task["Arn"] for task in tasks if task["KnownStatus"] == "RUNNING"}
    if told != set(instance.facts["tasks"]):
        sys.exit(f"the ECS agent tells of {told}, {set(instance.facts['tasks'])} were started")


def load_built_module():
    """As tests/vm/make built it."""
    run("insmod", TREE / "build/kmod" / os.uname().release / "hadal.ko")


class Module(threading.Thread):
    """DKMS at work while the containers start."""

    def run(self):
        self.failure = None
        with open(RUN / "dkms.log", "w") as log:
            done = subprocess.run([TREE / "dkms" / "install"], stdout=log, stderr=log, check=False)
        if done.returncode:
            self.failure = (RUN / "dkms.log").read_text()

    def load(self):
        self.join()
        if self.failure:
            sys.exit(f"dkms/install failed:\n{self.failure}")
        say("hadal.ko built and installed by DKMS")
        run("modprobe", "hadal")


class Collector:
    """hadald as an administrator would run it, with the receivers of this run."""

    def __init__(self, chosen, identity_wait=PATIENCE, more=""):
        """identity_wait: in seconds. more: lines of further sections."""
        configuration = RUN / "hadald.conf"
        configuration.write_text(f"[otlp]\nmetrics_endpoint = {chosen.metrics}\nlogs_endpoint = {chosen.logs}\n"
                                 f"[collector]\ninterval = {chosen.interval}\nprofile = full\nudp = on\n"
                                 f"identity_wait = {identity_wait}\nstop_timeout = {PATIENCE}\n"
                                 f"[host]\nid = {HOST_ID}\n{more}")
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(str(RUN / "notify"))
        ready.setblocking(False)
        self.process = daemon("hadald", TREE / "build/user/hadald", "--config", configuration,
                              env=os.environ | {"NOTIFY_SOCKET": str(RUN / "notify")})
        wait_for("hadald", self.process, "hadald", lambda: self.is_ready(ready))

    @staticmethod
    def is_ready(notifications):
        try:
            return b"READY=1" in notifications.recv(4096)
        except BlockingIOError:
            return False

    @staticmethod
    def ask(word):
        """What hadal WORD tells on the host."""
        return json.loads(subprocess.check_output([TREE / "build/user/hadal", word, "--json"]))

    def flows(self):
        return self.ask("flows")["flows"]

    def flows_of(self, edges):
        """All flows, once the connections of these edges have names at both ends, or hadald waits no longer for them."""
        made = sum(edge["opened"] for edge in edges if edge["transport"] == "tcp")
        clients, servers = ({edge[end] for edge in edges} for end in ("client", "server"))
        deadline = time.monotonic() + PATIENCE
        while True:
            flows = self.flows()
            as_client = sum(row.get("hadal.tcp.connection.opened", 0) for row in flows if row.get("hadal.edge.role") == "client"
                            and row["service.name"] in clients and row.get("hadal.peer.name") in servers)
            as_server = sum(row.get("hadal.tcp.connection.opened", 0) for row in flows if row.get("hadal.edge.role") == "server"
                            and row["service.name"] in servers)
            if min(as_client, as_server) >= made or time.monotonic() > deadline:
                return flows
            time.sleep(0.5)

    def wait_for_services(self, names):
        """Until it knows them: an emulated agent may not answer in the time that hadald gives it."""
        until(f"hadald knows {names}",
              lambda: names <= {row.get("service.name") for row in self.ask("ps")["processes"]})

    def stop(self):
        self.process.terminate()
        if self.process.wait(PATIENCE):
            sys.exit(f"hadald ended with {self.process.returncode}:\n" + (RUN / "hadald.log").read_text()[-4000:])
