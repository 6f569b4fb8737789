# SPDX-License-Identifier: MIT
"""tests/vm/debug-kernel: small kernels of Debian's source with the kernel's own debugging."""

import hashlib
import pathlib
import re
import sys
import tempfile

from .debian import Archive, host_suite
from .host import CACHE, VM_DIR, Problem, build_once, command, remove, say
from .kernel import merge_usr

SOURCE = "linux-source-6.12"
CONFIGS = VM_DIR / "debug"
COMMON = "guest"
JOBS = "2"
# kCFI is clang's; from 16 on it has it. What builds the kernel builds its modules: make KDIR=DIR/build LLVM=-16.
# It would put skb_consume_udp() into udp_recvmsg(), and nothing that is received over IPv4 would pass the
# module's hook there (docs/abi.md): what calls what the hooks are for is not what this kernel is to show.
CLANG = ["LLVM=-16", "CFLAGS_udp.o=-fno-inline-functions"]
# What building a module against the tree asks for; all other objects can go.
KEPT_OBJECTS = ("scripts", "tools")


def names():
    return sorted(path.stem for path in CONFIGS.glob("*.config") if path.stem != COMMON)


def fragments(name):
    return [CONFIGS / f"{COMMON}.config", CONFIGS / f"{name}.config"]


def find(name):
    """The directory of a debug kernel, as tests/vm/run --kernel takes it; its build tree is DIR/build."""
    if name not in names():
        raise Problem(f"{name}: no such debug kernel; there is: {', '.join(names())}")
    archive = Archive(host_suite(), "amd64")
    version = archive.records(SOURCE)["Version"]
    recipe = "\n".join([version, *toolchain(name), *(path.read_text() for path in fragments(name))])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return build_once(CACHE / "debug-kernels" / f"{name}-{key}",
                      lambda directory: build(directory, name, source(archive, version)))


def source(archive, version):
    """Debian's source of that version, unpacked; kernels are built beside it."""
    return build_once(CACHE / "debug-kernels" / f"source-{version}", lambda directory: unpack(archive, directory))


def unpack(archive, directory):
    say(f"fetching and unpacking {SOURCE}; once, some minutes")
    directory.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as downloads:
        place = pathlib.Path(downloads)
        for deb in archive.download([SOURCE], place):
            command(["dpkg-deb", "-x", deb, place / "unpacked"])
        command(["tar", "-xf", place / "unpacked/usr/src" / f"{SOURCE}.tar.xz", "-C", directory, "--strip-components=1"])


def build(directory, name, source_tree):
    say(f"building the debug kernel {name}; once, about ten minutes")
    tree = directory / "build"
    tree.mkdir(parents=True)
    make = ["make", "-C", source_tree, f"O={tree}", f"-j{JOBS}", *toolchain(name)]
    configure(make, tree, source_tree, name)
    command([*make, "bzImage", "modules"])
    release = command([*make, "-s", "kernelrelease"]).strip()
    install(make, directory, tree, release)
    drop_objects(tree)


def toolchain(name):
    return CLANG if any("CONFIG_CFI_CLANG=y" in path.read_text().splitlines() for path in fragments(name)) else []


def configure(make, tree, source_tree, name):
    command([*make, "tinyconfig"])
    command([source_tree / "scripts/kconfig/merge_config.sh", "-m", "-O", tree, tree / ".config", *fragments(name)],
            cwd=source_tree)
    command([*make, "olddefconfig"])
    missing = unmet(name, tree)
    if missing:
        raise Problem(f"the debug kernel {name} would lack what its configuration asks for:\n" + "\n".join(missing))


def unmet(name, tree):
    """Lines of the fragments that Kconfig did not keep. It drops what depends on something unset without a word."""
    made = set((tree / ".config").read_text().splitlines())
    options = [line for path in fragments(name) for line in path.read_text().splitlines()
               if re.match(r"CONFIG_\w+=|# CONFIG_\w+ is not set", line)]
    return [line for line in options if line not in made and not absent(line, made)]


def absent(line, made):
    """An option that is not to be set and depends on something unset is not named at all."""
    option = re.match(r"# (CONFIG_\w+) is not set", line)
    return option and not any(other.startswith(f"{option[1]}=") for other in made)


def install(make, directory, tree, release):
    root = directory / "root"
    command([*make, f"INSTALL_MOD_PATH={root}", "modules_install"])
    (root / "boot").mkdir()
    (tree / "arch/x86/boot/bzImage").rename(root / "boot" / f"vmlinuz-{release}")
    modules = root / "lib/modules" / release
    for link in modules / "build", modules / "source":
        link.unlink(missing_ok=True)
    merge_usr(root)


def drop_objects(tree):
    for path in list(tree.rglob("*")):
        kept = path.relative_to(tree).parts[0] in KEPT_OBJECTS
        if not kept and path.is_file() and (path.suffix in (".o", ".a", ".cmd") or path.name.startswith("vmlinux")):
            remove(path)


def main(argv):
    if len(argv) != 1 or argv[0] in ("-h", "--help"):
        print(f"usage: tests/vm/debug-kernel {'|'.join(names())}\n"
              "Prints the directory of a kernel with debugging, built if the cache has none of just this configuration\n"
              "and source: tests/vm/run --kernel DIR; make modules KDIR=DIR/build HADAL_DEBUG=y")
        return 0 if argv and argv[0] in ("-h", "--help") else 2
    try:
        print(find(argv[0]))
    except Problem as problem:
        print(f"tests/vm/debug-kernel: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
