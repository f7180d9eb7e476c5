"""Whether to answer at all: a decision of its own, taken before anything is written.

A logistic model over three figures that the retriever and the evidence give. Its weights are fitted by
`benchmarks/fit_answerable.py` on the dev part of the sample office's questions, and reported on the other part.
"""

import math

from rag.evidence import Evidence
from rag.types import Hit

# Weights of: bias, cosine of the best passage, coverage of the question's rare words, cosine of the best sentence.
WEIGHTS = (-4.0, 3.0, 4.0, 2.0)


def features(hits: list[Hit], evidence: Evidence) -> tuple[float, float, float]:
    """The three figures, each in 0..1: best passage's cosine, coverage, best sentence's cosine."""
    cosine = max((hit.cosine or 0.0 for hit in hits), default=0.0)
    return max(cosine, 0.0), evidence.coverage, max(evidence.similarity, 0.0)


def confidence(hits: list[Hit], evidence: Evidence) -> float:
    """Probability (0..1) that the passages answer the question; 0 where there are none."""
    if not evidence.quotes:
        return 0.0
    bias, *weights = WEIGHTS
    total = bias + sum(weight * value for weight, value in zip(weights, features(hits, evidence), strict=True))
    return 1 / (1 + math.exp(-total))
