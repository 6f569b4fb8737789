# SPDX-License-Identifier: MIT
"""README.md and docs/*.md: their blocks, commands, spans of code, links and headings."""

import dataclasses
import functools
import pathlib
import re

INDENT = "    "
CONFIGURATION = re.compile(r"\[[a-z]")
DATA = re.compile(r"#cloud-config|\{")
PROMPT = re.compile(r"[$#] ")


@dataclasses.dataclass
class Command:
    page: pathlib.Path
    line: int
    text: str           # without comment, in one line
    needs_aws: bool     # it is marked so

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


@dataclasses.dataclass
class Block:
    """An indented block, blank lines in it included."""
    page: pathlib.Path
    line: int
    before: str         # the paragraph in front of it
    lines: list

    @property
    def first(self):
        return " ".join(self.lines[0].split())

    @property
    def text(self):
        return "\n".join(self.lines)

    def is_configuration(self):
        return bool(CONFIGURATION.match(self.lines[0]))

    def is_data(self):
        return self.is_configuration() or bool(DATA.match(self.lines[0]))

    def commands(self):
        """Of a block with prompts what stands behind these; of any other all lines."""
        prompted = any(PROMPT.match(line) for line in self.lines)
        number, collected = self.line, []
        for offset, line in enumerate(self.lines):
            if prompted and not collected:
                if not PROMPT.match(line):
                    continue
                line = line[2:]
            if not collected:
                number = self.line + offset
            collected.append(line)
            whole = "\n".join(collected)
            if not is_open(whole) and whole.strip():
                yield from self.simple(number, whole)
                collected = []

    def simple(self, number, whole):
        marked = bool(re.search(r"# .*(needs AWS|\(A\))", whole)) or "needs AWS" in self.before
        lines = [re.sub(r"\s# .*$", "", line.removesuffix("\\")).strip() for line in whole.splitlines()]
        text = " ".join(" ".join(lines).split())
        loop = text.startswith("for ")
        for part in [text.removesuffix(" done") + "; done"] if loop else re.split(r" && |; ", text):
            yield Command(self.page, number, part, marked)


def is_open(text):
    """Whether a command goes on in the next line."""
    return text.endswith("\\") or (text.startswith("for ") and not text.endswith("done"))


def pages():
    return [pathlib.Path("README.md"), *sorted(pathlib.Path("docs").glob("*.md"))]


@functools.cache
def parts(page):
    """Its blocks, and its text without them."""
    blocks, text, block, blank, paragraph = [], [], None, True, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        assert not line.startswith("```"), f"{page}:{number}: blocks are indented here"
        if line.startswith(INDENT) and (blank or block):
            if not block:
                block = Block(page, number, " ".join(paragraph), [])
                blocks.append(block)
            block.lines += [""] * (number - block.line - len(block.lines)) + [line[len(INDENT):]]
        elif line.strip():
            if blank:
                paragraph = []
            paragraph.append(line)
            block = None
            text.append(line)
        blank = not line.strip()
    return blocks, "\n".join(text)


def blocks():
    return [block for page in pages() for block in parts(page)[0]]


def spans(page):
    """What stands as `code` in its text."""
    return re.findall(r"`([^`\n]+)`", parts(page)[1])


def links(page):
    return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", parts(page)[1]))


def anchors(page):
    """Of its headings, as they are made of them where Markdown is shown."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
