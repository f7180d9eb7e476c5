"""Many documents to one digest: what each says, what several say, where they are at odds, and the terms they define.

Documents are read one after the other, and given up again: what is kept of one is its summary and its sentences with
their places. Sentences that repeat one another (`rag/duplicates.py`) are one; statements of the summaries that do are
told once and cite every place. Sentences of different documents that are alike but for a duty, a period or an amount
(`rag/differing.py`) are at odds. Knows nothing about files.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from ingest.chunk import chunks
from ingest.types import Document
from rag.claims import amounts, denials, duties, periods
from rag.differing import at_odds
from rag.duplicates import Look
from rag.models.embed import TextEmbedder
from rag.summarize import Covered, DocumentSummary, Term, plain, quotable, summarize, unseen
from rag.types import Generator

WORDS = 400  # of a digest where no length is asked for: about a page; more where the documents have many long sections

_SKETCH = 6
"""Shingles by which sentences find those that are like them: the ones with the smallest checksums (a bottom-k sketch,
Broder 1997). Whoever shares none of six is not compared; all shingles would need eight times the memory."""
_COMPARED = 5  # sentences that one is compared with, those that share most of these first


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sentence stands: `quote` is the text of the document's page at `start:end`."""

    source: int  # index into the digest's sources
    page: int | None
    record: str | None
    section: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Source:
    """A document of the digest, and how much of it the statements rest on."""

    title: str
    pages: int
    pages_without_text: tuple[int, ...]
    parts: int
    heard: int  # parts that a statement was taken from
    coverage: tuple[Covered, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A statement of the digest; the first place is the one it was taken from, the others say the same."""

    text: str
    written: bool  # False: the document's own words
    places: tuple[Place, ...]

    @property
    def sources(self) -> tuple[int, ...]:
        """The documents that say it."""
        return tuple(dict.fromkeys(place.source for place in self.places))


@dataclass(frozen=True, slots=True)
class AtOdds:
    """Two sentences of different documents that are alike, and differ in what they ask for."""

    one: tuple[Place, ...]  # the sentence, and those that repeat it
    other: tuple[Place, ...]
    differ: str  # “two hours” / “24 hours”


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning of a term, and who gives it."""

    text: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A term of the glossary."""

    term: str
    meanings: tuple[Meaning, ...]

    @property
    def conflicting(self) -> bool:
        """Whether documents define it differently."""
        return len(self.meanings) > 1


@dataclass(frozen=True, slots=True)
class Digest:
    """Everything that is told of the documents together."""

    sources: tuple[Source, ...]
    statements: tuple[Said, ...]  # in the order of the documents
    at_odds: tuple[AtOdds, ...]
    terms: tuple[Entry, ...]  # by name
    dropped_sentences: int  # written, and replaced by the documents' own since the check failed


class Digester:
    """Takes documents one after the other, and keeps of each what the digest needs."""

    def __init__(self, embedder: TextEmbedder, generator: Generator | None, words: int) -> None:
        """`words`: what each document may say, on average; each section of more than a page is heard all the same."""
        self._embedder, self._generator, self._words = embedder, generator, words
        self._sources: list[Source] = []
        self._summaries: list[DocumentSummary] = []
        self._told = _Told()

    def add(self, document: Document) -> None:
        """Hear one more document."""
        source = len(self._sources)
        summary = summarize(document, self._embedder, self._generator, words=self._words)
        passages = [chunk for chunk in chunks(document, self._embedder.tokenizer) if chunk.text.strip()]
        for chunk, start, end in quotable(passages, unseen(document)):
            quote, begin = chunk.text[start:end], chunk.start
            self._told.add(Place(source, chunk.page, chunk.record, chunk.section, begin + start, begin + end, quote))
        self._sources.append(
            Source(
                title=summary.title,
                pages=summary.pages,
                pages_without_text=summary.pages_without_text,
                parts=summary.parts,
                heard=len(summary.statements),
                coverage=summary.coverage,
            )
        )
        self._summaries.append(summary)

    def finish(self) -> Digest:
        """The digest of all documents that were heard."""
        return Digest(
            sources=tuple(self._sources),
            statements=tuple(self._statements()),
            at_odds=tuple(self._told.at_odds()),
            terms=tuple(_glossary([summary.terms for summary in self._summaries])),
            dropped_sentences=sum(summary.dropped_sentences for summary in self._summaries),
        )

    def _statements(self) -> Iterator[Said]:
        """The statements of all summaries; of those that say the same, the first one with the places of all."""
        heard: set[int] = set()
        for source, summary in enumerate(self._summaries):
            for statement in summary.statements:
                group = self._told.group_at(source, statement.page, statement.record, statement.start)
                if group in heard:
                    continue
                heard.add(group)
                places = self._told.places(group)
                first = next(
                    place
                    for place in places
                    if (place.source, place.start, place.page) == (source, statement.start, statement.page)
                )
                yield Said(
                    statement.text, statement.written, (first, *(place for place in places if place is not first))
                )


class _Told:
    """Sentences of all documents so far, those that repeat one another together."""

    def __init__(self) -> None:
        self._groups: list[list[Place]] = []  # the first of a group stands for it
        self._at: dict[tuple[int, int | None, str | None, int], int] = {}  # where a sentence begins, and its group
        self._near: dict[int, list[int]] = defaultdict(list)  # groups by the checksums of their first sentence
        self._odds: dict[tuple[int, int], str] = {}

    def add(self, place: Place) -> None:
        look = Look(plain(place.quote))
        sketch = _sketch(look)
        shared = Counter(group for mark in sketch for group in self._near.get(mark, ()))
        near = [group for group, _ in sorted(shared.items(), key=lambda item: (-item[1], item[0]))[:_COMPARED]]
        looks = {group: Look(plain(self._groups[group][0].quote)) for group in near}
        home = next((group for group in near if look.repeats(looks[group], _common(look, looks[group]))), None)
        if home is None:
            home = len(self._groups)
            self._groups.append([])
            for mark in sketch:
                self._near[mark].append(home)
            self._compare(place, home, near)
        self._groups[home].append(place)
        self._at[place.source, place.page, place.record, place.start] = home

    def _compare(self, place: Place, home: int, near: Sequence[int]) -> None:
        """Note which sentences of other documents a new one is at odds with."""
        for group in near:
            first = self._groups[group][0]
            if all(one.source == place.source for one in self._groups[group]) or not _asks_otherwise(
                first.quote, place.quote
            ):
                continue
            if differ := at_odds(plain(first.quote), plain(place.quote)):
                self._odds[group, home] = differ

    def group_at(self, source: int, page: int | None, record: str | None, start: int) -> int:
        """The group of the sentence that begins there."""
        return self._at[source, page, record, start]

    def places(self, group: int) -> list[Place]:
        """Where a sentence and those that repeat it stand, in the order of the documents."""
        return self._groups[group]

    def at_odds(self) -> Iterator[AtOdds]:
        """Sentences that are at odds, in the order in which they were met."""
        for (one, other), differ in self._odds.items():
            yield AtOdds(tuple(self._groups[one]), tuple(self._groups[other]), differ)


def _sketch(look: Look) -> list[int]:
    return sorted({crc32(" ".join(shingle).encode()) for shingle in look.shingles})[:_SKETCH]


def _common(one: Look, other: Look) -> int:
    return len(one.shingles & other.shingles)


def _asks_otherwise(one: str, other: str) -> bool:
    """Whether two sentences name other duties, periods or amounts; numbers of clauses and forms are none."""
    return _asked(one) != _asked(other)


def _asked(text: str) -> tuple[Counter[object], int]:
    said = plain(text)
    return Counter(claim.value for find in (duties, periods, amounts) for claim in find(said)), denials(said)


def _glossary(terms: Sequence[Sequence[Term]]) -> Iterator[Entry]:
    """The terms of all documents by name, meanings that repeat one another together."""
    found: dict[str, list[tuple[int, Term]]] = defaultdict(list)
    for source, held in enumerate(terms):
        for term in held:
            found[" ".join(term.term.lower().split())].append((source, term))
    for name in sorted(found):
        meanings: list[tuple[Look, str, list[Place]]] = []
        for source, term in found[name]:
            look = Look(term.meaning)
            place = Place(source, term.page, term.record, "", term.start, term.end, term.quote)
            same = next((one for one in meanings if look.repeats(one[0], _common(look, one[0]))), None)
            if same is not None:
                same[2].append(place)
            else:
                meanings.append((look, term.meaning, [place]))
        yield Entry(found[name][0][1].term, tuple(Meaning(text, tuple(places)) for _, text, places in meanings))
