"""Which documents a question names: "the FY2018 capital expenditure of 3M" is asked of "3M 2018 10K" before all others.

A document is named by its title or by its file's name. Knows nothing about passages.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from ingest.title import from_file_name
from rag.query import STOPWORDS
from rag.stems import stem
from rag.store.catalog import Catalog

# Share of a name's weight that the question must hold, each word weighing its rarity among names. Of 21 questions on
# filings (to tune on) 15 hold over .9 of the right name; of 61 on policies and procedures none holds over .55 of any.
HELD = 0.5
MOST = 8  # documents; a question that names more of them names a kind of document
LONG = 6  # letters of a word that a name may have written together: "BESTBUY" for "Best Buy"

_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"(?:fy|cy)?((?:19|20)\d\d)|(?:fy|cy)(\d\d)")  # FY2018, FY18 and 2018 are one year
_ABOUT = frozenset(map(stem, STOPWORDS))


class Names:
    """The names of a catalog's documents, as they were when they were first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def named(self, question: str) -> dict[int, float]:
        """At most MOST documents that the question names, best first, each with the share (HELD..1) of its name."""
        asked, proper = _asked(question), _proper(question)
        held: dict[int, list[str]] = defaultdict(list)
        for word in sorted(asked & self._index.keys()):
            for name in self._index[word]:
                held[name].append(word)
        shares: dict[int, float] = {}
        for name, words in held.items():
            document, all_words = self._names[name]
            share = sum(self._rarity[word] for word in words) / sum(self._rarity[word] for word in all_words)
            # One word of everyday language, "notes", names nothing.
            if share >= HELD and (len(words) > 1 or words[0] in proper):
                shares[document] = max(share, shares.get(document, 0.0))
        return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:MOST])

    @cached_property
    def _names(self) -> list[tuple[int, frozenset[str]]]:
        """`(document, its words)`; a document may have two names."""
        found = dict.fromkeys(
            (document, words)
            for document, title, path in self._catalog.names()
            for text in (title, from_file_name(path) or "")
            if (words := frozenset(_words(text)) - _ABOUT)
        )
        return list(found)

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        """Each word with the places in `_names` that have it."""
        index: dict[str, list[int]] = defaultdict(list)
        for place, (_, words) in enumerate(self._names):
            for word in words:
                index[word].append(place)
        return index

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """Inverse document frequency of each word among the names; above 0."""
        documents = len({document for document, _ in self._names})
        return {
            word: math.log((documents + 1) / len({self._names[place][0] for place in places}))
            for word, places in self._index.items()
        }


def _words(text: str) -> Iterator[str]:
    for word in map(str.lower, _WORD.findall(text)):
        year = _YEAR.fullmatch(word)
        yield (year[1] or f"20{year[2]}") if year else stem(word)


def _asked(question: str) -> set[str]:
    """The words of a question, and two or three of them as one."""
    words = _WORD.findall(question.lower())
    together = ("".join(words[at : at + size]) for size in (2, 3) for at in range(len(words) - size + 1))
    return {*_words(question), *(stem(word) for word in together if len(word) >= LONG)}


def _proper(question: str) -> set[str]:
    """Words written as names are: with a digit, or a capital other than the one a sentence begins with."""
    shouted = question.isupper()  # then capitals tell nothing

    def marked(place: int, word: str) -> bool:
        capital = word[1:] != word[1:].lower() or (place > 0 and word[0].isupper())
        return any(map(str.isdigit, word)) or (capital and not shouted)

    return _asked(" ".join(word for place, word in enumerate(_WORD.findall(question)) if marked(place, word)))
