"""Documents to a table: rows as a schema wants them, each cell with the exact spans it was taken from.

A cell whose text the document does not have stays empty. Knows nothing about files or how a table is written.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.clauses import HEADING, Piece, Sentence, clauses, located
from ingest.headings import SEPARATOR
from ingest.types import Document
from rag.claims import (
    Claim,
    amounts,
    conditions,
    contacts,
    dates,
    definition,
    periods,
    references,
    role_abbreviations,
    roles,
)
from rag.files import File, citation
from rag.obligations import Obligation, Part, obligations
from rag.schema import Field, Schema

Ask = Callable[[str, Sequence[tuple[str, str]]], tuple[int, int, int] | None]
"""A question and passages `(section, text)` to the passage and the span of it that answers; None where none does."""

AFTER = 200  # characters that a keyword's cell takes of what follows it
_GAP = re.compile(r"\s*[:=–—-]?\s*")

Scope = Sequence[tuple[int, int]]  # sentences of a row: (clause, sentence)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and where it stands; no value, no place."""

    value: str
    pieces: tuple[Piece, ...]


EMPTY = Cell("", ())


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the clause it comes from, its cells in the order of the schema's fields, and all it rests on."""

    number: str
    section: str
    cells: tuple[Cell, ...]
    pieces: tuple[Piece, ...]


def extract(document: Document, schema: Schema, ask: Ask | None = None) -> list[Row]:
    """The rows of a document.

    Args:
        ask: the reader, for fields with a question; needed if the schema has one.
    """
    return list(_Extractor(document, schema, ask).rows())


