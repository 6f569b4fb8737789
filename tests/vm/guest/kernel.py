# SPDX-License-Identifier: MIT
"""Debian's cloud kernels, unpacked beside the system: image, modules, headers."""

import os
import pathlib
import re
import shutil
import tempfile

from .debian import ARCHES, Archive, host_arch
from .host import CACHE, Problem, build_once, command, make_ext4

# Where each comes from. A series is its newest version there, "new" what the suite's own meta package names.
SUITES = {
    "6.1": "bookworm",
    "6.12": "bookworm",
    "7.2": "trixie-backports",
    "new": "trixie-backports",
}
DISK_MEGABYTES = 1024


class Kernel:
    """A kernel that can be booted. Attributes: release, vmlinuz, disk, headers (or None), build_packages."""

    def __init__(self, directory):
        releases = [path.name for path in (directory / "root/usr/lib/modules").iterdir()]
        if len(releases) != 1:
            raise Problem(f"{directory}: expected one kernel's modules, found {releases}")
        self.release = releases[0]
        self.vmlinuz = directory / "root/boot" / f"vmlinuz-{self.release}"
        self.disk = directory / "disk.ext4"
        headers = directory / "root/usr/src" / f"linux-headers-{self.release}"
        self.headers = headers if headers.exists() else None
        needs = directory / "build-packages"
        self.build_packages = needs.read_text().split() if needs.exists() else []


def find(name, arch="x86_64"):
    """The kernel called name, fetched if the cache has none."""
    if arch not in ARCHES:
        raise Problem(f"--arch {arch} is not supported; there is: {', '.join(ARCHES)}")
    if "/" in name:
        return own(pathlib.Path(name))
    if name not in SUITES:
        raise Problem(f"--kernel {name} is not known; there is: {', '.join(SUITES)}, or a directory (see --help)")
    deb_arch = ARCHES[arch]
    return Kernel(build_once(CACHE / "kernels" / f"{name}-{deb_arch}",
                             lambda directory: fetch(name, deb_arch, directory)))


def own(directory):
    """A kernel of one's own: DIR/root/boot/vmlinuz-RELEASE, DIR/root/usr/lib/modules/RELEASE."""
    if not (directory / "root/usr/lib/modules").is_dir():
        raise Problem(f"--kernel {directory}: no root/usr/lib/modules in it (see --help)")
    build_once(directory.resolve() / "disk.ext4", lambda disk: make_ext4(disk, directory / "root", DISK_MEGABYTES))
    return Kernel(directory.resolve())


def fetch(name, arch, directory):
    archive = Archive(SUITES[name], arch)
    image = image_package(archive, name, arch)
    release = image.removeprefix("linux-image-")
    root = directory / "root"
    root.mkdir(parents=True)
    wanted = parts(archive, [image, f"linux-headers-{release}"])
    unpack(archive, [package for package in wanted if not is_tools(package)], root)
    unpack(Archive(archive.suite, host_arch()), [package for package in wanted if is_tools(package)], root)
    (directory / "build-packages").write_text("\n".join(build_needs(archive, wanted)) + "\n")
    merge_usr(root)
    settle_boot(root, release)
    relocate_headers(root, release)
    command(["depmod", "-b", root, release])
    make_ext4(directory / "disk.ext4", root, DISK_MEGABYTES)


def is_tools(package):
    """The kernel's build tools: programs of the machine that builds, whatever it builds for."""
    return package.startswith("linux-kbuild-")


def unpack(archive, packages, root):
    with tempfile.TemporaryDirectory(dir=CACHE) as downloads:
        for deb in archive.download(packages, pathlib.Path(downloads)):
            command(["dpkg-deb", "-x", deb, root])


def build_needs(archive, parts_of_kernel):
    """What the headers and the kernel's build tools depend on: the compiler, libraries."""
    needs = {"binutils", "make", "pkg-config"}
    for package in parts_of_kernel:
        if re.match("linux-(headers|kbuild)-", package):
            needs.update(name for name in archive.depends(package) if not name.startswith("linux-"))
    return sorted(needs)


def merge_usr(root):
    """Older packages ship /lib, newer /usr/lib: all of it to /usr/lib."""
    if (root / "lib").exists():
        shutil.copytree(root / "lib", root / "usr/lib", symlinks=True, dirs_exist_ok=True, copy_function=os.link)
        shutil.rmtree(root / "lib")
    (root / "lib").symlink_to("usr/lib")


def settle_boot(root, release):
    """Debian's 7.x packages keep /boot's files with the modules."""
    boot = root / "boot"
    boot.mkdir(exist_ok=True)
    for name in "vmlinuz", "config":
        file = root / "usr/lib/modules" / release / name
        if file.exists():
            os.link(file, boot / f"{name}-{release}")


def image_package(archive, name, arch):
    """The package that holds the kernel: linux-image-RELEASE."""
    if name == "new":
        return next(p for p in archive.depends(f"linux-image-cloud-{arch}") if p.startswith("linux-image-"))
    found = archive.names(rf"linux-image-{re.escape(name)}\.[0-9].*-cloud-{arch}")
    if not found:
        raise Problem(f"no linux-image-{name}.*-cloud-{arch} in {archive.suite}")
    return max(found, key=lambda package: version_key(archive.records(package)["Version"]))


def version_key(version):
    """Orders the versions of one kernel series: the numbers in them tell."""
    return [int(number) for number in re.findall(r"[0-9]+", version)]


def parts(archive, packages):
    """The packages with those of the kernel's own parts that they depend on."""
    wanted = []
    queue = list(packages)
    while queue:
        package = queue.pop()
        if package in wanted:
            continue
        wanted.append(package)
        queue += [p for p in archive.depends(package)
                  if re.match(r"linux-(image|binary|modules|base|headers|kbuild)-[0-9]", p)]
    return wanted


def relocate_headers(root, release):
    """Debian's build tree names its other half by absolute path; make that relative to itself."""
    makefile = root / "usr/src" / f"linux-headers-{release}" / "Makefile"
    here = "$(dir $(abspath $(lastword $(MAKEFILE_LIST))))"
    makefile.write_text(makefile.read_text().replace("/usr/src/", f"{here}../"))
    modules = root / "usr/lib/modules" / release
    for link in modules / "build", modules / "source":
        if link.is_symlink():
            target = link.readlink()
            link.unlink()
            link.symlink_to(pathlib.Path("../../..") / "src" / target.name)
