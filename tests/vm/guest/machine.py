# SPDX-License-Identifier: MIT
"""One run of one guest under QEMU."""

import os
import pathlib
import platform
import select
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

from . import image, klog, tree
from .host import CACHE, TREE, Problem, command, die_with_parent, kvm_works, make_ext4, say

# Statuses of our own, beside the command's. 124 and 125 are those of timeout(1).
STATUS_DIED = 122      # panic, or the guest ended without a word
STATUS_LOG = 123       # a bad line in the kernel's log
STATUS_TIMEOUT = 124
STATUS_PROBLEM = 125   # no guest could be run

OUT_MEGABYTES = 4096

# The processors take turns in one thread. With a thread each, QEMU at times runs
# code that another processor has just patched (static keys, ftrace: oops int3),
# and on a busy host it is slower too.
EMULATION = "tcg,thread=single"

class Machine(NamedTuple):
    """How QEMU stands in for a computer of an architecture."""
    qemu: str
    machine: str
    emulated_cpu: str
    console: str


# What is dear to emulate is left out. x86-64: a kernel that finds fast strings copies and clears byte
# by byte, eight times the work; five levels of page tables. arm64's "max" signs its pointers, at
# several times the cost; Graviton2 is of this kind.
MACHINES = {
    "x86_64": Machine("qemu-system-x86_64", "q35", "max,-erms,-fsrm,-la57", "ttyS0"),
    "aarch64": Machine("qemu-system-aarch64", "virt", "neoverse-n1", "ttyAMA0"),
}

KERNEL_LINE = [
    "ignore_loglevel", "log_buf_len=4M",
    f"root={image.ROOT}", "rootfstype=ext4", "rootflags=noinit_itable", "rw",
    # as Amazon Linux 2023 has it; and then end at once
    "oops=panic", "panic=-1",
    "net.ifnames=0",
    # emulated, and on a busy host, a guest may stand still for a minute and more
    "rcupdate.rcu_cpu_stall_timeout=180", "watchdog_thresh=60",
]

# What mitigations guard against no emulated processor does, and to clear each page that is
# taken, mostly to be cleared again, is dear; benchmarks, though, count them in.
EMULATED_LINE = ["mitigations=off", "init_on_alloc=0"]

# With -icount time is instructions: nothing random, one nanosecond each.
ICOUNT_LINE = ["nokaslr", "norandmaps", "tsc=reliable", "tsc_early_khz=1000000", "clocksource=tsc"]
# with these, each byte or word of a REP instruction would not count alike
ICOUNT_CPU = "max,-erms,-fsrm"


