# SPDX-License-Identifier: MIT
"""TCP connections and datagrams that count themselves, and small clients on top of them.

What the programs of the shop know about their connections is what the test
compares Hadal with. So everything here is counted where the program meets the
socket, and every client reads up to the server's end of stream: a connection
that is closed with bytes unread would be reset, and its counts not exact."""

import collections
import errno
import json
import signal
import socket
import struct
import sys
import threading

TIMEOUT = 120  # seconds without any progress: then the test is over anyway


class Ledger:
    """What one program did, per role, other end and transport; thread-safe."""

    def __init__(self):
        self.lock = threading.RLock()  # the signal handler prints, wherever the main thread is
        self.rows = {}

    def add(self, role, other, port, failed=None, transport="tcp", **counts):
        """counts: opened, reset [connections], sent, received [bytes]."""
        with self.lock:
            row = self.rows.setdefault((role, other, port, transport), (collections.Counter(), collections.Counter()))
            row[0].update(counts)
            if failed:
                row[1][failed] += 1

    def print(self):
        with self.lock:
            rows = [{"role": role, "other": other, "port": port, "transport": transport, "failed": dict(failed), **counts}
                    for (role, other, port, transport), (counts, failed) in self.rows.items()]
        sys.stdout.write("ledger " + json.dumps(rows) + "\n")
        sys.stdout.flush()

    def print_and_exit_on_term(self):
        def on_term(*_):
            self.print()
            sys.exit(0)
        signal.signal(signal.SIGTERM, on_term)


class Connection:
    """A connection of this program with other; port is the one that its server listens on."""

    def __init__(self, sock, ledger, role, other, port):
        sock.settimeout(TIMEOUT)
        self.socket = sock
        self.account = lambda **counts: ledger.add(role, other, port, **counts)
        self.buffer = b""
        self.account(opened=1)

    def send(self, data):
        self.socket.sendall(data)
        self.account(sent=len(data))

    def more(self):
        """Reads some bytes more; False at the end of the stream."""
        data = self.socket.recv(1 << 16)
        self.account(received=len(data))
        self.buffer += data
        return bool(data)

    def take(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise EOFError(f"{size} bytes were due, {len(self.buffer)} came")
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise EOFError(f"no {mark!r} in {self.buffer!r}")
        data, _, self.buffer = self.buffer.partition(mark)
        return data

    def take_rest(self):
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a reset instead of a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.account(reset=1)
        self.socket.close()


class Server:
    """Another program: its name, where it is reached, the port it listens on there."""

    def __init__(self, ledger, name, address, port):
        host, _, reached = address.rpartition(":")
        self.ledger, self.name, self.port = ledger, name, port
        self.address = (host, int(reached))

    def connect(self):
        return Connection(socket.create_connection(self.address, TIMEOUT), self.ledger,
                          "client", self.name, self.port)

    def connect_in_vain(self):
        """Nobody listens there; it is an error if somebody does."""
        try:
            socket.create_connection(self.address, TIMEOUT).close()
        except OSError as error:
            self.ledger.add("client", self.name, self.port, failed=errno.errorcode[error.errno])
        else:
            raise RuntimeError(f"{self.name} listens on port {self.port}")


class Datagrams:
    """A socket of this program's that asks server over UDP."""

    def __init__(self, server):
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(server.address)

    def ask(self, data):
        """Waits for the answer: so nothing is lost for want of room, and what was sent was received."""
        self.socket.send(data)
        answer = self.socket.recv(1 << 16)
        self.server.ledger.add("client", self.server.name, self.server.port, transport="udp",
                               sent=len(data), received=len(answer))
        return answer

    def close(self):
        self.socket.close()


class Redis:
    """https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2)"""

    def __init__(self, server):
        self.connection = server.connect()

    def __call__(self, *words):
        parts = [str(word).encode() for word in words]
        self.connection.send(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self.reply()

    def reply(self):
        line = self.connection.take_until(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RuntimeError(f"redis: {rest.decode()}")
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.connection.take(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        raise RuntimeError(f"redis: unknown reply {line!r}")

    def quit(self):
        self("QUIT")
        self.connection.take_rest()
        self.connection.close()


class Postgres:
    """https://www.postgresql.org/docs/15/protocol.html (3.0, simple queries, no password)"""

    def __init__(self, server, user="shop", database="shop"):
        self.connection = server.connect()
        words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
        self.connection.send(struct.pack("!II", len(words) + 8, 3 << 16) + words)
        self.until_ready()

    def message(self):
        kind, size = struct.unpack("!cI", self.connection.take(5))
        body = self.connection.take(size - 4)
        if kind == b"E":
            raise RuntimeError(f"postgres: {body!r}")
        return kind, body

    def until_ready(self):
        rows = []
        while True:
            kind, body = self.message()
            if kind == b"Z":
                return rows
            if kind == b"D":
                rows.append(self.row(body))

    @staticmethod
    def row(body):
        values, at = [], 2
        for _ in range(struct.unpack_from("!H", body)[0]):
            size, = struct.unpack_from("!i", body, at)
            at += 4
            values.append(None if size < 0 else body[at:at + size].decode())
            at += max(size, 0)
        return values

    def query(self, text):
        body = text.encode() + b"\0"
        self.connection.send(b"Q" + struct.pack("!I", len(body) + 4) + body)
        return self.until_ready()

    def quit(self):
        self.connection.send(b"X" + struct.pack("!I", 4))
        self.connection.take_rest()
        self.connection.close()


def http(server, method, path, body=b""):
    """One request on a connection of its own; returns status and body."""
    connection = server.connect()
    connection.send(f"{method} {path} HTTP/1.1\r\nHost: {server.name}\r\nConnection: close\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    status = int(connection.take_until(b"\r\n").split()[1])
    connection.take_until(b"\r\n\r\n")
    answer = connection.take_rest()
    connection.close()
    return status, answer
