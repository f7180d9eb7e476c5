"""What a user says about money: this machine, power, and what cloud services ask. Read from TOML, checked whole.

`EXAMPLE` is such a file with every entry explained. Nothing is known here about what anything costs in truth.
"""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import UsageError

EXAMPLE = """\
# Prices for `rag cost --prices FILE`. All figures here are INVENTED, to show the form: put your own in their place.
# Nothing is looked up anywhere; what is not in this file is not counted.

currency = "USD"

[machine]              # one machine of the kind that was measured
price = 2000           # to buy it
years = 4              # that it is used
upkeep = 20            # a month: space, care, insurance; may be left out (0)
power_price = 0.30     # a kilowatt-hour
idle_watts = 10        # while it waits, day and night
watts = 45             # while it answers, by a meter at the plug. Leave it out and the kernel's counters are taken,
                       # where there are some; they may count the processor alone

[load]                 # how questions come; may be left out
hours_a_month = 730    # hours of a month in which questions come: 730 are all of them, 170 those of an office (730)
peak_factor = 3        # questions in the busiest hour, over those in the mean of these hours (3)
utilisation = 0.7      # share of the busiest hour that a machine may be busy; towards 1, waiting has no end (0.7)

# A service with a price for a question …
[[cloud]]
name = "assistant, low price"
per_question = 0.01

[[cloud]]
name = "assistant, high price"
per_question = 0.03

# … or for tokens. They are counted here, by the language model of this machine: what it was given and what it wrote.
# A service that reads more for a question (most do) costs more; if its bill tells how many tokens, say so here.
[[cloud]]
name = "model by the token"
per_million_in = 0.50
per_million_out = 1.50
# tokens_in = 3000     # a question, as billed
# tokens_out = 200
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. Money in the file's currency."""

    price: float
    years: float
    power_price: float  # a kilowatt-hour
    idle_watts: float
    watts: float | None = None  # while it answers; None: as the kernel counts
    upkeep: float = 0.0  # a month


@dataclass(frozen=True, slots=True)
class Load:
    """How questions come."""

    hours_a_month: float = 730.0
    peak_factor: float = 3.0  # the busiest hour over the mean one
    utilisation: float = 0.7  # 0..1, of the busiest hour


@dataclass(frozen=True, slots=True)
class Cloud:
    """A service, by the question or by the token."""

    name: str
    per_question: float = 0.0
    per_million_in: float = 0.0  # tokens
    per_million_out: float = 0.0
    tokens_in: float | None = None  # a question; None: as counted here
    tokens_out: float | None = None

    @property
    def by_token(self) -> bool:
        """Whether tokens decide what a question costs."""
        return bool(self.per_million_in or self.per_million_out)

    def question(self, tokens_in: float, tokens_out: float) -> float:
        """What a question costs where so many tokens were counted."""
        read = tokens_in if self.tokens_in is None else self.tokens_in
        written = tokens_out if self.tokens_out is None else self.tokens_out
        return self.per_question + (self.per_million_in * read + self.per_million_out * written) / 1e6


@dataclass(frozen=True, slots=True)
class Prices:
    """Everything a prices file says."""

    currency: str
    machine: Machine
    load: Load
    clouds: tuple[Cloud, ...]


def read_prices(path: Path) -> Prices:
    """The prices of a file. Raises UsageError with what is wrong and what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The prices {path} cannot be read ({reason}); `rag cost --example-prices` prints such a file."
        ) from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Prices:
    """The prices in a text. Raises UsageError; `name` says whose text it is."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The prices {name} are not valid TOML ({error}).") from error
    _known(values, ("currency", "machine", "load", "cloud"), name)
    currency = values.get("currency")
    if not isinstance(currency, str) or not currency.strip():
        raise UsageError(f'{name} names no currency; write currency = "USD", or another, above [machine].')
    machine = _machine(_table(values, "machine", name), f"[machine] of {name}")
    load = _load(_table(values, "load", name) if "load" in values else {}, f"[load] of {name}")
    clouds = values.get("cloud")
    if not isinstance(clouds, list) or not clouds:
        raise UsageError(f"{name} has no [[cloud]] to compare with; give one a name and what it asks for a question.")
    found = tuple(_cloud(entry, number, name) for number, entry in enumerate(clouds, start=1))
    names = [cloud.name for cloud in found]
    if double := next((one for one in names if names.count(one) > 1), None):
        raise UsageError(f"{name} has two [[cloud]] entries named {double!r}; give each its own name.")
    return Prices(currency.strip(), machine, load, found)


