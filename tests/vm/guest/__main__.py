# SPDX-License-Identifier: MIT
"""tests/vm/run: the command line."""

import argparse
import re
import signal
import sys

from . import debian, image, kernel, machine
from .host import Problem, say

DESCRIPTION = """\
Boots a Debian cloud kernel in QEMU, with a small Debian root file system and a
copy of this tree as /hadal, runs COMMAND there as root, and ends with its exit
status. Nothing that COMMAND does reaches the host's tree; what it leaves in
/hadal/build/vm/out (also $HADAL_VM_OUT) is brought back."""

EPILOG = f"""\
examples:
  tests/vm/run -- uname -a
  tests/vm/run --kernel 6.1 --cpus 2 -- sh -c 'dmesg | tail; cat /proc/cpuinfo'
  make modules KDIR="$(tests/vm/headers 6.12)"
  tests/vm/run --kernel 6.12 -- sh -c 'insmod build/kmod/$(uname -r)/hadal.ko && lsmod'
  tests/vm/run --image docker --mem 2048 --forward 8080:80 --host-port 4318 -- tests/e2e/guest
  tests/vm/run --arch aarch64 -- uname -m       # always emulated, with a root file system that is only unpacked
  tests/vm/run --icount -- build/bench/exec     # a clock that counts instructions

exit status:
  COMMAND's own, or
  {machine.STATUS_DIED}  the kernel panicked, or the guest ended without a word
  {machine.STATUS_LOG}  a bad line in the kernel's log: BUG, WARNING, Oops, lockdep, KASAN, KCSAN,
       UBSAN, kmemleak, RCU stall, ... whatever COMMAND's status; the line is shown
  {machine.STATUS_TIMEOUT}  COMMAND did not end in time
  {machine.STATUS_PROBLEM}  no guest could be run

in the guest:
  /hadal is writable and where COMMAND starts; /lib/modules/$(uname -r) has the
  kernel's modules and, as build, its headers. The network leads nowhere, save
  through --forward and --host-port (the host's port is host:PORT, 10.0.2.100).
  An oops panics (oops=panic), as on Amazon Linux 2023.

a kernel of one's own:
  --kernel ./DIR, with DIR/root/boot/vmlinuz-RELEASE and
  DIR/root/usr/lib/modules/RELEASE/. It needs built in: NVMe, ext4, MS-DOS
  partitions, devtmpfs, 8250 console, cgroups; and, built in or as modules, virtio_pci,
  virtio_console, virtio_net.

caches:
  build/vm, or $HADAL_VM_CACHE: kernels, images (rebuilt when their package list
  tests/vm/images/NAME.packages changes). Remove it to start afresh with the newest packages.
"""


def port_pair(text):
    found = re.fullmatch(r"(\d+):(\d+)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text}: want HOSTPORT:GUESTPORT")
    return found[1], found[2]


def setting(text):
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise argparse.ArgumentTypeError(f"{text}: want NAME=VALUE")
    return name, value


def pattern(text):
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
    return text


def options(argv):
    parser = argparse.ArgumentParser(prog="tests/vm/run", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="tests/vm/run [OPTION...] -- COMMAND...\n"
                                           "       tests/vm/run --deps | --prepare [OPTION...]")
    add = parser.add_argument
    add("--kernel", default="6.12", metavar="|".join(kernel.SUITES), help="kernel series, or a directory (6.12)")
    add("--add-kernel", metavar="KERNEL", help="one more, below /usr/lib/hadal-added-kernel, for COMMAND to install; "
        "$HADAL_VM_ADDED_KERNEL is its release")
    add("--arch", default="x86_64", metavar="|".join(debian.ARCHES), help="processor architecture (x86_64)")
    add("--image", default="base", metavar="|".join(image.variants()), help="root file system (base)")
    add("--cpus", type=int, default=2, metavar="N", help="processors (2)")
    add("--mem", type=int, default=1024, metavar="MB", help="memory (1024)")
    add("--disk", type=int, metavar="MB", help=f"size of the root disk, {image.MEGABYTES} or more ({image.MEGABYTES})")
    add("--icount", action="store_true", help="one processor, a deterministic clock: 1 ns per instruction")
    add("--accel", choices=["auto", "kvm", "tcg"], default="auto", help="auto: KVM where it works, else emulation")
    add("--forward", type=port_pair, action="append", default=[], metavar="HOSTPORT:GUESTPORT",
        help="127.0.0.1:HOSTPORT of the host leads to the guest's port")
    add("--host-port", type=int, action="append", default=[], metavar="PORT",
        help="10.0.2.100:PORT in the guest leads to 127.0.0.1:PORT of the host")
    add("--env", type=setting, action="append", default=[], metavar="NAME=VALUE", help="set in COMMAND's environment")
    add("--append", action="append", default=[], metavar="ARG", help="add to the kernel's command line")
    add("--timeout", type=float, default=600, metavar="S", help="seconds that COMMAND may take once the guest is up (600)")
    add("--out", metavar="DIR", help="where the guest's output files go (build/vm/out)")
    add("--keep-log", metavar="FILE", help="write the kernel's log here")
    add("--allow-log", type=pattern, action="append", default=[], metavar="REGEX",
        help="kernel messages that a test provokes: they don't fail the run")
    add("--panics", type=int, default=0, metavar="N", help="the kernel may panic so often (0): the guest then boots again, "
        "from its disks as they are, and runs COMMAND anew")
    add("--prepare", action="store_true", help="fetch the kernel and build the image, and stop")
    add("--deps", action="store_true", help="install what the host needs, and stop (as root)")
    add("--verbose", action="store_true", help="show QEMU's command line")
    add("command", nargs="*", metavar="COMMAND", help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    if not chosen.command and not chosen.prepare and not chosen.deps:
        parser.error("no COMMAND; say what to run after --, or see --help")
    if chosen.disk and chosen.disk < image.MEGABYTES:
        parser.error(f"--disk {chosen.disk}: the image itself has {image.MEGABYTES} MB")
    if chosen.icount and chosen.arch != "x86_64":
        parser.error("--icount: its clock is x86_64's")
    return chosen


def stop(number, _frame):
    """Ends the run by way of its finally clauses: the guest and its disks go."""
    sys.exit(128 + number)


def main(argv):
    chosen = options(argv)
    if chosen.deps:
        return 0    # tests/vm/run has seen to them
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(number, stop)
    try:
        booted = kernel.find(chosen.kernel, chosen.arch)
        added = kernel.find(chosen.add_kernel, chosen.arch) if chosen.add_kernel else None
        root = image.find(chosen.image, debian.host_suite(), debian.ARCHES[chosen.arch])
        if chosen.prepare:
            return 0
        return machine.Guest(chosen, booted, root, added).run()
    except Problem as problem:
        say(str(problem))
        return machine.STATUS_PROBLEM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
