# SPDX-License-Identifier: MIT
"""Disks of hosts as a new user has them: Debian with systemd, Docker and the distribution's
kernel, without headers, compiler and DKMS. What its archive would send is in apt's cache."""

import dataclasses
import hashlib
import os
import shlex

from guest.debian import source_lines
from guest.host import CACHE, Problem, build_once, command, say
from guest.image import MAKE_IMAGE, write_partition_table

PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "iptables", "procps", "python3", "jq",
            "docker.io", "containerd", "runc", "linux-image-cloud-amd64",
            "busybox"]    # of tests/e2e/images
# From here on they come from the archive of tests/packages/amazon-linux, not from Debian's.
AMAZON_PACKAGES = ["dnf", "dnf-plugins-core", "rpm", "createrepo-c", "dkms", "gcc", "make", "linux-headers-cloud-amd64"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    suite: str
    test: str               # of tests/packages
    packages: list          # besides PACKAGES
    later: str = ""         # another kernel, as tests/vm/run knows it, that apt has
    how: str = ""           # apt is asked for that


# Amazon Linux 2023 has the systemd and the dnf of bookworm.
RECIPES = {
    "debian-12": Recipe("bookworm", "newuser", [], "6.12"),
    "debian-13": Recipe("trixie", "newuser", ["docker-cli"], "7.2", "-t trixie-backports"),
    "amazon-linux": Recipe("bookworm", "amazonuser", AMAZON_PACKAGES),
}

# Run in the new root. The kernel has built in what it boots with, so no initial RAM disk is
# made: that takes minutes where the processor is emulated.
SETTLE = """set -eu
echo newhost >/etc/hostname
printf '127.0.0.1 localhost newhost\\n' >/etc/hosts
echo 'LABEL=check /check ext4 ro,noatime,x-systemd.device-timeout=600 0 0' >/etc/fstab
mkdir /check
systemd-machine-id-setup
systemctl set-default multi-user.target
systemctl mask systemd-networkd-wait-online.service getty.target serial-getty@ttyS0.service
cat >/etc/systemd/system/check.service <<'UNIT'
[Unit]
Description=The tests of the packages
RequiresMountsFor=/check
[Service]
ExecStart=/check/tree/tests/packages/begin
TimeoutStopSec=5
[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/ecs.service <<'UNIT'
[Unit]
Description=Stands for the ECS agent, and starts its tasks
RequiresMountsFor=/check
Requires=docker.service
After=docker.service
[Service]
ExecStart=/check/tree/tests/packages/tasks
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable check.service ecs.service
chmod -x /etc/kernel/postinst.d/initramfs-tools
# Nobody is there to answer, and the disk may be lost.
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/90check
[ ! -d /etc/dnf ] || echo 'assumeyes=True' >>/etc/dnf/dnf.conf
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/check
mkdir -p /etc/systemd/journald.conf.d /etc/systemd/system.conf.d /etc/docker
printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf.d/check.conf
printf '[Manager]\\nDefaultTimeoutStartSec=600\\nDefaultDeviceTimeoutSec=600\\n' >/etc/systemd/system.conf.d/check.conf
"""

# What README's commands, and those of the tests, would fetch. hadal_*.deb is what the user brings.
FETCH = """set -eu
running=$(ls /lib/modules)
get() { apt-get -qq install --download-only "$@" >/dev/null; }
get "linux-headers-$running"
get "linux-headers-$running" dkms "$@"
get --reinstall "linux-image-$running"
get $HOW "linux-image-$LATER" "linux-headers-$LATER"
"""


def lines_of(suite):
    """A later kernel of trixie is among its backports."""
    return source_lines(suite if suite == "bookworm" else f"{suite}-backports")


def find(name, later, dependencies):
    """The directory with the disk and its kernel's vmlinuz. later: the release of RECIPES[name].later, or None.
    dependencies: Hadal's packages', which apt has; where it is not asked, they are installed."""
    recipe = RECIPES[name]
    packages = PACKAGES + recipe.packages + ([] if later else dependencies)
    key = hashlib.sha256("\n".join([repr(recipe), SETTLE, FETCH, str(later), MAKE_IMAGE, *packages, *dependencies]).encode())
    return build_once(CACHE / "images" / f"host-{name}-{key.hexdigest()[:12]}",
                      lambda target: make(target, recipe, packages, later, dependencies))


def fetch(recipe, later, dependencies):
    environment = f"LATER={later} HOW={shlex.quote(recipe.how)} DEBIAN_FRONTEND=noninteractive"
    return f'chroot "$1" env {environment} sh -c {shlex.quote(FETCH)} sh {" ".join(map(shlex.quote, dependencies))}'


def make(target, recipe, packages, later, dependencies):
    say(f"building the disk of a host of {recipe.suite}; once, some minutes")
    target.mkdir(parents=True)
    disk, quoted = target / "disk", shlex.quote
    write_partition_table(disk)
    hooks = [
        f'chroot "$1" sh -c {quoted(SETTLE)}',
        *([fetch(recipe, later, dependencies)] if later else []),
        f'cp "$1"/boot/vmlinuz-* {quoted(str(target))}/',
        'rm -f "$1/etc/resolv.conf" "$1/boot/initrd.img-"*',
        # mmdebstrap's, so that nothing was started while it was at work
        'rm -f "$1/usr/sbin/policy-rc.d"; if [ -e "$1/sbin/start-stop-daemon.REAL" ]; then'
        ' mv "$1/sbin/start-stop-daemon.REAL" "$1/sbin/start-stop-daemon"; fi',
        f'unshare --mount sh -c {quoted(MAKE_IMAGE)} sh "$1" {quoted(str(disk))}',
    ]
    command(["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=null", f"--include={','.join(packages)}",
             '--aptopt=Acquire::Check-Valid-Until "false"', *(f"--customize-hook={hook}" for hook in hooks),
             recipe.suite, "/dev/null", *lines_of(recipe.suite)], env=dict(os.environ, LC_ALL="C.UTF-8", TMPDIR=str(target)))
