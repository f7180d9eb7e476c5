"""Two versions of a text, clause by clause, to the sentences that belong together.

Sentences are the unit: where a clause was split, merged or moved, its sentences tell. Equal ones are found first, in
order and then out of order; what is left is paired by words, meaning and place. Line ends, page breaks, the numbers of
clauses and hyphens at line ends make no difference. Knows nothing about what a difference means.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import log

import numpy as np
from numpy.typing import NDArray

from ingest.clauses import HEADING, Clause

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit rows, float32 `(n, dim)`."""

ALIKE = 0.45
"""Score from which on two sentences are versions of each other. Of 25 sentences of the sample office that were edited
in one place each has .66 or more without its place; of pairs of others of one policy 99 % have less than .25, all less
than .45."""
WORDS, MEANING, PLACE = 0.6, 0.25, 0.15  # weights of the parts of that score, each 0..1
LEAST_WORDS = 0.2  # shared words below which no likeness of meaning and place makes a pair
JOINED = 0.12  # how much nearer two sentences together must be to one than the better of them alone
SHORT = 4  # words; an equal sentence this short, elsewhere, is a coincidence ("For all systems:")
NEAREST = 40
"""Sentences of the other side that a sentence is compared with, by meaning: each of those 25 was the first. Each with
each would take minutes for annual reports."""
BLOCK = 1000  # rows of the table of scores that are held at once: 10,000 sentences a side then take 80 MB

_TOKEN = re.compile(r"[€$£%§]|[^\W_]+(?:[.,:/'’&-][^\W_]+)*(?:\([^\W_]{1,3}\))*")
_BREAKS = re.compile(r"[-'’\xad‐‑]")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence as it is compared."""

    clause: int  # index into the document's clauses
    place: int  # index into the clause's sentences
    text: str
    key: tuple[str, ...]  # its words, folded: what makes two sentences equal


@dataclass(frozen=True, slots=True)
class Pair:
    """Sentences (indices into the units of each side, in order) that belong together. One side has one, mostly both."""

    old: tuple[int, ...]
    new: tuple[int, ...]
    equal: bool  # word for word
    in_order: bool  # found between the same neighbours


@dataclass(frozen=True, slots=True)
class Alignment:
    """The units of both sides and what belongs together; a unit in no pair was added or removed."""

    old: tuple[Unit, ...]
    new: tuple[Unit, ...]
    pairs: tuple[Pair, ...]  # in the order of the new text


def units(clauses: Sequence[Clause]) -> list[Unit]:
    """The sentences of clauses that hold a word."""
    return [
        Unit(index, place, sentence.text, key)
        for index, clause in enumerate(clauses)
        for place, sentence in enumerate(clause.sentences)
        if (key := words(sentence.text))
    ]


def words(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: small letters, ligatures undone, hyphens and apostrophes left out."""
    return tuple(word for word, _, _ in tokens(text))