class _Extractor:
    def __init__(self, document: Document, schema: Schema, ask: Ask | None) -> None:
        self._document, self._schema, self._ask = document, schema, ask
        self._clauses = clauses(document)
        self._abbreviations = role_abbreviations(" ".join(clause.text for clause in self._clauses))
        self._finders: dict[str, Callable[[str], list[Claim]]] = {
            "deadline": periods, "amount": amounts, "date": dates, "contact": contacts, "condition": conditions,
            "reference": references, "role": lambda text: roles(text, self._abbreviations),
        }  # fmt: skip

    def rows(self) -> Iterator[Row]:
        kind = self._schema.rows
        if kind == "obligation":
            for obligation in obligations(self._clauses, self._abbreviations):
                yield self._of_obligation(obligation)
        elif kind == "definition":
            yield from self._definitions()
        elif kind == "sentence":
            for place, clause in enumerate(self._clauses):
                for number in range(len(clause.sentences)):
                    row = self._row([(place, number)], {})
                    taken = zip(row.cells, self._schema.fields, strict=True)
                    if any(cell.value and field.what != "sentence" for cell, field in taken):
                        yield row
        else:
            for scope in self._sections() if kind == "section" else [list(self._everything())]:
                if scope:
                    yield self._row(scope, {})

    def _everything(self) -> Iterator[tuple[int, int]]:
        for place, clause in enumerate(self._clauses):
            yield from ((place, number) for number in range(len(clause.sentences)))

    def _sections(self) -> Iterator[list[tuple[int, int]]]:
        """Sentences below each top heading."""
        scope: list[tuple[int, int]] = []
        last = None
        for place, number in self._everything():
            top = self._clauses[place].section.split(SEPARATOR)[0]
            if last is not None and top != last:
                yield scope
                scope = []
            last = top
            scope.append((place, number))
        yield scope

    def _of_obligation(self, found: Obligation) -> Row:
        parts = {"who": found.who, "what": found.what, "deadline": found.when, "condition": found.condition}
        known = {name: self._cell(spans) for name, spans in parts.items()}
        known["duty"] = Cell(found.duty, self._pieces((found.binds,)))
        scope = [(part.clause, part.sentence) for part in found.whole]
        return self._row(scope, known)

    def _definitions(self) -> Iterator[Row]:
        for place, clause in enumerate(self._clauses):
            if clause.kind == HEADING or not clause.sentences:
                continue
            if (found := definition(clause.sentences[0].text, clause.section)) is not None:
                term, meaning = (Part(place, 0, *span) for span in found)
                more = [
                    Part(place, number, 0, len(sentence.text))
                    for number, sentence in enumerate(clause.sentences[1:], start=1)
                ]
                known = {"term": self._cell((term,)), "meaning": self._cell((meaning, *more), " ")}
                yield self._row([(place, number) for number in range(len(clause.sentences))], known)

    def _row(self, scope: Scope, known: dict[str, Cell]) -> Row:
        clause = self._clauses[scope[-1][0]]
        cells = tuple(self._field(field, scope, known) for field in self._schema.fields)
        whole = [piece for place in scope for piece in self._sentence(place).pieces]
        if self._schema.rows == "document":
            return Row("", "", cells, tuple(whole))
        section = clause.section.split(SEPARATOR)[0] if self._schema.rows == "section" else clause.section
        return Row("" if self._schema.rows == "section" else clause.number, section, cells, tuple(whole))

    # --- cells --------------------------------------------------------------------------------------------------------

    def _field(self, field: Field, scope: Scope, known: dict[str, Cell]) -> Cell:
        if field.way == "take":
            if field.what in known:
                return known[field.what]
            if field.what == "sentence":
                return self._cell([Part(*place, 0, len(self._sentence(place).text)) for place in scope], " ")
            return self._claimed(self._finders[field.what], scope)
        if field.way == "pattern":
            return self._claimed(lambda text: _matched(field.what, text), scope)
        if field.way == "keyword":
            return self._claimed(lambda text: _following(field.what, text), scope)
        if field.way == "heading":
            return self._below(field.what, scope)
        return self._answered(field.what, scope)

    def _claimed(self, find: Callable[[str], list[Claim]], scope: Scope) -> Cell:
        """What `find` finds in the sentences of a row, each value once."""
        seen: dict[tuple[object, ...], Part] = {}
        for place in scope:
            for claim in find(self._sentence(place).text):
                seen.setdefault(claim.value, Part(*place, claim.start, claim.end))
        return self._cell(list(seen.values()))

    def _below(self, heading: str, scope: Scope) -> Cell:
        """The text below the first heading that holds these words."""
        wanted = heading.lower()
        sections = dict.fromkeys(
            self._clauses[place].section
            for place, _ in scope
            if wanted in self._clauses[place].section.rsplit(SEPARATOR, 1)[-1].lower()
        )
        if not sections:
            return EMPTY
        first = next(iter(sections))
        parts = [
            Part(place, number, 0, len(self._sentence((place, number)).text))
            for place, number in scope
            if self._clauses[place].section == first and self._clauses[place].kind != HEADING
        ]
        return self._cell(parts, " ")

    def _answered(self, question: str, scope: Scope) -> Cell:
        """What the reader takes for the answer, out of the clauses of a row."""
        assert self._ask is not None  # the caller's duty
        places = [place for place in scope if self._clauses[place[0]].kind != HEADING]
        passages = [(self._clauses[place[0]].section, self._sentence(place).text) for place in places]
        found = self._ask(question, passages) if passages else None
        return EMPTY if found is None else self._cell((Part(*places[found[0]], found[1], found[2]),))

    def _sentence(self, place: tuple[int, int]) -> Sentence:
        return self._clauses[place[0]].sentences[place[1]]

    def _cell(self, parts: Sequence[Part], between: str = "; ") -> Cell:
        texts = [self._sentence((part.clause, part.sentence)).text[part.start : part.end] for part in parts]
        return Cell(between.join(texts), self._pieces(parts))

    def _pieces(self, parts: Sequence[Part]) -> tuple[Piece, ...]:
        return tuple(
            piece
            for part in parts
            for piece in located(self._document, self._sentence((part.clause, part.sentence)), part.start, part.end)
        )


def _matched(pattern: str, text: str) -> list[Claim]:
    """What a pattern of the user finds: its first group, or all of it."""
    found = []
    for match in re.finditer(pattern, text):
        start, end = match.span(1) if match.re.groups and match.group(1) is not None else match.span()
        if start < end:
            found.append(Claim(start, end, text[start:end], (text[start:end],)))
    return found


def _following(keyword: str, text: str) -> list[Claim]:
    """What follows a keyword in its sentence or line."""
    match = re.search(rf"(?<!\w){re.escape(keyword)}(?!\w)", text, re.I)
    if match is None:
        return []
    gap = _GAP.match(text, match.end())
    start = gap.end() if gap else match.end()
    end = start + len(text[start : start + AFTER].rstrip(" .;,"))
    return [Claim(start, end, text[start:end], (text[start:end],))] if start < end else []


# --- JSON -------------------------------------------------------------------------------------------------------------


def row_entry(file: File, schema: Schema, row: Row) -> dict[str, Any]:
    """The JSON entry of a row: each cell with its value and the exact spans it was taken from."""
    assert file.document is not None
    pages = [file.document.pages[piece.page].number for piece in row.pieces]
    return {
        "path": file.report.path,
        "sha256": file.report.sha256,
        "page": next((page for page in pages if page is not None), None),
        "number": row.number,
        "section": row.section,
        "cells": {
            field.name: {"value": cell.value, "citations": [citation(file, piece) for piece in cell.pieces]}
            for field, cell in zip(schema.fields, row.cells, strict=True)
        },
    }
