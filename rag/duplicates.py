"""Near-duplicates among ranked passages: the best one stays, and names the others. Knows nothing about stores.

Two passages say the same when their word shingles (Broder, "On the resemblance and containment of documents", 1997)
agree, or when nearly all of the shorter one stands in the longer one, and both hold the same numbers, negations and
modal verbs: "within 10 days" is no copy of "within 30 days", nor "must" of "must not", however long the rest.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rag.types import Hit, Similar

SHINGLE = 3  # words; enough for the order to count, few enough for one changed word to leave most of them
SAME = 0.9  # Jaccard of the shingles from which on two passages are one
HELD = 0.95  # share of the shorter passage's shingles that stand in the longer one
SHORT = 8  # words; shorter passages are one only if they are equal

TELLING = frozenset("no not never none neither nor without except unless must may shall should can cannot".split())
_WORD = re.compile(r"\w+")


def merge(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """The first `limit` hits that are no near-duplicate of a better one, each with the copies it stands for.

    Args:
        hits: best first.
        limit: at most so many are returned; copies of them are looked for among all of `hits`.
    """
    kept: list[Hit] = []
    looks: list[Look] = []
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)  # places in `kept` that hold a shingle
    for hit in hits:
        look = Look(hit.stored.chunk.text)
        common = Counter(place for shingle in look.shingles for place in holders.get(shingle, ()))
        same = next((place for place in sorted(common) if look.repeats(looks[place], common[place])), None)
        if same is not None:
            chunk = hit.stored.chunk
            similar = Similar(hit.stored.id, chunk.path, chunk.page, chunk.record)
            kept[same] = replace(kept[same], similar=(*kept[same].similar, similar))
        elif len(kept) < limit:
            for shingle in look.shingles:
                holders[shingle].append(len(kept))
            kept.append(hit)
            looks.append(look)
    return kept


class Look:
    """What is compared of a passage."""

    def __init__(self, text: str) -> None:
        self.words = _WORD.findall(text.lower())
        self.telling = Counter(word for word in self.words if word in TELLING or any(map(str.isdigit, word)))
        size = min(SHINGLE, len(self.words))
        self.shingles = {tuple(self.words[start : start + size]) for start in range(len(self.words) - size + 1)}

    def repeats(self, other: "Look", common: int) -> bool:
        """Whether the two say the same; `common` is the number of shingles that both hold."""
        if self.words == other.words:
            return True
        less, more = sorted((self, other), key=lambda look: len(look.words))
        if len(less.words) < SHORT:
            return False
        if common >= SAME * (len(less.shingles) + len(more.shingles) - common):
            return less.telling == more.telling
        return common >= HELD * len(less.shingles) and less.telling <= more.telling
