# SPDX-License-Identifier: MIT
"""Docker's API on its socket, as far as the shop and the ECS agent need it.
https://docs.docker.com/reference/api/engine/version/v1.41/

The docker command would do, but in an emulated machine each start of it costs seconds."""

import http.client
import json
import socket
import struct
import urllib.parse

SOCKET = "/var/run/docker.sock"


class Error(Exception):
    """What Docker said; status is HTTP's."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class _Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)


def request(method, path, body=None, **parameters):
    """The answer's bytes. parameters that are no strings go as JSON."""
    query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    connection = _Connection("docker")
    connection.request(method, f"/v1.41{path}?{urllib.parse.urlencode(query)}",
                       None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status >= 400:
        raise Error(answer.status, f"Docker: {method} {path}: {data.decode(errors='replace').strip()}")
    return data


def is_up():
    try:
        return request("GET", "/_ping") == b"OK"
    except OSError:
        return False


def cgroup_driver():
    """systemd where that runs, else cgroupfs."""
    return json.loads(request("GET", "/info"))["CgroupDriver"]


def inspect(container):
    return json.loads(request("GET", f"/containers/{container}/json"))


def all_containers():
    """Their ids, of those that have ended too."""
    return [entry["Id"] for entry in json.loads(request("GET", "/containers/json", all="1"))]


class Containers:
    """inspect() of all containers with a label, those that have ended too, and those that were
    removed since, as ended; asked again only of one that Docker lists in another state."""

    def __init__(self, label):
        self.label = label
        self.known = {}     # id -> state, inspect()

    def look(self):
        listed = json.loads(request("GET", "/containers/json", all="1", filters={"label": [self.label]}))
        states = {entry["Id"]: entry["State"] for entry in listed}
        for name in self.known.keys() - states.keys():
            self.remove(name)
        for name, state in states.items():
            self.learn(name, state)
        return self.all()

    def all(self):
        """As of the last look."""
        return [inspected for _, inspected in self.known.values()]

    def learn(self, name, state):
        if name in self.known and self.known[name][0] == state:
            return
        try:
            self.known[name] = state, inspect(name)
        except Error as error:
            if error.status != 404:     # else it was removed meanwhile
                raise

    def remove(self, name):
        state, inspected = self.known[name]
        if state != "removed":
            self.known[name] = "removed", inspected | {"State": inspected["State"] | {"Status": "exited"}}


def run(name, settings):
    """Creates and starts a container; returns its id."""
    container = json.loads(request("POST", "/containers/create", settings, name=name))["Id"]
    request("POST", f"/containers/{container}/start")
    return container


def wait(container):
    """Returns its exit code, when it has ended."""
    return json.loads(request("POST", f"/containers/{container}/wait"))["StatusCode"]


def stop(container, seconds=10):
    """SIGTERM, and SIGKILL when it has not ended after that time."""
    request("POST", f"/containers/{container}/stop", t=seconds)


def kill(container):
    request("POST", f"/containers/{container}/kill", signal="SIGKILL")


def remove(container):
    """Kills it first, if it lives."""
    request("DELETE", f"/containers/{container}", force="1")


def logs(container):
    """What it has printed, errors too: frames of stream, length and data."""
    data, text = request("GET", f"/containers/{container}/logs", stdout="1", stderr="1"), b""
    while data:
        size, = struct.unpack_from("!4xI", data)
        text += data[8:8 + size]
        data = data[8 + size:]
    return text.decode(errors="replace")


def image(repository):
    """Its full name, with the tag."""
    return json.loads(request("GET", "/images/json", filters={"reference": [repository]}))[0]["RepoTags"][0]
