# SPDX-License-Identifier: MIT
"""The host's side: where things are kept, commands, locks, and whether KVM works."""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys

VM_DIR = pathlib.Path(__file__).resolve().parent.parent
TREE = VM_DIR.parent.parent
CACHE = pathlib.Path(os.environ.get("HADAL_VM_CACHE") or TREE / "build" / "vm").resolve()


class Problem(Exception):
    """Something the user should read; without a traceback."""


def say(text):
    print(f"tests/vm/run: {text}", file=sys.stderr, flush=True)


def command(argv, **options):
    """Runs a tool, returns its stdout; a failure carries what the tool said."""
    done = subprocess.run([str(a) for a in argv], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise Problem(f"{' '.join(map(str, argv[:3]))} ... failed with status {done.returncode}:\n{said}")
    return done.stdout


@contextlib.contextmanager
def locked(name):
    """One builder at a time per thing; the others wait and then find it built."""
    locks = CACHE / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with open(locks / name, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_once(path, build):
    """Returns path, made by build(temporary path) if need be.

    The rename at the end is what says that it is whole: an interrupted
    build leaves only a temporary, which the next one removes."""
    if path.exists():
        return path
    with locked(path.name):
        if path.exists():
            return path
        temporary = path.with_name(f".{path.name}.tmp")
        remove(temporary)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            build(temporary)
            os.rename(temporary, path)
        finally:
            remove(temporary)
    return path


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def die_with_parent():
    """In a child before exec: a killed runner leaves no guest behind."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def make_ext4(image, directory, megabytes, offset=0, journal=False):
    """An ext4 file system holding directory, in a sparse file, with no mount and no root."""
    with open(image, "ab") as file:
        file.truncate(offset + (megabytes << 20))
    command(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0",
             "-O", "has_journal" if journal else "^has_journal",
             "-E", f"root_owner=0:0,nodiscard,offset={offset}",
             *(["-d", directory] if directory else []), image, f"{megabytes}M"])


SECONDS_FOR_KVM_PROBE = 10


def kvm_works(vmlinuz):
    """Whether a KVM guest really runs, found out once per boot of the host.

    /dev/kvm may exist, and even run a boot sector, on hosts where a kernel
    does not get anywhere: so a kernel it is. Without a root disk it panics,
    reboots, and QEMU ends."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return build_once(CACHE / f"kvm-{boot}", lambda answer: probe_kvm(vmlinuz, answer)).read_text() == "works"


def probe_kvm(vmlinuz, answer):
    say("trying whether KVM works here")
    try:
        console = subprocess.run(
            ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-nodefaults", "-no-user-config", "-no-reboot",
             "-display", "none", "-m", "512", "-serial", "stdio", "-kernel", str(vmlinuz),
             "-append", "console=ttyS0 panic=-1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=SECONDS_FOR_KVM_PROBE, preexec_fn=die_with_parent).stdout
        works = b"Kernel panic - not syncing: VFS" in console
    except subprocess.TimeoutExpired:
        works = False
    answer.write_text("works" if works else "fails")
