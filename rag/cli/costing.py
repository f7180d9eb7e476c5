"""`rag cost`: what an answer takes on this machine, and what a month of questions costs here and elsewhere."""

from __future__ import annotations

import os
import random
import textwrap
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import UsageError
from rag.cli.command import JsonOption, NoReaderOption
from rag.cli.opening import open_answerer, open_recorder
from rag.cli.progress import watched
from rag.config import Settings
from rag.term import WIDTH, bold, counted, mark, one_line, say, show, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rag.answer import Answerer, Course
    from rag.cost import Asked, Elsewhere, Measured, Own
    from rag.filters import Filter
    from rag.prices import Prices
    from rag.types import Answer

SAMPLE = 100  # questions: their mean is then known within a fifth or so
FEW = 30  # questions below which a mean says little
MONTH = 1_000_000


def cost(
    settings: Settings,
    questions: Annotated[
        Path | None,
        typer.Argument(help="Your own questions: JSON Lines, or .txt with a question a line.", show_default=False),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="A TOML file of your prices; --example-prices prints one.")
    ] = None,
    questions_a_month: Annotated[
        int, typer.Option("--questions-a-month", min=1, help="How many questions a month has.")
    ] = MONTH,
    sample: Annotated[
        int, typer.Option("--sample", min=1, help="How many of the questions are asked, drawn by chance.")
    ] = SAMPLE,
    seed: Annotated[int, typer.Option("--seed", help="Of that draw.")] = 1,
    quotes_only: Annotated[bool, typer.Option("--quotes-only", help="As `rag ask --quotes-only`.")] = False,
    no_reader: NoReaderOption = False,
    example_prices: Annotated[
        bool, typer.Option("--example-prices", help="Print a prices file with every entry explained, and stop.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Measure seconds, tokens and energy of an answer; compare a month of questions with prices that you give."""
    from rag.answer import validate
    from rag.cost import elsewhere, own
    from rag.prices import EXAMPLE, read_prices
    from rag.questions import read_batch
    from rag.record.notes import of_cost

    if example_prices:
        show(EXAMPLE.rstrip())
        return 0
    if questions is None:
        raise UsageError("Name a file of your own questions; `rag cost --example-prices` prints a file for the prices.")
    known = read_prices(prices) if prices is not None else None
    asked = [text for _, text in read_batch(questions, validate)]
    if not asked:
        raise UsageError(f"{questions} holds no question; write one a line.")
    chosen = random.Random(seed).sample(asked, min(sample, len(asked)))
    busy = os.getloadavg()[0]
    measured, meter = _measure(settings, chosen, read=not no_reader, write=not quotes_only)
    if known:
        _refuse_unknown_tokens(measured, known)
    here = own(measured, known, questions_a_month) if known else None
    there = elsewhere(measured, known, questions_a_month) if known else []
    value = {
        "questions": {"file": questions.name, "there": len(asked), "asked": len(chosen), "seed": seed},
        "measured": asdict(measured),
        "meter": meter,
        "load_before": round(busy, 2),
        "questions_a_month": questions_a_month,
        "prices": asdict(known) if known else None,
        "own": asdict(here) if here else None,
        "cloud": [asdict(one) for one in there],
    }
    if as_json:
        show_json(value)
    else:
        _show_measured(measured, meter, len(asked), busy)
        if known is None or here is None:
            say("Nothing is compared: give --prices FILE; `rag cost --example-prices` prints one to fill in.")
        else:
            _show_month(questions_a_month, here, there, known)
            for line in _basis(measured, meter, known):
                _line(line)
    if failure := open_recorder(settings).write(partial(of_cost, value, settings.index)):
        say(mark(one_line(failure)))
    return 0


def _measure(settings: Settings, chosen: Sequence[str], *, read: bool, write: bool) -> tuple[Measured, str]:
    """What the questions took, asked as `rag ask --batch` asks; and what counted the energy, or why nothing did."""
    from rag.cost import measure, summed
    from rag.energy import open_meter
    from rag.filters import EVERYTHING

    started = time.perf_counter()
    answerer = open_answerer(settings, EVERYTHING, read=read, write=write)
    generator = answerer.load_generator() if answerer.load_generator is not None else None
    start = time.perf_counter() - started
    heard = _overhear(answerer)
    meter, covers = open_meter()
    rows: Iterator[Asked] = measure(chosen, answerer.ask, heard, meter)
    found = list(watched(rows, len(chosen)))
    # Tokens are counted when nothing is timed any more.
    return summed(found, start, generator.count if generator is not None else len), covers


def _overhear(answerer: Answerer) -> Any:
    """A function that tells what the language model was given, and wrote, for the last answer."""
    record = answerer.witness
    courses: list[Course] = []

    def witness(answer: Answer, course: Course, only: Filter) -> Answer:
        courses[:] = [course]
        return record(answer, course, only)

    answerer.witness = witness
    return lambda: ([message["content"] for message in courses[0].prompt], courses[0].checks)


def _refuse_unknown_tokens(measured: Measured, prices: Prices) -> None:
    for cloud in prices.clouds:
        if cloud.by_token and not measured.prompts and None in (cloud.tokens_in, cloud.tokens_out):
            raise UsageError(
                f"{cloud.name!r} asks its price for tokens, and none were counted here, since the language model was "
                "asked nothing; give this [[cloud]] tokens_in and tokens_out, as its bill says."
            )


# --- in words ---------------------------------------------------------------------------------------------------------


def _show_measured(measured: Measured, meter: str, there: int, busy: float) -> None:
    modes = ", ".join(f"{count} {mode}" for mode, count in measured.modes.items() if count)
    drawn = f" of {there:,}, drawn by chance," if there > measured.n else ""
    show(bold(f"{counted(measured.n, 'question')}{drawn} asked one after the other: {modes}."))
    show()
    seconds = measured.seconds
    show_table(
        ["an answer", "mean", "95 % interval", "median", "95 % within"],
        [
            [
                "seconds",
                f"{seconds.value:.2f}",
                f"{seconds.low:.2f}–{seconds.high:.2f}",
                f"{measured.median:.2f}",
                f"{measured.p95:.2f}",
            ]
        ],
    )
    show()
    if measured.prompts:
        _line(
            f"The language model was asked {counted(measured.prompts, 'time')}; it read {measured.tokens_in:,.0f} "
            f"tokens and wrote {measured.tokens_out:,.0f} on average. Start-up once: {measured.start:.1f} s."
        )
    else:
        _line(f"The language model was not asked. Start-up once: {measured.start:.1f} s.")
    if measured.joules is not None:
        _line(f"Energy: {measured.joules:,.1f} joules an answer ({meter}).")
    else:
        _line(f"Energy: not measured, {meter}.")
    if measured.n < FEW:
        show(mark(f"{counted(measured.n, 'question')} are few: give {FEW} or more before you rely on a mean."))
    cores = os.cpu_count() or 1
    if busy > cores / 2:
        show(mark(f"Other work was going on (load {busy:.1f} on {cores} cores): on a quiet machine it takes less."))


def _show_month(questions: int, here: Own, there: Sequence[Elsewhere], prices: Prices) -> None:
    show()
    show(bold(f"A month of {counted(questions, 'question')}, in {one_line(prices.currency)}"))
    show()
    rows = [[f"here, on {counted(here.machines, 'machine')}", _money(here.question), f"{here.total:,.0f}", ""]]
    for one in there:
        rows.append([one.cloud.name, _money(one.question), f"{one.total:,.0f}", _from(one)])
    show_table(["", "a question", "a month", "here is cheaper from, a month"], rows)
    show()
    load = prices.load
    _line(
        f"One machine takes {here.capacity:,.0f} questions a month, coming in {load.hours_a_month:g} hours of it, the "
        f"busiest hour {load.peak_factor:g} times the mean and {load.utilisation:.0%} of it used; then all machines "
        f"together are busy for {here.busy:.1%} of the time."
    )
    power = "not counted" if here.kilowatt_hours is None else f"{here.power:,.0f} ({here.kilowatt_hours:,.0f} kWh)"
    _line(f"A month here: hardware {here.hardware:,.0f}, upkeep {here.upkeep:,.0f}, power {power}.")


def _basis(measured: Measured, meter: str, prices: Prices) -> list[str]:
    """What the figures rest on."""
    machine = prices.machine
    if machine.watts is not None:
        power = f"{machine.watts:g} W while it answers and {machine.idle_watts:g} W while it waits, as you gave them"
    elif measured.joules is not None:
        power = f"measured while it answers ({meter}), {machine.idle_watts:g} W while it waits as you gave it"
    else:
        power = "not counted, since nothing measured it here and [machine] has no watts"
    lines = [
        f"Measured: seconds{', tokens' if measured.prompts else ''} of {counted(measured.n, 'question')}. Given: all "
        f"prices, years, upkeep, hours, peak, utilisation. Power: {power}."
    ]
    if any(cloud.by_token and cloud.tokens_in is None for cloud in prices.clouds):
        lines.append(
            "Services by the token are charged for the tokens that the language model here read and wrote, with the "
            "words of its own vocabulary; a service that is given whole pages reads more."
        )
    return lines


def _from(one: Elsewhere) -> str:
    if one.cheaper_from is None:
        return "never"
    if one.always_from is not None and one.always_from > one.cheaper_from:
        return f"{one.cheaper_from:,}, always from {one.always_from:,}"
    return f"{one.cheaper_from:,}"


def _money(amount: float) -> str:
    """Four digits that count, of an amount far below one."""
    return f"{amount:.4f}" if amount >= 0.001 else f"{amount:.2g}"


def _line(text: str) -> None:
    show(textwrap.fill(one_line(text), WIDTH))
