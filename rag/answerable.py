"""Whether to answer at all: a decision of its own, taken before anything is written.

A logistic model over two cosines: does anything in the documents fit the question? It tells a question about something
else from one that the documents treat; it does not tell a near miss (the topic is treated, the asked-for thing is
absent). Word overlap was tried as a third input and got no weight. Fitted and reported by
`benchmarks/fit_answerable.py`.
"""

import math
from collections.abc import Sequence

from rag.evidence import Evidence
from rag.types import Hit

# Bias, cosine of the nearest passage, cosine of the nearest span.
WEIGHTS = (-7.00, 9.67, 10.17)


def features(hits: Sequence[Hit], evidence: Evidence) -> tuple[float, float]:
    """The two cosines, each in 0..1."""
    nearest = max((hit.cosine or 0.0 for hit in hits), default=0.0)
    return max(nearest, 0.0), max(evidence.similarity, 0.0)


def confidence(hits: Sequence[Hit], evidence: Evidence) -> float:
    """Probability (0..1) that the documents treat what is asked; 0 where nothing was found."""
    if not evidence.quotes:
        return 0.0
    bias, *weights = WEIGHTS
    total = bias + sum(weight * value for weight, value in zip(weights, features(hits, evidence), strict=True))
    return 1 / (1 + math.exp(-total))
