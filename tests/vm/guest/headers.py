# SPDX-License-Identifier: MIT
"""tests/vm/headers."""

import argparse
import sys

from . import kernel
from .debian import ARCHES
from .host import Problem


def main(argv):
    parser = argparse.ArgumentParser(
        prog="tests/vm/headers", allow_abbrev=False,
        description="Prints the kernel's build tree: make modules KDIR=\"$(tests/vm/headers 6.12)\"")
    parser.add_argument("--arch", default="x86_64", choices=ARCHES, help="processor architecture (x86_64)")
    parser.add_argument("kernel", metavar="|".join(kernel.SUITES))
    chosen = parser.parse_args(argv)
    try:
        found = kernel.find(chosen.kernel, chosen.arch)
        if not found.headers:
            raise Problem(f"{chosen.kernel}: this kernel came without headers")
        print(found.headers)
    except Problem as problem:
        print(f"tests/vm/headers: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
