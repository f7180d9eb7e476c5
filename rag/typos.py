"""The one door to rapidfuzz: the words of the documents that a misspelled word is nearest to.

The word index holds stems ("incid"), a typo is a whole word ("incidnet"): each stem is tried with the endings that a
stemmer takes off. Knows nothing about stores; the caller checks which of the spellings the documents hold.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ONE_EDIT = 4  # letters from which on one edit is forgiven; shorter words have too many neighbours
TWO_EDITS = 10

_ENDINGS = (
    "",
    *"e s es d ed ing y er ers or ors ion ions ation ations al ally ly ity ities ty ive able ance ances ancy".split(),
    *"ence ences ency ent ents ant ants ment ments ement ements ness ful ous ist ism ic".split(),
    *"ical ize ise ized ised ization age".split(),
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """A word that another one may have been meant to be."""

    word: str
    stem: str
    edits: int


def edits(word: str) -> int:
    """How many edits are forgiven in a word: none where it has anything but letters, as names and numbers do."""
    if not word.isalpha() or len(word) < ONE_EDIT:
        return 0
    return 1 if len(word) < TWO_EDITS else 2


def spellings(word: str, stems: Iterable[str]) -> list[Spelling]:
    """Other words made of `stems` within `edits` of `word`, nearest first, most likely ending first among equals.

    An edit is a letter more, less, other, or swapped with its neighbour: Damerau, "A technique for computer detection
    and correction of spelling errors", 1964.
    """
    from rapidfuzz.distance import DamerauLevenshtein  # late: only words that no document has need it
    from rapidfuzz.process import extract

    most = edits(word)
    if not most:
        return []
    candidates = {found: stem for found, stem in _whole(stems, len(word) - most, len(word) + most) if found != word}
    near = extract(word, list(candidates), scorer=DamerauLevenshtein.distance, score_cutoff=most, limit=None)
    near.sort(key=lambda item: (item[1], item[2]))
    return [Spelling(found, candidates[found], int(distance)) for found, distance, _ in near]


def _whole(stems: Iterable[str], shortest: int, longest: int) -> Iterator[tuple[str, str]]:
    for stem in stems:
        for ending in _ENDINGS:
            if shortest <= len(stem) + len(ending) <= longest:
                yield stem + ending, stem
        if stem.endswith("i") and shortest <= len(stem) <= longest:  # "policy" has the stem "polici"
            yield f"{stem[:-1]}y", stem
