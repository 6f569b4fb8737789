# SPDX-License-Identifier: MIT
"""Disks of hosts as a new user has them: Debian with systemd, Docker and the distribution's
kernel, without headers, compiler and DKMS. What its archive would send is in apt's cache."""

import hashlib
import os
import shlex

from guest.debian import source_lines
from guest.host import CACHE, Problem, build_once, command, say
from guest.image import MAKE_IMAGE, write_partition_table

PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "iptables", "procps", "python3", "jq",
            "docker.io", "containerd", "runc", "linux-image-cloud-amd64",
            "busybox"]    # of tests/e2e/images
# Of each: its suite, what it has besides, the later kernel, as tests/vm/run knows it, and how apt is asked for that.
SUITES = {"debian-12": ("bookworm", [], "6.12", ""), "debian-13": ("trixie", ["docker-cli"], "7.2", "-t trixie-backports")}

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
    """The directory with the disk and its kernel's vmlinuz. later: another kernel's release. dependencies: Hadal's packages'."""
    if name not in SUITES:
        raise Problem(f"{name}: no such host; there is: {', '.join(SUITES)}")
    suite, more, _, how = SUITES[name]
    packages = PACKAGES + more
    recipe = "\n".join([suite, SETTLE, FETCH, later, how, MAKE_IMAGE, *packages, *dependencies])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    kernel = f"LATER={later} HOW={shlex.quote(how)}"
    return build_once(CACHE / "images" / f"host-{name}-{key}",
                      lambda target: make(target, suite, packages, kernel, dependencies))


def make(target, suite, packages, kernel, dependencies):
    say(f"building the disk of a host of {suite}; once, some minutes")
    target.mkdir(parents=True)
    disk, quoted = target / "disk", shlex.quote
    write_partition_table(disk)
    words = " ".join(map(quoted, dependencies))
    hooks = [
        f'chroot "$1" sh -c {quoted(SETTLE)}',
        f'chroot "$1" env {kernel} DEBIAN_FRONTEND=noninteractive sh -c {quoted(FETCH)} sh {words}',
        f'cp "$1"/boot/vmlinuz-* {quoted(str(target))}/',
        'rm -f "$1/etc/resolv.conf" "$1/boot/initrd.img-"*',
        # mmdebstrap's, so that nothing was started while it was at work
        'rm -f "$1/usr/sbin/policy-rc.d"; if [ -e "$1/sbin/start-stop-daemon.REAL" ]; then'
        ' mv "$1/sbin/start-stop-daemon.REAL" "$1/sbin/start-stop-daemon"; fi',
        f'unshare --mount sh -c {quoted(MAKE_IMAGE)} sh "$1" {quoted(str(disk))}',
    ]
    command(["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=null", f"--include={','.join(packages)}",
             '--aptopt=Acquire::Check-Valid-Until "false"', *(f"--customize-hook={hook}" for hook in hooks),
             suite, "/dev/null", *lines_of(suite)], env=dict(os.environ, LC_ALL="C.UTF-8", TMPDIR=str(target)))
