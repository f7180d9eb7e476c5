"""What is measured of an answer, and the arithmetic of a month."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.bootstrap import figure
from rag.cost import HOURS, Asked, Measured, crossing, elsewhere, measure, own, summed
from rag.prices import Cloud, Load, Machine, Prices
from rag.types import Answer, Checked

MACHINE = Machine(price=4800, years=4, power_price=0.5, idle_watts=20, watts=120, upkeep=10)
PRICES = Prices("USD", MACHINE, Load(peak_factor=2, utilisation=0.5), (Cloud("far", per_question=0.01),))


def taking(seconds: float, joules: float | None = None) -> Measured:
    """A measurement in which every answer took so many seconds."""
    return Measured(
        n=3,
        start=1.0,
        seconds=figure(np.full(3, seconds)),
        median=seconds,
        p95=seconds,
        modes={"written": 3, "quoted": 0, "refused": 0},
        tokens_in=300,
        tokens_out=20,
        prompts=3,
        joules=joules,
    )


class Meter:
    """Counts 5 joules at each look."""

    covers = "a test"

    def __init__(self) -> None:
        self.sum = 0.0

    def joules(self) -> float:
        """5 more than before."""
        self.sum += 5
        return self.sum


def test_each_question_is_asked_once_and_what_it_took_is_kept() -> None:
    asked: list[str] = []

    def ask(question: str) -> Answer:
        asked.append(question)
        return Answer(question, False, "no", "refused", 0.1, ())

    def heard() -> tuple[Sequence[str], Sequence[Checked]]:
        return (["a long prompt"], [Checked("two words", (), (0,), True)]) if asked[-1] == "b" else ([], [])

    rows = list(measure(["a", "b"], ask, heard, Meter()))
    assert asked == ["a", "b"]
    assert [row.joules for row in rows] == [5, 5]
    assert all(row.seconds > 0 for row in rows)
    found = summed(rows, 2.0, lambda text: len(text.split()))
    assert (found.n, found.prompts, found.tokens_in, found.tokens_out, found.joules) == (2, 1, 3, 2, 5)
    assert found.modes == {"written": 0, "quoted": 0, "refused": 2}


def test_median_and_p95_are_of_the_questions() -> None:
    rows = [Asked("quoted", float(second), None, (), ()) for second in range(1, 101)]
    found = summed(rows, 0.0, len)
    assert (found.median, found.p95, found.joules, found.tokens_in) == (50.5, 95, None, 0)
    assert found.seconds.value == 50.5


def test_a_month_is_hardware_upkeep_and_power() -> None:
    # 1 s an answer: 730 h × 3600 × .5 / 2 are 657,000 answers a month of one machine.
    found = own(taking(1.0), PRICES, 1_000_000)
    assert found.capacity == pytest.approx(657_000)
    assert found.machines == 2
    assert found.hardware == pytest.approx(2 * 100)
    assert found.upkeep == 20
    answering = 1_000_000 / 3600
    hours = answering * 0.12 + (2 * HOURS - answering) * 0.02
    assert found.kilowatt_hours == pytest.approx(hours)
    assert found.total == pytest.approx(220 + hours * 0.5)
    assert found.question == pytest.approx(found.total / 1_000_000)


def test_power_is_given_or_measured_or_not_counted() -> None:
    unknown = replace(PRICES, machine=replace(MACHINE, watts=None))
    assert own(taking(2.0), unknown, 1000).kilowatt_hours is None
    measured = own(taking(2.0, joules=240), unknown, 1000).kilowatt_hours
    assert measured == pytest.approx(own(taking(2.0), PRICES, 1000).kilowatt_hours)
    # What the processor alone needs is less than the whole machine that waits; then that is the least.
    least = own(taking(2.0, joules=2), unknown, 1000).kilowatt_hours
    assert least == pytest.approx(HOURS * 0.02)


def test_a_service_that_costs_less_than_the_power_is_never_dearer() -> None:
    cheap = replace(PRICES, clouds=(Cloud("near", per_question=1e-7),))
    (found,) = elsewhere(taking(1.0), cheap, 1000)
    assert (found.cheaper_from, found.always_from) == (None, None)


@given(st.integers(1, 500), st.integers(1, 20), st.integers(2, 60))
def test_from_where_on_the_own_machine_is_cheaper(fixed: int, saved: int, capacity: int) -> None:
    """The formula against every number of questions up to 5,000."""
    first, always = crossing(fixed, saved, capacity)
    cheaper = [math.ceil(number / capacity) * fixed <= number * saved for number in range(1, 5001)]
    if first is None or always is None:
        assert fixed >= saved * capacity
        assert not any(cheaper[place] for place in range(0, 5000, capacity)), "a further machine always costs more"
        return
    assert first == cheaper.index(True) + 1
    if always < 5000:
        assert all(cheaper[always - 1 :])
        assert always == 1 or not cheaper[always - 2]


def test_what_saves_nothing_never_pays() -> None:
    assert crossing(10, 0, 100) == (None, None)
    assert crossing(10, -1, 100) == (None, None)
    assert crossing(0, 1, 100) == (1, 1)
