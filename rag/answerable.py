"""Whether to answer at all: a decision of its own, taken before anything is written.

A logistic model over what the reader says of the passages and how near the nearest passage and span are to the
question. What is fitted rests on the reader almost alone: it tells near misses, where the topic is treated and the
asked-for thing is absent, and most questions about something else; the cosines gave nothing beside it. Fitted by
`training/calibrate.py` on documents that the reader was not trained on. Without a reader only the cosines are left,
with weights of their own.
"""

import math
from collections.abc import Sequence

from rag.evidence import Place
from rag.types import Hit

FEATURES = ("passage", "span", "answerable", "margin")
# Bias first, then one weight for each feature: all of them, or those that need no reader.
READ = (0.98, -0.45, 0.01, 0.45, 0.02)
PLAIN = (-7.00, 9.67, 10.17)
_FLOOR = -15.0  # logits, below which one no is as firm as another


def features(hits: Sequence[Hit], places: Sequence[Place]) -> tuple[float, ...]:
    """The features in the order of FEATURES; only the first two where the hits were not read.

    They are: cosine of the nearest passage, cosine of the nearest span (0..1 both); the highest "the answer is in it",
    the highest margin of a span over no answer (logits).
    """
    cosines = (
        max((hit.cosine or 0.0 for hit in hits), default=0.0),
        max((place.marks["similarity"] for place in places), default=0.0),
    )
    readings = [hit.reading for hit in hits if hit.reading is not None]
    if not readings:
        return cosines
    margins = [reading.spans.margin if reading.spans else reading.answerable for reading in readings]
    return (
        *cosines,
        max(reading.answerable for reading in readings),
        max(_FLOOR, *margins),
    )


def confidence(hits: Sequence[Hit], places: Sequence[Place]) -> float:
    """Probability (0..1) that the documents answer what is asked; 0 where nothing was found."""
    if not places:
        return 0.0
    found = features(hits, places)
    bias, *weights = READ if len(found) == len(FEATURES) else PLAIN
    total = bias + sum(weight * value for weight, value in zip(weights, found, strict=True))
    return 1 / (1 + math.exp(-total))