def tokens(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as they are compared, each with its span."""
    return [
        (word, match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if (word := _BREAKS.sub("", unicodedata.normalize("NFKC", match.group()).casefold()))
    ]


def align(old: Sequence[Clause], new: Sequence[Clause], embed: Embed) -> Alignment:
    """Find what belongs together in two versions of a document."""
    a, b = units(old), units(new)
    matcher = SequenceMatcher(None, [unit.key for unit in a], [unit.key for unit in b], autojunk=False)
    pairs: list[Pair] = []
    gaps: list[tuple[range, range]] = []
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind == "equal":
            pairs += [Pair((i,), (j,), True, True) for i, j in zip(range(first, last), range(start, end), strict=True)]
        else:
            gaps.append((range(first, last), range(start, end)))
    for gap in gaps:
        pairs += _cut_otherwise(a, b, *gap)
    place_a, place_b = _places(len(a), gaps, 0), _places(len(b), gaps, 1)
    left, right = _free(len(a), pairs, "old"), _free(len(b), pairs, "new")
    pairs += _equal_elsewhere(a, b, left, right, old, new)
    left, right = _free(len(a), pairs, "old"), _free(len(b), pairs, "new")
    if left and right:
        score = _Scores(a, b, old, new, place_a, place_b, embed)
        pairs += _alike(score, left, right)
        pairs = _joined(score, pairs, _free(len(a), pairs, "old"), _free(len(b), pairs, "new"))
    return Alignment(tuple(a), tuple(b), tuple(sorted(pairs, key=lambda pair: (pair.new, pair.old))))


def _free(count: int, pairs: Sequence[Pair], side: str) -> list[int]:
    taken = {index for pair in pairs for index in getattr(pair, side)}
    return [index for index in range(count) if index not in taken]


def _places(count: int, gaps: Sequence[tuple[range, range]], side: int) -> list[int]:
    """The number of the gap that each unit stands in; -1 for none."""
    places = [-1] * count
    for number, gap in enumerate(gaps):
        for index in gap[side]:
            places[index] = number
    return places


def _cut_otherwise(a: Sequence[Unit], b: Sequence[Unit], left: range, right: range) -> Iterator[Pair]:
    """Runs of units that are the same words, cut at other places: a paragraph that a new line width made two."""
    start = right.start
    first = left.start
    while first < left.stop:
        for begin in range(start, right.stop):
            if a[first].key[0][0] == b[begin].key[0][0] and (
                run := _same_run(a, b, first, left.stop, begin, right.stop)
            ):
                last, start = run
                yield Pair(tuple(range(first, last)), tuple(range(begin, start)), True, True)
                first = last - 1
                break
        first += 1


def _same_run(
    a: Sequence[Unit], b: Sequence[Unit], first: int, last: int, start: int, end: int
) -> tuple[int, int] | None:
    """Where the runs that begin at `first` and `start` end, if both hold the same letters; None if they never do.

    Letters, not words: a narrow column of a table breaks words without a hyphen.
    """
    i, j = first + 1, start + 1
    one, other = "".join(a[first].key), "".join(b[start].key)
    while one.startswith(other) or other.startswith(one):
        if len(one) == len(other):
            return i, j
        if len(one) < len(other):
            if i == last:
                return None
            one, i = one + "".join(a[i].key), i + 1
        else:
            if j == end:
                return None
            other, j = other + "".join(b[j].key), j + 1
    return None


def _equal_elsewhere(
    a: Sequence[Unit],
    b: Sequence[Unit],
    left: Sequence[int],
    right: Sequence[int],
    old: Sequence[Clause],
    new: Sequence[Clause],
) -> Iterator[Pair]:
    """Units that stand word for word at another place; of several the first, under the same heading if there is one."""
    held: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index in left:
        held[a[index].key].append(index)
    for index in right:
        unit = b[index]
        found = held.get(unit.key)
        if not found or (len(unit.key) <= SHORT and new[unit.clause].kind != HEADING):
            continue
        here = words(new[unit.clause].section)
        best = next((other for other in found if words(old[a[other].clause].section) == here), found[0])
        found.remove(best)
        yield Pair((best,), (index,), True, False)


class _Scores:
    """How alike units of both sides are, 0..1."""

    def __init__(
        self,
        a: Sequence[Unit],
        b: Sequence[Unit],
        old: Sequence[Clause],
        new: Sequence[Clause],
        place_a: Sequence[int],
        place_b: Sequence[int],
        embed: Embed,
    ) -> None:
        self.a, self.b, self._embed = a, b, embed
        self._place_a, self._place_b = place_a, place_b
        self._heads_a = [_head(old[unit.clause]) for unit in a]
        self._heads_b = [_head(new[unit.clause]) for unit in b]
        self._headings_a = [old[unit.clause].kind == HEADING for unit in a]
        self._headings_b = [new[unit.clause].kind == HEADING for unit in b]
        counts = Counter(word for unit in (*a, *b) for word in set(unit.key))
        total = len(a) + len(b)
        self._weight = {word: 1 + log(total / count) for word, count in counts.items()}

    def words(self, one: Counter[str], other: Counter[str]) -> float:
        """Shared words, the rarer the heavier (Dice)."""
        shared = sum(self._weight[word] * min(count, other[word]) for word, count in one.items() if word in other)
        both = sum(self._weight[word] * count for side in (one, other) for word, count in side.items())
        return 2 * shared / both if both else 0.0

    def table(self, left: Sequence[int], right: Sequence[int]) -> Iterator[tuple[float, int, int]]:
        """The pairs with enough in common, each with its score, of those that are NEAREST in meaning."""
        meaning_a = self._embed([self.a[index].text for index in left])
        meaning_b = self._embed([self.b[index].text for index in right])
        bags = [Counter(self.b[index].key) for index in right]
        for start in range(0, len(left), BLOCK):
            cosines = meaning_a[start : start + BLOCK] @ meaning_b.T
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
            for row, i in enumerate(left[start : start + BLOCK]):
                bag = Counter(self.a[i].key)
                for column in nearest[row].tolist():
                    j = right[column]
                    if self._headings_a[i] != self._headings_b[j]:
                        continue
                    shared = self.words(bag, bags[column])
                    if shared >= LEAST_WORDS:
                        meaning = max(float(cosines[row, column]), 0.0)
                        score = WORDS * shared + MEANING * meaning + PLACE * self._near(i, j)
                        if score >= ALIKE:
                            yield score, i, j

    def _near(self, i: int, j: int) -> float:
        """1 between the same neighbours, .5 under a heading of the same words, else 0."""
        if self._place_a[i] == self._place_b[j]:
            return 1.0
        return 0.5 if self._heads_a[i] == self._heads_b[j] else 0.0


def _head(clause: Clause) -> tuple[str, ...]:
    return words(re.sub(r"(?:^|(?<=› ))[\d.]+\s", "", clause.section))


def _alike(score: _Scores, left: Sequence[int], right: Sequence[int]) -> Iterator[Pair]:
    """The best pairs, each unit in one at most."""
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    for _, i, j in sorted(score.table(left, right), key=lambda found: (-found[0], found[1], found[2])):
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            yield Pair((i,), (j,), False, score._place_a[i] == score._place_b[j])


def _joined(score: _Scores, pairs: list[Pair], left: Sequence[int], right: Sequence[int]) -> list[Pair]:
    """Let a unit that is left over join its neighbour's pair where both together say what the other side says."""
    for side, free in (("old", left), ("new", right)):
        mine, theirs = (score.a, score.b) if side == "old" else (score.b, score.a)
        holders = {index: place for place, pair in enumerate(pairs) for index in getattr(pair, side)}
        for index in free:
            for place in sorted({holders[near] for near in (index - 1, index + 1) if near in holders}):
                pair = pairs[place]
                own, other = (pair.old, pair.new) if side == "old" else (pair.new, pair.old)
                if pair.equal or index not in (own[0] - 1, own[-1] + 1):
                    continue
                longer = tuple(sorted((*own, index)))
                goal = Counter(word for unit in other for word in theirs[unit].key)
                before = score.words(Counter(word for unit in own for word in mine[unit].key), goal)
                after = score.words(Counter(word for unit in longer for word in mine[unit].key), goal)
                if after >= before + JOINED:
                    equal = [word for unit in longer for word in mine[unit].key] == [
                        word for unit in other for word in theirs[unit].key
                    ]
                    both = (longer, other) if side == "old" else (other, longer)
                    pairs[place] = Pair(*both, equal, pair.in_order)
                    holders[index] = place
                    break
    return pairs
