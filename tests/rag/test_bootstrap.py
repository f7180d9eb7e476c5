"""Intervals hold their figure, and a difference is called more than chance only where it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag.bootstrap import difference, difference_of_pairs, figure, figure_of_pairs, mean, median, wins

Floats = NDArray[np.float64]

values = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array)
pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30)


@given(values)
def test_the_interval_lies_within_the_values(seen: Floats) -> None:
    found = figure(seen)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert seen.min() - 1e-9 <= found.low <= found.high <= seen.max() + 1e-9
    assert found.value == pytest.approx(seen.mean())
    assert found == figure(seen), "the same values, the same interval"


def test_nothing_has_no_figure() -> None:
    assert (figure(np.array([])).value, figure(np.array([])).n) == (None, 0)
    assert figure_of_pairs(wins(np.array([]), np.array([1.0]))).value is None


@given(values)
def test_a_run_and_itself_do_not_differ(seen: Floats) -> None:
    for statistic in (mean, median):
        found = difference(seen, seen, statistic)
        assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


@given(pairs)
def test_a_difference_turns_round_with_its_runs(seen: list[tuple[float, float]]) -> None:
    first, second = np.array(seen).T
    there, back = difference(first, second), difference(second, first)
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)
    assert there.p == back.p
    assert 0 < there.p <= 1


def test_a_large_difference_is_no_chance_and_a_small_one_may_be() -> None:
    random = np.random.default_rng(1)
    first = random.random(200)
    assert difference(first, first + 0.2 + 0.1 * random.standard_normal(200)).p < 0.001
    assert difference(first, random.permutation(first)).p > 0.05


def test_a_few_questions_prove_nothing() -> None:
    for n, proves in ((1, False), (5, False), (6, True)):
        assert (difference(np.zeros(n), np.ones(n)).p < 0.05) is proves
    many = np.zeros(100)
    assert difference(many, np.eye(100)[0]).p == 1, "one question of a hundred"
    assert difference_of_pairs(np.zeros((30, 1)), np.ones((30, 1))).p == 1, "thirty against one"


def test_about_one_in_twenty_is_called_more_than_chance_where_there_is_nothing() -> None:
    random = np.random.default_rng(2)
    called = sum(difference(random.random(40), random.random(40)).p < 0.05 for _ in range(200))
    assert 2 <= called <= 22


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        found = figure((random.random(60) < 0.7).astype(float))
        covered += (found.low or 0) <= 0.7 <= (found.high or 0)
    assert covered >= 178


def test_pairs_of_two_kinds() -> None:
    table = wins(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    assert table.tolist() == [[1.0, 1.0], [0.5, 1.0]]
    found = figure_of_pairs(table)
    assert found.value == pytest.approx(0.875)
    assert (found.low or 0) <= 0.875 <= (found.high or 0)
    same = difference_of_pairs(table, table)
    assert (same.value, same.low, same.high, same.p, same.n) == (0.0, 0.0, 0.0, 1.0, 4)
