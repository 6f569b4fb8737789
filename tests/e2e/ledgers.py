# SPDX-License-Identifier: MIT
"""What tests/e2e/talker wrote of its connections, line by line (talker.h)."""

import pathlib

DIRECTORY = pathlib.Path("/run/hadal-e2e/ledgers")


def lines(task):
    """The words of each line in a task's ledger; none where it did not come to write."""
    file = DIRECTORY / task
    # What has no newline was cut off by the end of its writer.
    return [line.split() for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")] \
        if file.exists() else []


def of(task, kind):
    return [words[1:] for words in lines(task) if words[0] == kind]
