# SPDX-License-Identifier: MIT
"""A container of a task definition as the ECS agent asks Docker for it. What this does not know
of a definition is an error: nothing of it may be left out."""

import json

MEGABYTE = 1 << 20
SECOND = 10 ** 9    # as Docker counts time


class Unknown(Exception):
    """Something in the definition that is not done here."""


class _Words:
    """A JSON object, each of whose members is to be taken."""

    def __init__(self, what, members):
        self.what = what
        self.members = dict(members)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.members:
            raise Unknown(f"{self.what}: {', '.join(sorted(self.members))}")

    def take(self, name, *otherwise):
        return self.members.pop(name, *otherwise)


def _health_check(check):
    with _Words("healthCheck", check) as words:
        return {"Test": words.take("command"), "Retries": words.take("retries"),
                **{name: words.take(name[0].lower() + name[1:]) * SECOND for name in ("Interval", "Timeout", "StartPeriod")}}


def _tmpfs(mount):
    with _Words("tmpfs", mount) as words:
        return words.take("containerPath"), ",".join([*words.take("mountOptions"), f"size={words.take('size')}m"])


def _linux(parameters):
    with _Words("linuxParameters", parameters) as words:
        with _Words("capabilities", words.take("capabilities")) as capabilities:
            settings = {"CapAdd": capabilities.take("add"), "CapDrop": capabilities.take("drop")}
        return settings | {"Tmpfs": dict(_tmpfs(mount) for mount in words.take("tmpfs"))}


def _bind(mount, sources):
    with _Words("mountPoints", mount) as words:
        place = f"{sources[words.take('sourceVolume')]}:{words.take('containerPath')}"
        return place + ":ro" * words.take("readOnly", False)


def _source(volume):
    with _Words("volumes", volume) as words:
        with _Words("host", words.take("host")) as host:
            return words.take("name"), host.take("sourcePath")


def _ulimit(limit):
    with _Words("ulimits", limit) as words:
        return {"Name": words.take("name"), "Soft": words.take("softLimit"), "Hard": words.take("hardLimit")}


def _environment(words, values):
    """values: of secrets, by their name; of variables that are to have another value than the definition's."""
    named = {row["name"]: row["value"] for row in words.take("environment")}
    named |= {row["name"]: values[row["name"]] for row in words.take("secrets")}
    return [f"{name}={values.get(name, value)}" for name, value in named.items()]


class Definition:
    """Of a task with one container."""

    def __init__(self, file, image, values):
        with _Words("the task", json.loads(file.read_text())) as words:
            self.family = words.take("family")
            self.network_mode = words.take("networkMode")
            self.pid_mode = words.take("pidMode")
            assert words.take("requiresCompatibilities") == ["EC2"]
            words.take("executionRoleArn")      # pulls the image and reads the secrets
            sources = dict(_source(volume) for volume in words.take("volumes"))
            container, = words.take("containerDefinitions")
        with _Words("the container", container) as words:
            self._take(words, sources, values)
            assert words.take("image") == "IMAGE"
        self.settings["Image"] = image

    def _take(self, words, sources, values):
        self.name = words.take("name")
        self.stop_timeout = words.take("stopTimeout")
        assert words.take("essential")
        self.host = {
            "CpuShares": words.take("cpu"), "Memory": words.take("memory") * MEGABYTE,
            "MemoryReservation": words.take("memoryReservation") * MEGABYTE,
            "ReadonlyRootfs": words.take("readonlyRootFilesystem"), "NetworkMode": self.network_mode, "PidMode": self.pid_mode,
            "Binds": [_bind(mount, sources) for mount in words.take("mountPoints")],
            "Ulimits": [_ulimit(limit) for limit in words.take("ulimits")],
            **_linux(words.take("linuxParameters"))}
        self.settings = {"Healthcheck": _health_check(words.take("healthCheck")), "Env": _environment(words, values)}

    def settings_without(self, capability=None):
        """What Docker is asked for; the same without one of its capabilities."""
        host = self.host | {"CapAdd": [name for name in self.host["CapAdd"] if name != capability]}
        assert capability is None or host != self.host, capability
        return self.settings | {"HostConfig": host}
