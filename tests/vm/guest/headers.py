# SPDX-License-Identifier: MIT
"""tests/vm/headers."""

import sys

from . import kernel
from .host import Problem


def main(argv):
    if len(argv) != 1 or argv[0] in ("-h", "--help"):
        print(f"usage: tests/vm/headers {'|'.join(kernel.SUITES)}\n"
              "Prints the kernel's build tree: make modules KDIR=\"$(tests/vm/headers 6.12)\"")
        return 0 if argv and argv[0] in ("-h", "--help") else 2
    try:
        found = kernel.find(argv[0])
        if not found.headers:
            raise Problem(f"{argv[0]}: this kernel came without headers")
        print(found.headers)
    except Problem as problem:
        print(f"tests/vm/headers: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
