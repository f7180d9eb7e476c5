"""Seconds, tokens and energy of an answer, measured; and what a month of questions costs here and elsewhere.

`measure` asks questions of whoever answers them, one after the other, as a batch does. `month` is arithmetic alone:
machines for the busiest hour, their price by the month, power while they answer and while they wait. A machine answers
one question at a time (an answer takes all its cores), so it gives 3600 / seconds answers an hour.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag.bootstrap import Figure, figure
from rag.energy import Meter
from rag.prices import Cloud, Machine, Prices
from rag.types import Answer, Checked

HOURS = 730.0  # of a mean month: 365 / 12 days
_JOULES = 3.6e6  # of a kilowatt-hour


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was answered or refused."""

    mode: str  # written, quoted, refused
    seconds: float
    joules: float | None  # None: no meter
    prompt: tuple[str, ...]  # what the language model was given; empty where it was not asked
    written: tuple[str, ...]  # what it wrote, shown or not


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sample of questions took."""

    n: int
    start: float  # seconds until the first question could be asked, models loaded
    seconds: Figure  # mean of an answer, with its interval
    median: float  # seconds
    p95: float  # seconds: 95 % of the answers took no longer
    modes: dict[str, int]  # how many were written, quoted, refused
    tokens_in: float  # mean of the questions that the language model was asked; 0 if none was
    tokens_out: float
    prompts: int  # how many these were
    joules: float | None  # mean of an answer; None: no meter


def measure(
    questions: Sequence[str],
    ask: Callable[[str], Answer],
    heard: Callable[[], tuple[Sequence[str], Sequence[Checked]]],
    meter: Meter | None,
) -> Iterator[Asked]:
    """Ask every question; yield what each took. Only `ask` is timed.

    Args:
        ask: gives an answer, as `rag ask --batch` does.
        heard: of the last answer, what the language model was given and what it wrote.
        meter: read before and after each question.
    """
    for question in questions:
        before = meter.joules() if meter is not None else 0.0
        started = time.perf_counter()
        answer = ask(question)
        seconds = time.perf_counter() - started
        joules = meter.joules() - before if meter is not None else None
        prompt, checks = heard()
        yield Asked(answer.mode, seconds, joules, tuple(prompt), tuple(one.text for one in checks))


def summed(asked: Sequence[Asked], start: float, count: Callable[[str], int]) -> Measured:
    """What at least one question took, in figures. `count`: tokens of a text, by the language model's own measure."""
    seconds = np.array([one.seconds for one in asked])
    model = [one for one in asked if one.prompt]
    read = [sum(map(count, one.prompt)) for one in model]
    written = [sum(map(count, one.written)) for one in model]
    modes = [one.mode for one in asked]
    joules = [one.joules for one in asked if one.joules is not None]
    return Measured(
        n=len(asked),
        start=start,
        seconds=figure(seconds),
        median=float(np.median(seconds)),
        p95=float(np.sort(seconds)[math.ceil(0.95 * len(seconds)) - 1]),
        modes={mode: modes.count(mode) for mode in ("written", "quoted", "refused")},
        tokens_in=float(np.mean(read)) if read else 0.0,
        tokens_out=float(np.mean(written)) if written else 0.0,
        prompts=len(model),
        joules=float(np.mean(joules)) if joules else None,
    )


# --- a month ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Own:
    """A month of questions on machines of one's own. Money in the prices' currency."""

    machines: int
    capacity: float  # questions a month that one machine can take
    busy: float  # 0..1, share of the month that the machines answer
    hardware: float  # their price by the month
    upkeep: float
    power: float  # answering and waiting
    kilowatt_hours: float | None  # None: nothing is known about power
    total: float
    question: float


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The same month at a service."""

    cloud: Cloud
    question: float
    total: float
    cheaper_from: int | None  # questions a month from which on the own machine costs less; None: never
    always_from: int | None  # the same, and at every number above; a further machine may cost more than it saves


def watts(measured: Measured, machine: Machine) -> float | None:
    """The power while it answers: as given, else as measured; None if neither is known.

    What the processor's own counters say can be less than the idle machine needs in all; that is then the least.
    """
    if machine.watts is not None:
        return machine.watts
    return None if measured.joules is None else max(measured.joules / _mean(measured), machine.idle_watts)


def own(measured: Measured, prices: Prices, questions: int) -> Own:
    """What so many questions a month cost on one's own machines."""
    machine, load, seconds = prices.machine, prices.load, _mean(measured)
    capacity = load.hours_a_month * 3600 / seconds * load.utilisation / load.peak_factor
    machines = max(1, math.ceil(questions / capacity))
    answering = questions * seconds / 3600  # hours, of all machines
    power = watts(measured, machine)
    spent = None
    if power is not None:
        spent = (answering * power + (machines * HOURS - answering) * machine.idle_watts) / 1000
    hardware = machines * machine.price / (machine.years * 12)
    upkeep = machines * machine.upkeep
    paid = (spent or 0.0) * machine.power_price
    total = hardware + upkeep + paid
    return Own(
        machines=machines,
        capacity=capacity,
        busy=answering / (machines * HOURS),
        hardware=hardware,
        upkeep=upkeep,
        power=paid,
        kilowatt_hours=spent,
        total=total,
        question=total / questions,
    )


def elsewhere(measured: Measured, prices: Prices, questions: int) -> list[Elsewhere]:
    """What the same month costs at each service of the prices, and from how many questions on the own machine is
    cheaper.

    With k machines a month costs k·F + N·v here and N·c there (F: a machine that only waits; v: what an answer adds).
    k machines take up to k·C questions, so this side is cheaper where N ≥ k·q, q = F / (c − v), and k machines are
    worth it at all where q < C.
    """
    machine, seconds = prices.machine, _mean(measured)
    one = own(measured, prices, 1)
    power = watts(measured, machine)
    idle = 0.0 if power is None else HOURS * machine.idle_watts / 1000 * machine.power_price
    fixed = machine.price / (machine.years * 12) + machine.upkeep + idle
    more = 0.0 if power is None else seconds * (power - machine.idle_watts) / _JOULES * machine.power_price
    found = []
    for cloud in prices.clouds:
        asks = cloud.question(measured.tokens_in, measured.tokens_out)
        first, always = crossing(fixed, asks - more, one.capacity)
        found.append(Elsewhere(cloud, asks, asks * questions, first, always))
    return found


def crossing(fixed: float, saved: float, capacity: float) -> tuple[int | None, int | None]:
    """From how many questions on machines at `fixed` a month pay, where each saves `saved`: once, and always."""
    if saved <= 0:
        return None, None
    each = fixed / saved  # questions that pay for one machine
    if each >= capacity:
        return None, None
    # The last machine that costs more than it saves when it is added: (k − 1)·C + 1 < k·q.
    last = max(1, _up((capacity - 1) / (capacity - each)) - 1)
    return max(1, _up(each)), max(1, _up(last * each))


def _up(number: float) -> int:
    """The next whole number; one that is whole but for the last bits stays."""
    return math.ceil(number - 1e-9)


def _mean(measured: Measured) -> float:
    assert measured.seconds.value is not None  # at least one question was asked
    return measured.seconds.value
