"""Reads the small markup the sample policies are written in, and numbers their clauses.

Knows nothing about PDF: it turns one text file into blocks in order of reading. The markup, a line at a time:

    key: value            front matter, between two lines of three hyphens
    # Heading             section, numbered 1, 2, 3; "# Appendix A ..." keeps its letter
    ## Heading            subsection, numbered 2.1
    . text                clause, numbered 2.1.1 (2.1 where the section has no subsections)
    .label: text          the same, with a label that {label} and {file-stem#label} refer to
    - text                list item, lettered (a), (b) below the clause
    > text                note in a box
    |~ 3 2 5 : Caption    table: relative column widths and caption; then one "| a | b |" a row, headings first
    text                  paragraph without a number
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

BlockKind = Literal["section", "subsection", "clause", "item", "note", "table", "text"]

_REFERENCE = re.compile(r"\{(?:([\w.-]+)#)?([\w-]+)\}")
_LABELLED = re.compile(r"^\.([\w-]+): (.*)$")


class MarkupError(ValueError):
    """A source file breaks the rules of the markup, or refers to a clause that is not there."""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document: `number` is "3.2.1", "(a)", "Table 2" or empty; `rows` and `widths` serve tables."""

    kind: BlockKind
    number: str
    text: str
    label: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    widths: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed source file: `stem` is its file name without suffix, `meta` its front matter."""

    stem: str
    meta: Mapping[str, str]
    blocks: tuple[Block, ...]


def parse(stem: str, source: str) -> Document:
    """Return the document in `source`, clauses numbered, references still open.

    Raises:
        MarkupError: no front matter, a clause before the first section, or a table without caption or with ragged rows.
    """
    parts = source.split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise MarkupError(f"{stem}: the front matter must stand between two lines of three hyphens")
    meta = dict(line.split(": ", 1) for line in parts[1].splitlines() if line)
    blocks: list[Block] = []
    section = ""
    sections = subsections = clauses = items = tables = 0
    for line in parts[2].splitlines():
        if not line.strip():
            continue
        if line.startswith("## "):
            subsections, clauses = subsections + 1, 0
            blocks.append(Block("subsection", f"{section}.{subsections}", line[3:]))
        elif line.startswith("# Appendix "):
            section, subsections, clauses = line.split()[2], 0, 0
            blocks.append(Block("section", "", line[2:]))
        elif line.startswith("# "):
            sections, subsections, clauses = sections + 1, 0, 0
            section = str(sections)
            blocks.append(Block("section", section, line[2:]))
        elif line.startswith("."):
            if not section:
                raise MarkupError(f"{stem}: a clause stands before the first section: {line[:40]}")
            labelled = _LABELLED.match(line)
            clauses, items = clauses + 1, 0
            prefix = f"{section}.{subsections}" if subsections else section
            label, text = labelled.groups() if labelled else ("", line[1:].strip())
            blocks.append(Block("clause", f"{prefix}.{clauses}", text, label))
        elif line.startswith("- "):
            items += 1
            blocks.append(Block("item", f"({chr(96 + items)})", line[2:]))
        elif line.startswith("> "):
            blocks.append(Block("note", "", line[2:]))
        elif line.startswith("|~ "):
            widths, _, caption = line[3:].partition(" : ")
            tables += 1
            blocks.append(
                Block("table", f"Table {tables}", caption, widths=tuple(float(width) for width in widths.split()))
            )
        elif line.startswith("|"):
            table = blocks.pop()
            row = tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
            if table.kind != "table" or len(row) != len(table.widths):
                raise MarkupError(f"{stem}: a table row does not fit its table: {line[:60]}")
            blocks.append(Block("table", table.number, table.text, rows=(*table.rows, row), widths=table.widths))
        else:
            items = 0
            blocks.append(Block("text", "", line))
    return Document(stem, meta, tuple(blocks))


def load(folder: Path) -> list[Document]:
    """Return every document of a folder in order of name, with references such as {label} replaced by clause numbers.

    Raises:
        MarkupError: a reference to a label that no document has.
    """
    documents = [parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))]
    numbers = {
        (document.stem, block.label): block.number for document in documents for block in document.blocks if block.label
    }

    def resolve(document: Document, text: str) -> str:
        def number(match: re.Match[str]) -> str:
            key = (match[1] or document.stem, match[2])
            if key not in numbers:
                raise MarkupError(f"{document.stem}: {match[0]} refers to no labelled clause")
            return numbers[key]

        return _REFERENCE.sub(number, text)

    return [
        Document(
            document.stem,
            document.meta,
            tuple(
                Block(
                    block.kind,
                    block.number,
                    resolve(document, block.text),
                    block.label,
                    tuple(tuple(resolve(document, cell) for cell in row) for row in block.rows),
                    block.widths,
                )
                for block in document.blocks
            ),
        )
        for document in documents
    ]
