"""How well the page around a passage fits a query: a row says a figure, the page's head says of what.

Only pages of passages that are candidates anyway are looked at, so no second index is needed. Knows nothing about
meaning.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from rag.expand import Wording
from rag.query import quoted
from rag.stems import stem, topic_words
from rag.store.catalog import Catalog

BLOCK = 5000  # characters, of which three are looked at: a PDF's page has about 3,000, a text without pages any number
# Of BM25, as SQLite's FTS5 has them: how soon a repeated word counts no more, and how much length counts.
K1, B = 1.2, 0.75
APART = 40  # characters between neighbours: room for a few stop words
_LEAST = 0.05  # rarity of a word that is in over half of all passages


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pages say."""

    scores: Mapping[int, float]  # chunk id to BM25 of its page, 0 or more, higher is better
    phrases: Mapping[int, float]  # ... to the rarity of the query's neighbouring words that are neighbours there, too
    coverage: float  # 0..1: the best page's share of the most that any page could have


def surroundings(catalog: Catalog, wording: Wording, chunks: Sequence[int]) -> Surroundings:
    """BM25 of the pages around these chunks, for the words of a query (Robertson and Zaragoza, 2009), and its phrases.

    A phrase is two words of the query with nothing but stop words between them, as in the sequential dependence model
    of Metzler and Croft, "A Markov Random Field Model for Term Dependencies", 2005. Lengths are compared with the mean
    of these pages, and a word is as rare as it is among all passages: near enough to order them, and known already.
    """
    weights = _rarities(catalog, wording)
    texts = catalog.around(chunks, BLOCK)
    distinct = list(dict.fromkeys(texts.values()))
    most = (K1 + 1) * sum(weights.values())
    if not distinct or not most:
        return Surroundings({}, {}, 0.0)
    pattern, pairs = _pattern(wording), _pairs(wording)
    mean = sum(map(len, distinct)) / len(distinct)
    scores, shared = {}, {}
    for text in distinct:
        plain = text.lower()
        found = [(match, key) for match in pattern.finditer(plain) if (key := stem(match[0])) in weights]
        scores[text] = _bm25(Counter(key for _, key in found), len(text) / mean, weights)
        shared[text] = pairs & _neighbours(plain, found)
    phrases = _phrases(shared, weights)
    return Surroundings(
        {chunk: scores[text] for chunk, text in texts.items()},
        {chunk: phrases[text] for chunk, text in texts.items()},
        max(scores.values()) / most,
    )


def _phrases(shared: Mapping[str, Set[tuple[str, str]]], weights: Mapping[str, float]) -> dict[str, float]:
    """What the phrases on each page weigh: as much as their words, and the less the more of these pages have them."""
    pages = Counter(pair for pairs in shared.values() for pair in pairs)
    weight = {
        (one, other): (weights[one] + weights[other]) / 2 * (1 - count / (len(shared) + 1))
        for (one, other), count in pages.items()
    }
    return {text: sum(sorted(weight[pair] for pair in pairs)) for text, pairs in shared.items()}


def _rarities(catalog: Catalog, wording: Wording) -> dict[str, float]:
    """Stems of the query's words, typos mended, each with its inverse document frequency."""
    words = list(dict.fromkeys(_words(wording)))
    counts = dict(wording.counts)
    unknown = [word for word in words if word not in counts]  # parts of a term, or mended
    counts |= zip(unknown, catalog.document_frequency([quoted(word) for word in unknown]).values(), strict=True)
    rarity = {word: math.log((wording.passages - counts[word] + 0.5) / (counts[word] + 0.5)) for word in words}
    return {stem(word): max(rarity[word], _LEAST) for word in words}


def _words(wording: Wording) -> list[str]:
    """The query's words in order, typos mended, without stop words."""
    mended = {expansion.of: expansion.words[:1] for expansion in wording.mended}
    terms = [word for term in wording.query.terms for word in mended.get(term, (term,))]
    return topic_words(" ".join(terms))


def _pairs(wording: Wording) -> set[tuple[str, str]]:
    """Stems of words that are neighbours in the query."""
    words = [stem(word) for word in _words(wording)]
    return {pair for pair in pairwise(words) if pair[0] != pair[1]}


def _neighbours(text: str, found: Sequence[tuple[re.Match[str], str]]) -> set[tuple[str, str]]:
    """Stems of words found in `text` that follow each other, but for stop words."""
    return {
        (one, other)
        for (left, one), (right, other) in pairwise(found)
        if right.start() - left.end() <= APART and not topic_words(text[left.end() : right.start()])
    }


def _pattern(wording: Wording) -> re.Pattern[str]:
    """Finds every word that may have one of the stems: a stem and its word begin alike."""
    beginnings = {_common(word, stem(word)) for word in _words(wording)}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(beginnings)))})[^\W_]*")


def _common(one: str, other: str) -> str:
    """What both begin with."""
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def _bm25(counts: Mapping[str, int], length: float, weights: Mapping[str, float]) -> float:
    """`length`: of the page, in means of all pages."""
    norm = K1 * (1 - B + B * length)
    return sum(weights[key] * times * (K1 + 1) / (times + norm) for key, times in counts.items())
