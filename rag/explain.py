"""Why a hit is where it is: which words it matched, how near its meaning is, what the reader made of it.

Asks the catalog again for each term alone, so that what is shown adds up to what was ranked by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.expand import Wording
from rag.query import quoted
from rag.store.catalog import Catalog
from rag.types import Hit

_ALWAYS = ("words", "meaning")  # shown even where they give nothing


@dataclass(frozen=True, slots=True)
class Explanation:
    """The figures behind one hit. The higher, the better, all of them."""

    words: float  # BM25 of all matched terms, 0 or more; 0 where none is matched
    matched: Mapping[str, float]  # what each term adds to `words`, most first
    cosine: float | None  # similarity of meaning, -1..1; None where the passage has no vector yet
    parts: Mapping[str, float]  # what makes up `fused`: words, page, phrases, meaning, named
    fused: float  # score of the first stage, 0..1
    relevance: float | None  # the reader's logits; None where the passage was not read
    answerable: float | None
    margin: float | None  # best span over "nowhere"; None also from a reader that only ranks
    merged: int  # near-duplicates that the hit stands for

    def lines(self) -> list[str]:
        """The same for people."""
        terms = ", ".join(f"{term} {score:.1f}" for term, score in self.matched.items())
        cosine = "no vector yet" if self.cosine is None else f"cosine {self.cosine:.2f}"
        # A part that the question gives no reason for is 0 for every passage.
        parts = " + ".join(f"{name} {part:.2f}" for name, part in self.parts.items() if part or name in _ALWAYS)
        found = [
            f"found {self.fused:.2f} = {parts} ({cosine})",
            f"words {self.words:.1f}: {terms}" if terms else "words: none matched",
        ]
        if self.relevance is None:
            found.append("not read")
        else:
            margin = "" if self.margin is None else f", span {self.margin:+.1f}"
            found.append(f"read: relevance {self.relevance:+.1f}, answerable {self.answerable:+.1f}{margin}")
        return found


def explain(catalog: Catalog, wording: Wording, hits: Sequence[Hit]) -> list[Explanation]:
    """An explanation for each hit of a search for `wording`."""
    ids = [hit.stored.id for hit in hits]
    matched: dict[int, dict[str, float]] = {chunk: {} for chunk in ids}
    for terms, weight in wording.weighted:
        for term in terms:
            for chunk, score in catalog.match_among(quoted(term), ids).items():
                matched[chunk][term] = matched[chunk].get(term, 0.0) + weight * score
    return [_explanation(hit, matched[hit.stored.id]) for hit in hits]


def _explanation(hit: Hit, matched: Mapping[str, float]) -> Explanation:
    reading = hit.reading
    return Explanation(
        words=hit.bm25 or 0.0,
        matched=dict(sorted(matched.items(), key=lambda item: (-item[1], item[0]))),
        cosine=hit.cosine,
        parts=hit.parts._asdict(),
        fused=sum(hit.parts),
        relevance=reading.relevance if reading else None,
        answerable=reading.answerable if reading else None,
        margin=reading.spans.margin if reading and reading.spans else None,
        merged=len(hit.similar),
    )
