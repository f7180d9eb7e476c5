"""How much of a figure is chance: intervals and differences by resampling questions. Knows nothing about measures.

Percentile bootstrap after Efron and Tibshirani, "An Introduction to the Bootstrap", 1993. Every call draws from the
same seed, so the same values give the same interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000  # the ends of an interval then move by about 1 % of its width from seed to seed
LEVEL = 0.95
_BLOCK = 100  # resamples drawn at once: a hundred of 10,000 questions are 8 MB
_SEED = 20260101

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]  # `(resamples, n)` to `(resamples,)`


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its interval. All three are None where there was nothing to take it of."""

    value: float | None
    low: float | None  # of the 95 % interval
    high: float | None
    n: int  # questions it was taken of


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two runs over the same questions; positive where the second is higher."""

    value: float
    low: float  # of the 95 % interval
    high: float
    p: float  # 0..1: how often chance alone makes a difference as large; 1 where there is none
    n: int  # questions compared


def mean(values: Values) -> Values:
    """The mean of each resample."""
    return np.asarray(values.mean(axis=-1))


def median(values: Values) -> Values:
    """The median of each resample."""
    return np.asarray(np.median(values, axis=-1))


def figure(values: Values, statistic: Statistic = mean) -> Figure:
    """A statistic of one value a question `(n,)`, with its interval."""
    if not len(values):
        return Figure(None, None, None, 0)
    low, high = _interval(_resampled(values, statistic))
    return Figure(float(statistic(values[None])[0]), low, high, len(values))


def difference(first: Values, second: Values, statistic: Statistic = mean) -> Difference:
    """A statistic of the questions' differences, `second - first`, both `(n,)` with n > 0."""
    apart = second - first
    seen = float(statistic(apart[None])[0])
    return _judged(seen, _resampled(apart, statistic), int(np.count_nonzero(apart)), len(apart))


def wins(positive: Values, negative: Values) -> Values:
    """`(positives, negatives)`: 1 where the positive scores above the negative, 0 where below, 0.5 where they tie.

    The mean over it is the area under the ROC curve (Mann-Whitney).
    """
    above = positive[:, None] > negative[None, :]
    return np.asarray(above + 0.5 * (positive[:, None] == negative[None, :]))


def figure_of_pairs(table: Values) -> Figure:
    """The mean over all pairs `(positives, negatives)`, with its interval; both kinds are resampled on their own."""
    if not table.size:
        return Figure(None, None, None, 0)
    low, high = _interval(_resampled_pairs(table))
    return Figure(float(table.mean()), low, high, sum(table.shape))


def difference_of_pairs(first: Values, second: Values) -> Difference:
    """The difference of the means over all pairs, `second - first`, both `(positives, negatives)` and not empty."""
    apart = second - first
    changed = min(int(apart.any(axis=axis).sum()) for axis in (0, 1))
    return _judged(float(apart.mean()), _resampled_pairs(apart), changed, sum(apart.shape))


def _judged(seen: float, resampled: Values, changed: int, n: int) -> Difference:
    """Interval and p of a difference.

    p is two-sided, of the resamples shifted to where no difference would lie. Few questions have nothing to resample:
    one that changed gives the same difference each time. So p is never below the chance that as many coins as
    questions `changed` all fall on one side, the least that a sign test could say.
    """
    low, high = _interval(resampled)
    # A hair's breadth: sums of the same numbers in another order differ in their last bit.
    as_far = int((np.abs(resampled - seen) >= abs(seen) - 1e-12).sum())
    coins = 2.0 ** (1 - max(changed, 1))
    return Difference(seen, low, high, max((1 + as_far) / (1 + len(resampled)), coins), n)


def _interval(resampled: Values) -> tuple[float, float]:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _resampled(values: Values, statistic: Statistic) -> Values:
    """The statistic of RESAMPLES samples as large as `values`, drawn from them with replacement."""
    random, n = np.random.default_rng(_SEED), len(values)
    return np.concatenate([statistic(values[random.integers(0, n, (_BLOCK, n))]) for _ in range(RESAMPLES // _BLOCK)])


def _resampled_pairs(table: Values) -> Values:
    """The mean of RESAMPLES tables whose rows and columns are drawn with replacement, by how often each was drawn."""
    random = np.random.default_rng(_SEED)
    rows, columns = table.shape
    drawn_rows = random.multinomial(rows, np.full(rows, 1 / rows), RESAMPLES)
    drawn_columns = random.multinomial(columns, np.full(columns, 1 / columns), RESAMPLES)
    return np.asarray(((drawn_rows @ table) * drawn_columns).sum(axis=1) / table.size)
