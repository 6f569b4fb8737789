# SPDX-License-Identifier: MIT
"""Root file systems of guests: a package list becomes a disk image, once."""

import hashlib
import os
import shlex
import struct

from .debian import host_arch, source_lines
from .host import CACHE, VM_DIR, Problem, build_once, command, say

IMAGES = VM_DIR / "images"
STAGE1 = VM_DIR / "stage1-init"
VARIANT = "apt"                # mmdebstrap's: the essential packages and apt
MEGABYTES = 8192               # sparse: what is not used takes no room
PARTITION_OFFSET = 1 << 20

# The kernel finds its root by this signature, whatever order the disks appear in.
DISK_SIGNATURE = 0x4C414448
ROOT = f"PARTUUID={DISK_SIGNATURE:08x}-01"

# What the image does without, so that it is built, and read, faster.
NO_DOCUMENTATION = ["path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*",
                    "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*"]

# A plain bind mount shows the tree without the /proc, /sys and /dev mounted in it.
MAKE_IMAGE = f"""set -e
mkdir "$2.mnt"; trap 'umount "$2.mnt"; rmdir "$2.mnt"' EXIT
mount --bind "$1" "$2.mnt"
mke2fs -q -F -t ext4 -m 0 -O ^has_journal -L hadal-root \\
	-E root_owner=0:0,nodiscard,offset={PARTITION_OFFSET} -d "$2.mnt" "$2" {MEGABYTES}M
"""


# A foreign root file system is only unpacked, since nothing of it runs here: what the
# packages' scripts would have made of it, as far as guests have a use for it.
SETTLE_FOREIGN = """set -e
cd "$1"
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
cp usr/share/libc-bin/nsswitch.conf etc/nsswitch.conf
link() { [ -e "$2" ] || ln -s "$1" "$2"; }
link dash usr/bin/sh
link mawk usr/bin/awk
link nc.openbsd usr/bin/nc
for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
	link xtables-nft-multi "usr/sbin/$tool"
done
for tool in sh bash awk mount python3; do [ -x "usr/bin/$tool" ]; done
"""


def variants():
    return sorted(path.stem for path in IMAGES.glob("*.packages"))


def packages(variant):
    """The packages of a list and of those it inherits, each once, in order."""
    path = IMAGES / f"{variant}.packages"
    if not path.exists():
        raise Problem(f"--image {variant}: no {path.name} in tests/vm/images; there is: {', '.join(variants())}")
    found = {}
    for line in path.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["inherit"] and len(words) == 2:
            found.update(dict.fromkeys(packages(words[1])))
        elif len(words) == 1:
            found[words[0]] = None
        elif words:
            raise Problem(f"{path.name}: neither a package nor `inherit NAME`: {line}")
    return list(found)


def find(variant, suite, arch):
    """The image of a variant, built if the cache has none of just these packages."""
    wanted = packages(variant)
    recipe = [suite, arch, VARIANT, MEGABYTES, *NO_DOCUMENTATION, STAGE1.read_text(), *sorted(wanted)]
    if arch != host_arch():
        recipe.append(SETTLE_FOREIGN)
    key = hashlib.sha256("\n".join(map(str, recipe)).encode()).hexdigest()[:12]
    return build_once(CACHE / "images" / f"{variant}-{suite}-{arch}-{key}.img",
                      lambda image: build(image, variant, wanted, suite, arch))


def build(image, variant, wanted, suite, arch):
    say(f"building the root file system {variant} ({suite}, {arch}, {len(wanted)} packages); once, some minutes")
    write_partition_table(image)
    native = arch == host_arch()
    # Hooks run where root's files are root's, also in a user namespace: so
    # the image is made there, from the tree, and no mount is needed.
    hooks = [
        *([] if native else [f'sh -c {shlex.quote(SETTLE_FOREIGN)} sh "$1"']),
        'mkdir -p "$1/hadal" "$1/.hadal" "$1/usr/lib/modules"',
        f'install -m 755 {shlex.quote(str(STAGE1))} "$1/sbin/hadal-init"',
        'rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*'
        ' "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
        'rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
        # Tells of an image that can't run before anything else does.
        *(['chroot "$1" sh -c "bash -n /sbin/hadal-init && ldconfig"'] if native else []),
        f'unshare --mount sh -c {shlex.quote(MAKE_IMAGE)} sh "$1" {shlex.quote(str(image))}',
    ]
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    if os.geteuid() == 0:
        environment["TMPDIR"] = str(image.parent)
    hook_kind = "customize" if native else "extract"
    how = [f"--variant={VARIANT}"] if native else [
        "--variant=extract", "--include=?essential", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    command(["mmdebstrap", "--quiet", *how, f"--architectures={arch}", "--format=null",
             f"--include={','.join(wanted)}", '--aptopt=Acquire::Check-Valid-Until "false"',
             *(f"--dpkgopt={option}" for option in NO_DOCUMENTATION),
             *(f"--{hook_kind}-hook={hook}" for hook in hooks),
             suite, "/dev/null", *source_lines(suite)], env=environment)


def write_partition_table(image):
    """A master boot record with one Linux partition.

    It claims more than any disk has, and the kernel cuts it to what there is:
    so a larger disk over the same image (--disk) needs no other table."""
    start = PARTITION_OFFSET // 512
    entry = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", start, 0xFFFFFFFF - start)
    table = bytes(440) + struct.pack("<IH", DISK_SIGNATURE, 0) + entry.ljust(64, b"\0") + b"\x55\xaa"
    with open(image, "wb") as file:
        file.write(table)
        file.truncate(PARTITION_OFFSET + (MEGABYTES << 20))
