# SPDX-License-Identifier: MIT
"""What in a kernel's log fails a run. python3 -m guest.klog FILE shows it."""

import re
import sys

# Time stamp, and the caller that CONFIG_PRINTK_CALLER adds.
PREFIX = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?")

# Each is anchored at the start of a message, since words like WARNING: also
# stand in harmless lines (the boot's notes on processor mitigations).
BAD = re.compile(r"""
      WARNING:                                  # WARN_ON, lockdep, RCU usage
    | (\w+:\ )?BUG[ :]                          # KASAN, KCSAN, KFENCE, soft lockups, bad pages, SLUB
    | kernel\ BUG\ at
    | Kernel\ panic
    | (Internal\ error:\ )?Oops
    | Unable\ to\ handle\ kernel
    | general\ protection\ fault
    | (invalid\ opcode|divide\ error|stack\ segment|double\ fault|int3):
    | UBSAN:
    | INFO:\ (possible|trying\ to\ register|rcu|task\ .*\ blocked|NMI\ handler)
    | rcu:\ INFO:
    | rcu:\ .*\bkthread\ (starved|timer\ wakeup)
    | (possible|inconsistent|suspicious|bad)\b.*\b(locking|lock|deadlock|dependency|RCU\ usage|balance)
    | turning\ off\ the\ locking\ correctness\ validator    # who watches has gone
    | INFO:\ lockdep\ is\ turned\ off
    | DEBUG_LOCKS_WARN_ON
    | KASAN:
    | kmemleak:\ .*suspected\ memory\ leaks
    | kmemleak:\ (.*detector\ disabled|Memory\ pool\ empty|Cannot\ allocate\ a\ kmemleak_object)
    | ODEBUG:
    | (list_add|list_del)\ corruption
    | refcount_t:
    | sysfs:\ cannot\ create\ duplicate
    | (NMI\ )?watchdog:.*(lockup|LOCKUP)
    | unregister_netdevice:\ waiting
    | \S+:\ page\ allocation\ failure
    """, re.X)
PANIC = re.compile(r"Kernel panic - not syncing")
INIT = re.compile(r"Run \S+ as init process")


class Log:
    """Follows a console file and collects the lines that fail a run."""

    def __init__(self, path, allowed=(), panics_allowed=0):
        self.path = path
        self.allowed = [re.compile(pattern) for pattern in allowed]
        self.panics_allowed = panics_allowed
        self.position = 0
        self.bad = []
        self.panics = 0
        self.started_init = False

    @property
    def panicked(self):
        """Once more than it may."""
        return self.panics > self.panics_allowed

    def lines(self):
        """Whole lines that came since the last call."""
        with open(self.path, "rb") as file:
            file.seek(self.position)
            text = file.read()
        whole = text[:text.rfind(b"\n") + 1]
        self.position += len(whole)
        return [line.rstrip("\r") for line in whole.decode(errors="replace").split("\n")]

    def follow(self):
        """Returns the bad lines that came since the last call."""
        fresh = []
        for line in self.lines():
            message = PREFIX.sub("", line)
            panic = bool(PANIC.match(message))
            self.panics += panic
            if BAD.match(message) and not (panic and not self.panicked) and \
                    not any(pattern.search(message) for pattern in self.allowed):
                fresh.append(line)
            if INIT.match(message):
                self.started_init = True
        self.bad += fresh
        return fresh

    def whole(self):
        with open(self.path, "rb") as file:
            return file.read().decode(errors="replace").replace("\r", "").splitlines()

    def tail(self, count=25):
        return self.whole()[-count:]

    def around_first_bad(self, before=5, after=40):
        """The first bad line with what led to it and what it goes on to tell."""
        lines = self.whole()
        place = lines.index(self.bad[0])
        return lines[max(place - before, 0):place + after]


if __name__ == "__main__":
    print("\n".join(Log(sys.argv[1]).follow()))
