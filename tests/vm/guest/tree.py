# SPDX-License-Identifier: MIT
"""The disk that carries a copy of the tree and the command into a guest."""

import contextlib
import os
import shlex
import shutil

from .host import TREE, VM_DIR, make_ext4

FREE_MEGABYTES = 512    # room to build and write in the guest's copy


def stage(source, target):
    """A copy of a directory by hard links: the files are only read, into the disk image.

    A build may be going on beside: what goes away meanwhile is left out."""
    target.mkdir()
    size = 0
    for entry in os.scandir(source):
        with contextlib.suppress(FileNotFoundError):
            size += stage_entry(entry, target / entry.name)
    shutil.copymode(source, target)
    return size


def stage_entry(entry, target):
    if entry.is_symlink():
        target.symlink_to(os.readlink(entry.path))
    elif entry.is_dir():
        return 0 if left_out(entry.path) else stage(entry.path, target)
    elif entry.is_file():
        link_or_copy(entry.path, target)
        return max(target.stat().st_size, 4096)
    return 0


def stage_standard_files(directory):
    """/dev's names of a process's own files, which devtmpfs leaves to user space."""
    directory.mkdir()
    (directory / "fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (directory / name).symlink_to(f"/proc/self/fd/{number}")


def left_out(path):
    """What a guest has no use for: history, and the caches of guests."""
    return os.path.basename(path) == ".git" or path == str(TREE / "build" / "vm")


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def make_disk(disk, staging, command, settings):
    """tree/ is /hadal in the guest; command is a shell script, settings are shell variables."""
    staging.mkdir()
    size = stage(TREE, staging / "tree")
    (staging / "tree/build/vm/out").mkdir(parents=True)
    shutil.copy2(VM_DIR / "stage2-init", staging / "stage2-init")
    stage_standard_files(staging / "dev")
    (staging / "command").write_text(f"exec {shlex.join(command)}\n")
    (staging / "settings").write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()))
    make_ext4(disk, staging, (size * 5 // 4 >> 20) + FREE_MEGABYTES)
    shutil.rmtree(staging)
