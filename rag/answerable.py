"""Whether to answer at all: a decision of its own, taken before anything is written.

With a reader, a logistic model of one thing: what it says of all passages together, whether the answer is in any of
them. It tells near misses, where the topic is treated and the asked-for thing is absent, and most questions about
something else; cosines, words that no passage holds and margins of spans gave nothing beside it. Fitted by
`training/calibrate.py` on documents that the reader was not trained on. Without a reader only cosines are left, with
weights of their own.
"""

import math
from collections.abc import Sequence

from rag.evidence import Place
from rag.types import Hit

# Bias first, then one weight for each feature.
READ = (-0.07, 0.62)
PLAIN = (-7.00, 9.67, 10.17)


def features(hits: Sequence[Hit], places: Sequence[Place]) -> tuple[float, ...]:
    """What the decision rests on: of hits that were read one feature, of others two.

    Read: logarithm of the summed odds that the answer is in a passage. Not read: cosine of the nearest passage, cosine
    of the nearest span (0..1 both).
    """
    answerable = [hit.reading.answerable for hit in hits if hit.reading is not None]
    if answerable:
        top = max(answerable)
        return (top + math.log(sum(math.exp(logit - top) for logit in answerable)),)
    return (
        max((hit.cosine or 0.0 for hit in hits), default=0.0),
        max((place.marks["similarity"] for place in places), default=0.0),
    )


def probability(logits: Sequence[float]) -> float:
    """Probability (0..1) that an answer is in any of the passages of which a reader gave these logits."""
    if not logits:
        return 0.0
    top = max(logits)
    bias, weight = READ
    return 1 / (1 + math.exp(-bias - weight * (top + math.log(sum(math.exp(logit - top) for logit in logits)))))


def confidence(hits: Sequence[Hit], places: Sequence[Place]) -> float:
    """Probability (0..1) that the documents answer what is asked; 0 where nothing was found."""
    if not places:
        return 0.0
    found = features(hits, places)
    bias, *weights = READ if len(found) == len(READ) - 1 else PLAIN
    total = bias + sum(weight * value for weight, value in zip(weights, found, strict=True))
    return 1 / (1 + math.exp(-total))
