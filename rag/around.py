"""How well the words on the page around a passage fit a query: a row says a figure, the page's head says of what.

Only pages of passages that are candidates anyway are looked at, so no second index is needed. Knows nothing about
meaning.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.expand import Wording
from rag.query import quoted
from rag.stems import stem, topic_words
from rag.store.catalog import Catalog

BLOCK = 5000  # characters, of which three are looked at: a PDF's page has about 3,000, a text without pages any number
# Of BM25, as SQLite's FTS5 has them: how soon a repeated word counts no more, and how much length counts.
K1, B = 1.2, 0.75
_LEAST = 0.05  # rarity of a word that is in over half of all passages


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pages say."""

    scores: Mapping[int, float]  # chunk id to BM25 of its page, 0 or more, higher is better
    coverage: float  # 0..1: the best page's share of the most that any page could have


def surroundings(catalog: Catalog, wording: Wording, chunks: Sequence[int]) -> Surroundings:
    """BM25 of the pages around these chunks, for the words of a query (Robertson and Zaragoza, 2009).

    Lengths are compared with the mean of these pages, and a word is as rare as it is among all passages: near enough
    to order them, and known already.
    """
    weights = _rarities(catalog, wording)
    texts = catalog.around(chunks, BLOCK)
    distinct = list(dict.fromkeys(texts.values()))
    most = (K1 + 1) * sum(weights.values())
    if not distinct or not most:
        return Surroundings({}, 0.0)
    pattern = _pattern(wording)
    mean = sum(map(len, distinct)) / len(distinct)
    scores = {text: _bm25(_counted(pattern, text, weights), len(text) / mean, weights) for text in distinct}
    return Surroundings({chunk: scores[text] for chunk, text in texts.items()}, max(scores.values()) / most)


def _rarities(catalog: Catalog, wording: Wording) -> dict[str, float]:
    """Stems of the query's words, typos mended, each with its inverse document frequency."""
    words = _words(wording)
    counts = dict(wording.counts)
    unknown = [word for word in words if word not in counts]  # parts of a term, or mended
    counts |= zip(unknown, catalog.document_frequency([quoted(word) for word in unknown]).values(), strict=True)
    rarity = {word: math.log((wording.passages - counts[word] + 0.5) / (counts[word] + 0.5)) for word in words}
    return {stem(word): max(rarity[word], _LEAST) for word in words}


def _words(wording: Wording) -> list[str]:
    mended = {expansion.of: expansion.words[:1] for expansion in wording.mended}
    terms = [word for term in wording.query.terms for word in mended.get(term, (term,))]
    return list(dict.fromkeys(topic_words(" ".join(terms))))


def _pattern(wording: Wording) -> re.Pattern[str]:
    """Finds every word that may have one of the stems: a stem and its word begin alike."""
    beginnings = {_common(word, stem(word)) for word in _words(wording)}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(beginnings)))})[^\W_]*")


def _common(one: str, other: str) -> str:
    """What both begin with."""
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def _counted(pattern: re.Pattern[str], text: str, weights: Mapping[str, float]) -> Counter[str]:
    found = Counter(pattern.findall(text.lower()))
    counts: Counter[str] = Counter()
    for word, times in found.items():
        if (key := stem(word)) in weights:
            counts[key] += times
    return counts


def _bm25(counts: Mapping[str, int], length: float, weights: Mapping[str, float]) -> float:
    """`length`: of the page, in means of all pages."""
    norm = K1 * (1 - B + B * length)
    return sum(weights[key] * times * (K1 + 1) / (times + norm) for key, times in counts.items())
