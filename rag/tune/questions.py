"""Questions with known evidence to what can be learnt from: the passages that hold it, and parts to hold out.

Knows the catalog, no model.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingest.errors import UsageError
from rag.judge import Evidence, Question
from rag.stems import stems
from rag.store.catalog import Catalog
from rag.types import StoredChunk

FEWEST = 12  # questions, and
FEWEST_PLACES = 5  # groups that share no page, one for each part: fewer say nothing about other questions
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Usable:
    """A question whose evidence is in the collection."""

    question: Question
    right: tuple[int, ...]  # ids of the chunks that hold it, at least one
    fold: int  # of questions that share a page of evidence the same one


@dataclass(frozen=True, slots=True)
class Selection:
    """What became of a file of questions."""

    usable: tuple[Usable, ...]
    absent: tuple[Question, ...]  # their evidence is not in the collection
    unanswerable: int  # nothing can be found for these, so nothing is learnt from them here
    without_evidence: int  # only patterns


def select(questions: Sequence[Question], catalog: Catalog) -> Selection:
    """The questions that the search can be tuned on, dealt into FOLDS parts.

    Raises:
        UsageError: too few are left, or they stand on too few pages.
    """
    known = [question for question in questions if question.answerable]
    asked = [question for question in known if question.evidence]
    chunks = _chunks(catalog, {item.file for question in asked for item in question.evidence})
    right = {question.id: _right(question, chunks) for question in asked}
    found = [question for question in asked if right[question.id]]
    absent = tuple(question for question in asked if not right[question.id])
    folds = deal([[_place(item) for item in question.evidence] for question in found])
    if len(found) < FEWEST or len(set(folds)) < FEWEST_PLACES:
        raise UsageError(_too_few(len(questions), len(found), len(set(folds)), absent))
    usable = tuple(Usable(question, right[question.id], fold) for question, fold in zip(found, folds, strict=True))
    return Selection(usable, absent, len(questions) - len(known), len(known) - len(asked))


def deal(places: Sequence[Iterable[object]], folds: int = FOLDS) -> list[int]:
    """A part (0..folds-1) for each item; items that share a place, be it through others, get the same.

    The largest groups first, each to the smallest part: the parts come out alike in size, and the same each time.
    """
    leader = list(range(len(places)))

    def lead(item: int) -> int:
        while leader[item] != item:
            item = leader[item]
        return item

    first: dict[object, int] = {}
    for item, ones in enumerate(places):
        for place in ones:
            leader[lead(item)] = lead(first.setdefault(place, item))
    groups: dict[int, list[int]] = defaultdict(list)
    for item in range(len(places)):
        groups[lead(item)].append(item)
    sizes, parts = [0] * folds, [0] * len(places)
    for group in sorted(groups.values(), key=lambda group: (-len(group), group[0])):
        smallest = sizes.index(min(sizes))
        sizes[smallest] += len(group)
        for item in group:
            parts[item] = smallest
    return parts


def all_chunks(catalog: Catalog) -> list[StoredChunk]:
    """Every passage of a collection, by id."""
    where = catalog.chunks_of(sorted({document for document, _, _ in catalog.names()}))
    return list(catalog.chunks(sorted(where)).values())


def _place(item: Evidence) -> tuple[str, int | None, str | None]:
    return item.file, item.page, item.record


def _chunks(catalog: Catalog, files: set[str]) -> dict[str, list[StoredChunk]]:
    """All chunks of these files, under each of the names that they have."""
    documents = {path: document for document, _, path in catalog.names() if path in files}
    where = catalog.chunks_of(sorted(set(documents.values())))
    stored = catalog.chunks(sorted(where))
    by_document: dict[int, list[StoredChunk]] = defaultdict(list)
    for chunk, document in where.items():
        by_document[document].append(stored[chunk])
    return {path: by_document[document] for path, document in documents.items()}


def _right(question: Question, chunks: Mapping[str, Sequence[StoredChunk]]) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for item in question.evidence:
        there = [
            stored
            for stored in chunks.get(item.file, ())
            if item.page in (None, stored.chunk.page) and item.record in (None, stored.chunk.record)
        ]
        found |= dict.fromkeys(stored.id for stored in _holding(item.quote, there))
    return tuple(found)


def _holding(quote: str, chunks: Sequence[StoredChunk]) -> list[StoredChunk]:
    """Those that hold the quotation; where none holds all of it, the one that has most of its words."""
    flat = " ".join(quote.split())
    whole = [stored for stored in chunks if flat in " ".join(stored.chunk.text.split())]
    if whole or not chunks:
        return whole
    wanted = set(stems(quote))
    return [max(chunks, key=lambda stored: len(wanted & set(stems(stored.chunk.text))))]


def _too_few(given: int, found: int, places: int, absent: Sequence[Question]) -> str:
    lacking = f"; the evidence of {len(absent)} is not in this collection, {absent[0].id} first" if absent else ""
    return (
        f"Of {given} questions {found} can be learnt from, on pages that fall into {places} groups{lacking}. It takes "
        f"{FEWEST} or more, in {FEWEST_PLACES} or more groups, or nobody could say whether anything was won: write "
        "further ones, each with the file and page of its evidence as `rag search` names them."
    )
