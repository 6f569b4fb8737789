# SPDX-License-Identifier: MIT
"""Starts ECS tasks in Docker, with the names, labels, environment, cgroups and
networks that the ECS agent gives them. What Docker can't know of them goes into
an instance file, for tests/e2e/ecs-agent."""

import collections
import json
import os
import secrets
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import docker_api as docker

PAUSE = "~internal~ecs~pause"
PAUSE_IMAGE = "shop/pause"
# What the agent asks of Docker's driver of cgroups
CGROUP_PARENTS = {"cgroupfs": "/ecs/{}", "systemd": "ecstasks-{}.slice"}
METADATA = "http://169.254.170.2"
BRIDGE = "bridge"


class Place:
    """Where a service is reached: what the {} in a description's values speak of."""

    def __init__(self):
        self.addresses = []
        self.addresses6 = []
        self.mappings = collections.defaultdict(list)

    @property
    def address(self):
        return self.addresses[0]

    @property
    def published(self):
        """Container port -> the host's address and ports for it, one for each task, comma between."""
        return {port: ",".join(addresses) for port, addresses in self.mappings.items()}

    @property
    def host_ports(self):
        """Container port -> the host's port for it, of the first task."""
        return {port: addresses[0].rpartition(":")[2] for port, addresses in self.mappings.items()}

    def note(self, container):
        network = docker.inspect(container)["NetworkSettings"]
        bridge = network["Networks"][BRIDGE]
        self.addresses.append(bridge["IPAddress"])
        for port, bindings in (network["Ports"] or {}).items():
            if bindings:
                self.mappings[int(port.split("/")[0])].append(f"{bridge['Gateway']}:{bindings[0]['HostPort']}")

    def note_interface(self, interface):
        self.addresses.append(interface.address)
        self.addresses6.append(interface.address6)


class Instance:
    """One ECS container instance: a cluster's part of it, in one Docker."""

    def __init__(self, description, file, vpc=None):
        """vpc: where tasks of mode awsvpc get their interface (vpc.Vpc); without, they get one of Docker's."""
        self.description = description
        self.file = file
        self.vpc = vpc
        self.places = {}
        self.containers = {}    # service or family -> [container ids]
        arn = f"arn:aws:ecs:{description['region']}:{description['account']}"
        self.arn = arn
        self.facts = {"cluster": description["cluster"], "availability_zone": description["availability_zone"],
                      "container_instance_arn": f"{arn}:container-instance/{description['cluster']}/{secrets.token_hex(16)}",
                      "vpc_id": f"vpc-0{secrets.token_hex(8)}", "tasks": {}}
        self.lock = threading.Lock()
        self.cgroup_parent = CGROUP_PARENTS[docker.cgroup_driver()]
        self.write()

    def write(self):
        new = self.file + ".new"
        with open(new, "w", encoding="utf-8") as file:
            file.write(json.dumps(self.facts))
        os.rename(new, self.file)

    def add_task(self, arn, facts):
        with self.lock:
            self.facts["tasks"][arn] = facts
            self.write()

    def note_interface(self, arn, interface):
        with self.lock:
            self.facts["tasks"][arn]["interface"] = interface.as_agent_tells()
            self.write()

    def start(self, tasks, **values):
        """Starts descriptions of tasks; those of one service at once. values: more {} for their words."""
        for task in tasks:
            with ThreadPoolExecutor() as pool:
                started = [pool.submit(Task(self, task).start, values) for _ in range(task.get("count", 1))]
                for result in started:
                    result.result()


class Task:
    def __init__(self, instance, description):
        self.instance = instance
        self.description = description
        self.id = secrets.token_hex(16)
        self.arn = f"{instance.arn}:task/{instance.facts['cluster']}/{self.id}"
        self.workload = description.get("service") or description["family"]
        self.pause = None   # the container's id, in mode awsvpc

    def start(self, values):
        containers = self.description["containers"]
        arn = f"{self.instance.arn}:container/{self.instance.facts['cluster']}/{self.id}"
        self.instance.add_task(self.arn, {
            "service": self.description.get("service"), "network_mode": self.description["network_mode"],
            "container_arns": {container["name"]: f"{arn}/{uuid.uuid4()}" for container in containers}})
        network = {"bridge": BRIDGE, "host": "host"}.get(self.description["network_mode"])
        place = self.instance.places.setdefault(self.workload, Place())
        if network is None:
            self.pause = self.start_pause(place, values)
            network = f"container:{self.pause}"
        elif network == "host" and self.instance.vpc:
            place.note_interface(self.instance.vpc.host)
        for container in containers:
            started = self.run(container, network, values)
            self.instance.containers.setdefault(self.workload, []).append(started)
            if network == BRIDGE:
                place.note(started)

    def start_pause(self, place, values):
        """The container that holds the network of a task in mode awsvpc, and its interface."""
        vpc = self.instance.vpc
        pause = self.run({"name": PAUSE, "image": PAUSE_IMAGE}, "none" if vpc else BRIDGE, values)
        if not vpc:
            place.note(pause)
            return pause
        interface = vpc.attach(docker.inspect(pause)["State"]["Pid"])
        place.note_interface(interface)
        self.instance.note_interface(self.arn, interface)
        return pause

    def run(self, container, network, values):
        return docker.run(self.container_name(container["name"]), self.settings(container, network, values))

    def settings(self, container, network, values):
        """What Docker is asked for."""
        def fill(text):
            return text.format(**self.instance.places, task=self.id, **values)

        ports = [f"{port}/tcp" for port in container.get("ports", [])]
        settings = {
            "Image": docker.image(container["image"]),
            "Labels": self.labels(container["name"]),
            "Env": [f"{name}={fill(value)}" for name, value in self.environment(container).items()],
            "User": container.get("user", ""),
            "ExposedPorts": {port: {} for port in ports},
            "HostConfig": {
                "NetworkMode": network,
                "Memory": container.get("memory", 0),   # bytes; 0: no limit
                "CgroupParent": self.instance.cgroup_parent.format(self.id),
                "PortBindings": {port: [{"HostPort": ""}] for port in ports},     # Docker chooses
                "ExtraHosts": [f"{name}:{fill(address)}" for name, address in container.get("hosts", {}).items()],
                "Binds": [f"{source}:{place}" for source, place in container.get("volumes", {}).items()],
            },
        }
        if "command" in container:
            settings["Cmd"] = [fill(word) for word in container["command"]]
        return settings

    def container_name(self, name):
        plain = "".join(c for c in name if c.isalnum() or c in "-_")
        return f"ecs-{self.description['family']}-{self.description['revision']}-{plain}-{secrets.token_hex(10)}"

    def labels(self, name):
        labels = {"task-arn": self.arn, "container-name": name, "cluster": self.instance.facts["cluster"],
                  "task-definition-family": self.description["family"],
                  "task-definition-version": self.description["revision"]}
        return {f"com.amazonaws.ecs.{label}": value for label, value in labels.items()}

    @staticmethod
    def environment(container):
        if container["name"] == PAUSE:
            return {}
        endpoint = uuid.uuid4()
        return {"AWS_EXECUTION_ENV": "AWS_ECS_EC2",
                "ECS_AGENT_URI": f"{METADATA}/api/{endpoint}",
                "ECS_CONTAINER_METADATA_URI": f"{METADATA}/v3/{endpoint}",
                "ECS_CONTAINER_METADATA_URI_V4": f"{METADATA}/v4/{endpoint}",
                **container.get("environment", {})}
