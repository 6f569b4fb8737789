# SPDX-License-Identifier: MIT
"""Root file systems to chroot into: a suite and packages become a directory, once.

python3 -m guest.root NAME SUITE PACKAGE... prints where it is; with --image VARIANT in
place of packages it has those of that image."""

import hashlib
import sys

from . import image
from .debian import source_lines
from .host import CACHE, Problem, build_once, command, say


def find(name, suite, packages):
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]

    def build(directory):
        say(f"building a root file system of {suite} for {name}; once, a minute or two")
        command(["mmdebstrap", "--quiet", "--variant=apt", "--format=directory", f"--include={','.join(packages)}",
                 '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Sandbox::User "root"',
                 suite, directory, *source_lines(suite)])

    return build_once(CACHE / "build-roots" / f"{name}-{key}", build)


def packages(words):
    return image.packages(words[1]) if words[0] == "--image" else words


if __name__ == "__main__":
    try:
        print(find(sys.argv[1], sys.argv[2], packages(sys.argv[3:])))
    except Problem as problem:
        sys.exit(f"tests/vm: {problem}")
