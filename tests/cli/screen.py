# SPDX-License-Identifier: MIT
"""A program on a terminal of a given size, and what its screen shows.

Knows the orders of vt100 and xterm that ncurses gives in a program that neither
scrolls by regions nor inserts: others fail the test.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

ORDER = re.compile(r"\x1b\[([?>]?)([0-9;]*)([@A-Za-z`])")
PATIENCE = 300      # s, that a busy machine may take for anything
IGNORED = re.compile(r"\x1b[()][0AB]|\x1b[=>78c]|\x1b\][^\x07]*\x07|[\x00\x07\x0e\x0f]")


class Screen:
    def __init__(self, command, columns, rows, terminal, ignored=(), **environment):
        self.columns, self.rows = columns, rows
        self.clear()
        self.written = ""
        self.pending = ""
        primary, secondary = pty.openpty()
        self.fd = primary
        self.set_size(columns, rows)
        env = {"PATH": os.environ["PATH"], "TERM": terminal, "LC_ALL": "C.UTF-8", **environment}

        def prepare():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
        self.process = subprocess.Popen(command, stdin=secondary, stdout=secondary, stderr=secondary, env=env,
                                        start_new_session=True, preexec_fn=prepare)
        os.close(secondary)

    def clear(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.row = self.column = 0

    def set_size(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.clear()
        self.set_size(columns, rows)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    # ---- what the program writes ----

    def move(self, row, column):
        self.row = min(max(row, 0), self.rows - 1)
        self.column = min(max(column, 0), self.columns - 1)

    def blank(self, row, start, end):
        for column in range(start, min(end, self.columns)):
            self.cells[row][column] = " "

    def erase_below(self, how):
        assert how in (0, 2), f"erases the display by {how}"
        self.blank(self.row, self.column if how == 0 else 0, self.columns)
        for row in range(self.row + 1 if how == 0 else 0, self.rows):
            self.blank(row, 0, self.columns)

    def erase_in_line(self, how):
        start, end = {0: (self.column, self.columns), 1: (0, self.column + 1), 2: (0, self.columns)}[how]
        self.blank(self.row, start, end)

    def obey(self, private, numbers, order):
        if private or order in "mhlrtn":
            return
        values = [int(number or 0) for number in numbers.split(";")]
        first = values[0]
        steps = max(first, 1)
        if order in "Hf":
            self.move(first - 1, (values[1] if len(values) > 1 else 1) - 1)
        elif order in "ABCD":
            rows, columns = {"A": (-1, 0), "B": (1, 0), "C": (0, 1), "D": (0, -1)}[order]
            self.move(self.row + rows * steps, self.column + columns * steps)
        elif order in "G`":
            self.move(self.row, steps - 1)
        elif order == "d":
            self.move(steps - 1, self.column)
        elif order == "J":
            self.erase_below(first)
        elif order == "K":
            self.erase_in_line(first)
        elif order == "X":
            self.blank(self.row, self.column, self.column + steps)
        elif order == "b":
            for _ in range(steps):
                self.put(self.last)
        else:
            raise AssertionError(f"an order that is not known: {order} {numbers}")

    def put(self, character):
        self.last = character
        if self.column < self.columns:
            self.cells[self.row][self.column] = character
        self.column += 1

    def control(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            assert self.row < self.rows - 1, "the screen scrolls"
            self.row += 1
        elif character == "\b":
            self.column = max(min(self.column, self.columns) - 1, 0)
        elif character == "\t":
            self.column = (self.column // 8 + 1) * 8
        else:
            raise AssertionError(f"a control character that is not known: {character!r}")

    def take(self, text):
        text = self.pending + text
        at = 0
        self.pending = ""
        while at < len(text):
            found = ORDER.match(text, at) or IGNORED.match(text, at)
            if not found and text[at] == "\x1b" and len(text) - at < 32:
                self.pending = text[at:]
                return
            assert found or text[at] != "\x1b", f"an order that is not known: {text[at:at + 16]!r}"
            if found and found.re is ORDER:
                self.obey(*found.groups())
            elif not found:
                (self.put if text[at] >= " " else self.control)(text[at])
            at = found.end() if found else at + 1

    def read(self, wait):
        """Returns False at the program's end."""
        if not select.select([self.fd], [], [], wait)[0]:
            return True
        try:
            text = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            return False
        self.written += text
        self.take(text)
        return bool(text)

    def until(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not condition(self.lines()):
            if time.monotonic() > end or not self.read(0.1):
                raise AssertionError(f"never came: {what}; the screen:\n" + "\n".join(self.lines()))

    def end(self):
        """Its exit status."""
        end = time.monotonic() + PATIENCE
        while self.read(5):
            assert time.monotonic() < end, "it does not end; the screen:\n" + "\n".join(self.lines())
        os.close(self.fd)
        return self.process.wait(PATIENCE)