class Guest:
    """options: see cli.py. Kept in a directory of its own, removed at the end."""

    init = "/sbin/hadal-init"
    seconds_to_ready = 180    # six, on a host that has nothing else to do
    seconds_to_end = 60       # a panicked guest at once, another within a second or two

    def __init__(self, options, kernel, root_image, added_kernel=None):
        self.options = options
        self.machine = MACHINES[options.arch]
        self.kernel = kernel
        self.added_kernel = added_kernel
        self.root_image = root_image
        self.directory = runs_directory() / f"{os.getpid()}"
        self.log_file = self.directory / "kernel.log"
        self.status_file = self.directory / "status"

    def run(self):
        """Returns the exit status for the user."""
        try:
            for attempt in 1, 2:
                self.make_disks()
                status, started_init = self.boot()
                # Before init nothing of ours runs, and emulated kernels do
                # at times fail there: once more, and say so.
                if started_init or attempt == 2:
                    break
                say("the kernel did not come up to init: once more")
            if self.is_ready():
                self.bring_back_output()
            return status
        finally:
            if self.options.keep_log and self.log_file.exists():
                shutil.copyfile(self.log_file, self.options.keep_log)
            shutil.rmtree(self.directory, ignore_errors=True)

    def make_disks(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir()
        settings = {
            "HADAL_VM_GROW": "1" if self.options.disk else "",
            "HADAL_VM_ADDED_KERNEL": self.added_kernel.release if self.added_kernel else "",
            "HADAL_VM_AWAIT_NETWORK": "1" if self.options.forward or self.options.host_port else "",
        }
        settings.update(self.options.env)
        tree.make_disk(self.directory / "tree", self.directory / "staging", self.options.command, settings)
        make_ext4(self.directory / "out", None, OUT_MEGABYTES, journal=True)
        self.overlay("root", self.root_image, self.options.disk)
        self.overlay("kernel", self.kernel.disk)
        if self.added_kernel:
            self.overlay("added", self.added_kernel.disk)

    def overlay(self, name, base, megabytes=None):
        """A throw-away disk over an image that others share."""
        command(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.resolve(),
                 self.directory / name, *([f"{megabytes}M"] if megabytes else [])])

    # Starting QEMU

    def arguments(self):
        kvm = self.options.accel == "kvm" or (
            self.options.accel == "auto" and not self.options.icount and
            self.options.arch == platform.machine() == "x86_64" and kvm_works(self.kernel.vmlinuz))
        cpu = "host" if kvm else ICOUNT_CPU if self.options.icount else self.machine.emulated_cpu
        own_line = ICOUNT_LINE if self.options.icount else [] if kvm else EMULATED_LINE
        line = [f"console={self.machine.console}", f"init={self.init}"] + KERNEL_LINE + own_line + self.options.append
        return [self.machine.qemu, "-nodefaults", "-no-user-config", *([] if self.options.panics else ["-no-reboot"]),
                "-display", "none",
                "-machine", self.machine.machine, "-accel", "kvm" if kvm else EMULATION, "-cpu", cpu,
                "-m", str(self.options.mem), *self.processors(),
                "-kernel", str(self.kernel.vmlinuz), "-append", " ".join(line),
                *self.disks(), *self.ports(), *self.network()]

    def processors(self):
        if self.options.icount:
            return ["-smp", "1", "-icount", "shift=0,sleep=off"]
        return ["-smp", str(self.options.cpus)]

    def disks(self):
        """NVMe, since its driver is built into the cloud kernels."""
        arguments = []
        disks = [("root", "qcow2"), ("kernel", "qcow2"), ("tree", "raw"), ("out", "raw")]
        if self.added_kernel:
            disks.append(("added", "qcow2"))
        for name, form in disks:
            arguments += ["-drive", f"file={self.directory / name},format={form},if=none,id={name},cache=unsafe",
                          "-device", f"nvme,drive={name},serial=hadal-{name}"]
        return arguments

    def ports(self):
        """The console to a file; the command's output to our pipe; its status to a file."""
        return ["-chardev", f"file,id=console,path={self.log_file}", "-serial", "chardev:console",
                "-device", "virtio-serial-pci",
                "-chardev", "stdio,id=output,signal=off", "-device", "virtserialport,chardev=output,name=hadal.output",
                "-chardev", f"file,id=status,path={self.status_file}",
                "-device", "virtserialport,chardev=status,name=hadal.status"]

    def network(self):
        """A network that leads nowhere but to the ports asked for."""
        netdev = "user,id=net,restrict=on"
        for host_port, guest_port in self.options.forward:
            netdev += f",hostfwd=tcp:127.0.0.1:{host_port}-:{guest_port}"
        for port in self.options.host_port:
            netdev += f",guestfwd=tcp:10.0.2.100:{port}-cmd:socat - TCP:127.0.0.1:{port}"
        return ["-netdev", netdev, "-device", "virtio-net-pci,netdev=net,romfile="]

    # While it runs

    def boot(self):
        log = klog.Log(self.log_file, self.options.allow_log, self.options.panics)
        self.log_file.touch()
        arguments = self.arguments()
        if self.options.verbose:
            say(" ".join(arguments))
        # Its stdin stays open: at an end of file the port would count as closed.
        qemu = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                preexec_fn=die_with_parent)
        try:
            in_time = self.attend(qemu, log)
        finally:
            qemu.kill()
            qemu.wait()
        self.report(log.follow())
        return self.judge(log, in_time), log.started_init

    def attend(self, qemu, log):
        """Passes on the output and watches the log until QEMU ends; False: it had to be stopped."""
        deadline = time.monotonic() + self.seconds_to_ready
        ready = ending = False
        output = qemu.stdout
        while True:
            if output is None:
                time.sleep(0.05)
            elif select.select([output], [], [], 0.2)[0]:
                chunk = os.read(output.fileno(), 1 << 16)
                if not chunk:
                    output = None
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
            if qemu.poll() is not None and output is None:
                return True
            self.report(log.follow())
            now = time.monotonic()
            if not ready and self.is_ready():
                ready = True
                deadline = now + self.options.timeout
            if not ending and (log.panicked or self.command_status() is not None):
                ending = True
                deadline = now + self.seconds_to_end
            if now > deadline:
                return False

    def report(self, bad_lines):
        for line in bad_lines:
            say(f"kernel log: {line}")

    # What came of it

    def status_words(self):
        return self.status_file.read_text().split() if self.status_file.exists() else []

    def is_ready(self):
        return "ready" in self.status_words()

    def command_status(self):
        words = self.status_words()
        return int(words[words.index("exit") + 1]) if "exit" in words[:-1] else None

    def judge(self, log, in_time):
        status = self.command_status()
        if log.panicked:
            say("the kernel panicked; its last lines:")
            self.show_log_tail(60)
            return STATUS_DIED
        if not in_time:
            what = ("the guest did not get ready" if not self.is_ready() else
                    "the guest did not power off" if status is not None else
                    f"the command did not end within {self.options.timeout} s")
            say(f"stopped: {what}; the kernel's last lines:")
            self.show_log_tail()
            return STATUS_TIMEOUT if self.is_ready() else STATUS_DIED
        if log.bad:
            say(f"{len(log.bad)} bad line(s) in the kernel's log; the command's status was {status}; the first:")
            self.show_lines(log.around_first_bad())
            if not self.options.keep_log:
                say("--keep-log FILE keeps the whole log")
            return STATUS_LOG
        if status is None:
            say("the guest ended before the command did, or never got to it; the kernel's last lines:")
            self.show_log_tail()
            return STATUS_DIED
        return status

    def show_log_tail(self, count=25):
        self.show_lines(klog.Log(self.log_file).tail(count))

    def show_lines(self, lines):
        for line in lines:
            print(f"    {line}", file=sys.stderr)

    def bring_back_output(self):
        """What the guest left on its output disk, into the host's directory."""
        disk = self.directory / "out"
        # after a panic the journal is still to be played
        subprocess.run(["e2fsck", "-fy", disk], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        back = self.directory / "back"
        back.mkdir()
        command(["debugfs", "-R", f"rdump / {back}", disk])
        if (back / "lost+found").exists():
            shutil.rmtree(back / "lost+found")
        if any(back.iterdir()):
            target = pathlib.Path(self.options.out or TREE / "build" / "vm" / "out")
            shutil.copytree(back, target, dirs_exist_ok=True, symlinks=True)


def runs_directory():
    """Where runs keep their disks; those of runners that were killed are cleared away."""
    runs = CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for path in runs.iterdir():
        if not os.path.exists(f"/proc/{path.name}"):
            shutil.rmtree(path, ignore_errors=True)
    return runs
