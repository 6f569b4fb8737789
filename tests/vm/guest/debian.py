# SPDX-License-Identifier: MIT
"""Debian's archive, through the machine's own apt: its mirror, its proxy, its credentials.

Guests want suites and architectures that the host itself may not use, so
each has an apt state of its own in the cache; nothing of the host's changes."""

import os
import re
import urllib.parse

from .host import CACHE, Problem, build_once, command

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


def host_arch():
    return command(["dpkg", "--print-architecture"]).strip()


def host_sources():
    """(label, URI, suite) of each index that the host's apt fetches."""
    rows = command(["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)|$(RELEASE)",
                    "Created-By: Packages"]).splitlines()
    return [row.split("|") for row in sorted(set(rows)) if row.count("|") == 2]


def mirror(label, path):
    """The URI of the host's mirror of the archive with that label.

    Labels come from downloaded lists; where none are yet, the usual last
    part of the address tells."""
    for its_label, uri, _ in host_sources():
        last = urllib.parse.urlparse(uri).path.rstrip("/").rpartition("/")[2]
        if its_label == label or (its_label == "" and last == path):
            return uri
    return None


def main_mirror():
    uri = os.environ.get("HADAL_VM_MIRROR") or mirror("Debian", "debian")
    if not uri:
        raise Problem("this machine's apt knows no Debian mirror; name one with HADAL_VM_MIRROR=URI")
    return uri


def security_mirror():
    return os.environ.get("HADAL_VM_SECURITY_MIRROR") or mirror("Debian-Security", "debian-security")


def source_lines(suite):
    """Lines of sources.list for a suite and, for a stable one, its updates."""
    line = f"deb [signed-by={KEYRING}] {{}} {{}} main"
    lines = [line.format(main_mirror(), suite)]
    if suite.endswith("-backports"):
        return lines + source_lines(suite.removesuffix("-backports"))
    if suite == "sid":
        return lines
    lines.append(line.format(main_mirror(), f"{suite}-updates"))
    if security_mirror():
        lines.append(line.format(security_mirror(), f"{suite}-security"))
    return lines


def host_suite():
    """The host's suite: what is built here must find its libraries in the guest."""
    with open("/etc/os-release") as file:
        found = re.search(r'^VERSION_CODENAME="?(\w+)', file.read(), re.M)
    if not found or "Debian" not in open("/etc/os-release").read():
        raise Problem("guests are Debian's and so must the host be: /etc/os-release names another system")
    return found[1]


class Archive:
    """One suite for one architecture."""

    def __init__(self, suite, arch):
        self.suite = suite
        self.arch = arch
        self.root = build_once(CACHE / "apt" / f"{suite}-{arch}", self.update)

    def options(self, root):
        settings = {
            "Dir::Etc::sourcelist": root / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": "-",
            "Dir::State": root / "state",
            "Dir::State::status": root / "status",
            "Dir::Cache": root / "cache",
            "APT::Architecture": self.arch,
            "APT::Architectures": self.arch,
            "APT::Sandbox::User": "root",
            # backports come after all else unless told
            "APT::Default-Release": self.suite,
            # a mirror of the newest suite can be some days behind
            "Acquire::Check-Valid-Until": "false",
            "Acquire::Retries": "3",
            "Acquire::Languages": "none",
        }
        return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]

    def update(self, root):
        (root / "state" / "lists" / "partial").mkdir(parents=True)
        (root / "cache" / "archives" / "partial").mkdir(parents=True)
        (root / "status").touch()
        (root / "sources.list").write_text("\n".join(source_lines(self.suite)) + "\n")
        command(["apt-get", *self.options(root), "-qq", "update"])

    def records(self, package):
        """The fields of a package's newest version."""
        text = command(["apt-cache", *self.options(self.root), "show", "--no-all-versions", package])
        return dict(re.findall(r"^(\S+): (.*)$", text, re.M))

    def names(self, pattern):
        names = command(["apt-cache", *self.options(self.root), "pkgnames", "linux-"]).split()
        return [name for name in names if re.fullmatch(pattern, name)]

    def depends(self, package):
        """The first alternative of each dependency."""
        fields = self.records(package)
        text = ", ".join(fields.get(kind, "") for kind in ("Pre-Depends", "Depends"))
        return [part.split()[0].split(":")[0] for part in text.split(",") if part.strip()]

    def download(self, packages, directory):
        command(["apt-get", *self.options(self.root), "-qq", "download", *packages], cwd=directory)
        return sorted(directory.glob("*.deb"))