def _machine(entry: dict[str, Any], where: str) -> Machine:
    _known(entry, ("price", "years", "upkeep", "power_price", "idle_watts", "watts"), where)
    machine = Machine(
        price=_amount(entry, "price", where),
        years=_amount(entry, "years", where),
        power_price=_amount(entry, "power_price", where),
        idle_watts=_amount(entry, "idle_watts", where),
        watts=_amount(entry, "watts", where) if "watts" in entry else None,
        upkeep=_amount(entry, "upkeep", where, 0.0),
    )
    if not machine.years:
        raise UsageError(f"years in {where} is 0; say for how many years the machine is used.")
    if machine.watts is not None and machine.watts < machine.idle_watts:
        raise UsageError(f"watts in {where} is less than idle_watts; a machine that answers needs no less power.")
    return machine


def _load(entry: dict[str, Any], where: str) -> Load:
    _known(entry, ("hours_a_month", "peak_factor", "utilisation"), where)
    usual = Load()
    load = Load(
        hours_a_month=_amount(entry, "hours_a_month", where, usual.hours_a_month),
        peak_factor=_amount(entry, "peak_factor", where, usual.peak_factor),
        utilisation=_amount(entry, "utilisation", where, usual.utilisation),
    )
    if not 0 < load.hours_a_month <= 744:
        raise UsageError(f"hours_a_month in {where} is {load.hours_a_month:g}; a month has 744 hours at most.")
    if load.peak_factor < 1:
        raise UsageError(f"peak_factor in {where} is {load.peak_factor:g}; the busiest hour has the mean's or more: 1.")
    if not 0 < load.utilisation <= 1:
        raise UsageError(f"utilisation in {where} is {load.utilisation:g}; it is a share, above 0 and up to 1.")
    return load


def _cloud(entry: Any, number: int, name: str) -> Cloud:
    where = f"[[cloud]] number {number} of {name}"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"].strip():
        raise UsageError(f'{where} has no name; write name = "…".')
    _known(entry, ("name", "per_question", "per_million_in", "per_million_out", "tokens_in", "tokens_out"), where)
    cloud = Cloud(
        name=entry["name"].strip(),
        per_question=_amount(entry, "per_question", where, 0.0),
        per_million_in=_amount(entry, "per_million_in", where, 0.0),
        per_million_out=_amount(entry, "per_million_out", where, 0.0),
        tokens_in=_amount(entry, "tokens_in", where) if "tokens_in" in entry else None,
        tokens_out=_amount(entry, "tokens_out", where) if "tokens_out" in entry else None,
    )
    if not (cloud.per_question or cloud.by_token):
        raise UsageError(f"{where} has no price; give per_question, or per_million_in and per_million_out (tokens).")
    return cloud


def _table(values: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    found = values.get(key)
    if not isinstance(found, dict):
        raise UsageError(f"{name} has no [{key}]; `rag cost --example-prices` shows what belongs there.")
    return found


def _known(entry: dict[str, Any], names: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(entry) - set(names)):
        raise UsageError(f"{where} has an unknown entry {unknown[0]!r}; known are {', '.join(names)}.")


def _amount(entry: dict[str, Any], key: str, where: str, usual: float | None = None) -> float:
    """A number, 0 or more. `usual` None: it has to be there."""
    value = entry.get(key, usual)
    if value is None:
        raise UsageError(f"{where} has no {key}; `rag cost --example-prices` explains it.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UsageError(f"{key} in {where} is {value!r}; it has to be a number, 0 or more.")
    return float(value)
