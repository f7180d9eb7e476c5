"""A query to the words that are searched for: with what its abbreviations stand for, its typos mended, without noise.

Knows the catalog, and nothing about ranking.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.types import Tokenizer
from rag.query import STOPWORDS, Query, any_of, quoted
from rag.store.catalog import Catalog
from rag.typos import Spelling, edits, spellings

IDENTIFIER = 1.0  # what a matching identifier adds to its own words' score: it counts twice
MENDED = 0.5  # weight of a word that a typo is taken for; a rare word that is no typo should not lead far astray
# Weight of an abbreviation's long form, and the other way round: enough to find passages that have the other form
# alone. At .5, ObliQA questions with both forms around lose .007 of MRR by words, at .25 .001.
MEANT = 0.25
# Share of all passages; a word in more of them tells little (its IDF is below 1.4), and is left out where ENOUGH rarer
# ones are there. Among 19,000 passages that halves the search by words (11.2 to 5.4 ms); fused ranking stays as it is:
# MRR .501 to .502 on ObliQA, .528 to .534 on the sample office (questions to tune on).
FREQUENT = 0.2
ENOUGH = 3
MEANINGS = 3  # of one abbreviation, those of most documents
NEAREST = 3  # spellings of one typo

_MOST_WORDS = 12  # of a long form that a query is searched for
_WORD = re.compile(r"[^\W_]+(?:[-.&/'’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Expansion:
    """Words that are searched for because of a word of the query."""

    of: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """What is searched for."""

    query: Query
    terms: tuple[str, ...]  # of the query, without the frequent ones
    counts: Mapping[str, int]  # how many passages hold each term of the query
    passages: int  # how many there are
    frequent: tuple[str, ...] = ()  # left out, being nearly everywhere
    mended: tuple[Expansion, ...] = ()
    meant: tuple[Expansion, ...] = ()

    @property
    def weighted(self) -> list[tuple[tuple[str, ...], float]]:
        """Terms and the weight of their BM25 scores; a term that is named twice counts twice."""
        groups = (
            (self.terms, 1.0),
            (self.query.identifiers, IDENTIFIER),
            (_words(self.mended), MENDED),
            (_words(self.meant), MEANT),
        )
        return [(terms, weight) for terms, weight in groups if terms]

    @property
    def expressions(self) -> list[tuple[str, float]]:
        """FTS5 expressions, each with the weight of its BM25 score."""
        return [(any_of(terms), weight) for terms, weight in self.weighted]

    @property
    def unknown(self) -> list[str]:
        """Words of the query that no passage has, in any ending, and that stand for nothing else."""
        known = STOPWORDS | {expansion.of.lower() for expansion in (*self.mended, *self.meant)}
        return [term for term, count in self.counts.items() if not count and term.isalpha() and term not in known]

    @property
    def notes(self) -> list[str]:
        """Sentences for people about words of their query that were taken for others."""
        return [f"No document has {of.of!r}; also searched for {_listed(of.words)}." for of in self.mended]


def expand(catalog: Catalog, query: Query, tokenizer: Tokenizer) -> Wording:
    """The words that a search for `query` looks for in this catalog.

    Args:
        tokenizer: what it knows as one token is a word, and no typo, even where no document has it.
    """
    counts = catalog.document_frequency([quoted(term) for term in query.terms])
    found = {term: counts[quoted(term)] for term in query.terms}
    size = catalog.size()
    terms = _telling(found, size)
    unknown = [term for term, count in found.items() if not count and len(tokenizer.offsets(term)) > 1]
    return Wording(
        query,
        terms,
        found,
        size,
        tuple(term for term in query.terms if term not in terms),
        tuple(expansion for term in unknown if (expansion := _mended(catalog, term, tokenizer))),
        _meant(catalog, query),
    )


def _telling(found: dict[str, int], size: int) -> tuple[str, ...]:
    rare = [term for term, count in found.items() if count <= FREQUENT * size]
    known = [term for term in rare if found[term]]
    return tuple(rare if len(known) >= ENOUGH else found)


def _mended(catalog: Catalog, term: str, tokenizer: Tokenizer) -> Expansion | None:
    if not edits(term):
        return None
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", term) if not unicodedata.combining(letter))
    # The first letter is right, or has changed places with the second one.
    stems = [stem for first in sorted({plain[0], plain[1]}) for stem, _ in catalog.vocabulary(first)]
    near = spellings(plain, stems)
    # Several endings may be as near; one that makes a word is meant.
    near.sort(key=lambda spelling: (spelling.edits, len(tokenizer.offsets(spelling.word)) > 1))
    held: dict[str, Spelling] = {}  # by stem
    for spelling in near:
        if len(held) == NEAREST or any(other.edits < spelling.edits for other in held.values()):
            break
        if spelling.stem not in held and _held(catalog, spelling.word):
            held[spelling.stem] = spelling
    return Expansion(term, tuple(spelling.word for spelling in held.values())) if held else None


def _held(catalog: Catalog, word: str) -> bool:
    """Whether the word has a stem that is there, and not only letters of one."""
    return any(catalog.document_frequency([quoted(word)]).values())


def _meant(catalog: Catalog, query: Query) -> tuple[Expansion, ...]:
    """Long forms of the query's abbreviations, and abbreviations of the long forms in it."""
    words = [match.group() for match in _WORD.finditer(query.text)][: 2 * len(query.terms) + _MOST_WORDS]
    asked: dict[str, str] = {}  # by its lower case
    for start, word in enumerate(words):
        if word.lower() not in STOPWORDS or (word.isupper() and len(word) > 1 and not query.text.isupper()):
            for form in _forms(word):
                asked.setdefault(form.lower(), word)
        for length in range(2, min(_MOST_WORDS, len(words) - start) + 1):
            phrase = " ".join(words[start : start + length])
            for form in _forms(phrase):
                asked.setdefault(form.lower(), phrase)
    meant: dict[str, list[str]] = {}
    for short, long in catalog.abbreviations(list(asked)):
        for of, other in ((short.lower(), long.lower()), (long.lower(), short.lower())):
            if of in asked and other not in asked:
                others = meant.setdefault(asked[of], [])
                if not set(_forms(other)) & set(others):  # the plural is the same to the word index
                    others.append(other)
    return tuple(Expansion(of, tuple(others[:MEANINGS])) for of, others in meant.items())


def _forms(words: str) -> tuple[str, ...]:
    """As it stands, in the singular, and in the plural, as far as an s tells."""
    return (words, words[:-1]) if words.endswith("s") else (words, f"{words}s")


def _words(expansions: tuple[Expansion, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for expansion in expansions for word in expansion.words))


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(map(repr, words))
