# SPDX-License-Identifier: MIT
"""tests/vm/make."""

import argparse
import os
import re
import sys

from . import kernel, root
from .debian import ARCHES, host_arch, host_suite
from .host import CACHE, TREE, Problem

# In a mount namespace of its own: the tree and the cache at their own paths, /proc for objtool, /dev for all.
ENTER = """set -e
root=$1 tree=$2 cache=$3; shift 3
for path in "$tree" "$cache" /dev; do
	mkdir -p "$root$path"
	mount --bind "$path" "$root$path"
done
mount -t proc proc "$root/proc"
exec chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin make -C "$tree" "$@"
"""


def build_root(name, packages):
    """A root file system with the compiler that the kernel was built with."""
    if os.geteuid() != 0:
        raise Problem(f"building for {name} goes by a root file system of Debian {kernel.SUITES[name]}: needs root")
    return root.find(name, kernel.SUITES[name].removesuffix("-backports"), packages)


def cross(arch, packages):
    """The prefix of the compiler's name, and the packages, to build for an architecture here."""
    if ARCHES[arch] == host_arch():
        return "", packages
    suffix = f"-{arch.replace('_', '-')}-linux-gnu"
    return f"{arch}-linux-gnu-", [re.sub(r"^(gcc-\d+)(-for-host)?$", rf"\1{suffix}", name) for name in packages]


def run(name, arch, arguments):
    found = kernel.find(name, arch)
    if not found.headers:
        raise Problem(f"{name}: this kernel came without headers")
    prefix, packages = cross(arch, found.build_packages)
    make = [f"KDIR={found.headers}", *([f"CROSS_COMPILE={prefix}"] if prefix else []), *arguments]
    if kernel.SUITES.get(name, host_suite()) == host_suite():
        os.execvp("make", ["make", "-C", str(TREE), *make])
    directory = build_root(name, packages)
    os.execvp("unshare", ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(directory), str(TREE), str(CACHE), *make])


def main(argv):
    parser = argparse.ArgumentParser(
        prog="tests/vm/make", allow_abbrev=False,
        description="Runs make with KDIR= of that guest kernel, where its build tools work: tests/vm/make 7.2 modules")
    parser.add_argument("--arch", default="x86_64", choices=ARCHES, help="processor architecture (x86_64)")
    parser.add_argument("kernel", metavar="|".join(kernel.SUITES))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="make's own")
    chosen = parser.parse_args(argv)
    try:
        return run(chosen.kernel, chosen.arch, chosen.arguments)
    except Problem as problem:
        print(f"tests/vm/make: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
