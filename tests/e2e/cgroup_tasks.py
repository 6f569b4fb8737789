# SPDX-License-Identifier: MIT
"""ECS tasks without a runtime, for more of them in a second than an emulated machine's
Docker can start: a process in a pid namespace, a network namespace and a cgroup where
ECS places a container's. Docker does not know them, the agent does."""

import json
import pathlib
import secrets
import subprocess
import uuid

import container_instance
import ledgers
from tasks import METADATA

TALKER = container_instance.TREE / "build/user/tests/e2e/talker/talker"
CGROUPS = pathlib.Path("/sys/fs/cgroup/ecs")


class CgroupTask:
    """network: the name of a network namespace that is there, None for the host's."""

    def __init__(self, instance, name, network):
        self.name = name
        self.network = network
        self.id = secrets.token_hex(16)
        self.container = secrets.token_hex(32)
        self.endpoint = uuid.uuid4()
        self.arn = f"{instance.arn}:task/{instance.facts['cluster']}/{self.id}"
        self.directory = CGROUPS / self.id / self.container
        self.cluster = instance.facts["cluster"]

    def as_docker_tells(self):
        """An inspect(), as far as the agent makes use of one."""
        labels = {"task-arn": self.arn, "container-name": "talker", "cluster": self.cluster,
                  "task-definition-family": self.name, "task-definition-version": "1"}
        environment = [f"{name}={value}" for name, value in self.environment().items()]
        return {"Id": self.container, "Name": f"/ecs-{self.name}-1-talker-{self.container[:20]}", "Image": "sha256:0",
                "Created": "2026-01-01T00:00:00Z", "Mounts": [],
                "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z"},
                "Config": {"Image": "shop/talker", "Env": environment,
                           "Labels": {f"com.amazonaws.ecs.{label}": value for label, value in labels.items()}},
                "HostConfig": {"CpuShares": 0, "Memory": 0, "LogConfig": {"Type": "json-file"}},
                "NetworkSettings": {"Ports": {}, "Networks": {}}}

    def environment(self):
        return {"ECS_CONTAINER_METADATA_URI_V4": f"{METADATA}/v4/{self.endpoint}"}

    def run(self, pause, targets, life):
        """Starts it, and kills it life seconds after. pause: in ms, between two calls. Returns how long it lived, in
        seconds: as measured beside it, so in a machine with much to do it is more than it was to be."""
        self.directory.mkdir(parents=True)
        network = f"/run/netns/{self.network}" if self.network else "-"
        done = subprocess.run(
            [TALKER, "enter", self.directory, network, str(round(life * 1000)), TALKER, "call",
             ledgers.DIRECTORY / self.id, self.name, "0", str(pause), *targets], env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        self.directory.rmdir()
        self.directory.parent.rmdir()
        return int(done.stdout) / 1e9


def announce(instance, tasks):
    """Tells the agent of them before they begin, as it knows what it starts."""
    with instance.lock:
        for task in tasks:
            instance.facts["tasks"][task.arn] = {"network_mode": "awsvpc" if task.network else "host"}
        instance.facts["containers"] = f"{instance.file}.containers"
        pathlib.Path(instance.facts["containers"]).write_text(json.dumps([task.as_docker_tells() for task in tasks]))
        instance.write()
