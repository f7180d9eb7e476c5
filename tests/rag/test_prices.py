"""The prices file: its example is one, and what is wrong with another is said."""

from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.prices import EXAMPLE, Load, parse, read_prices

LEAST = """currency = "EUR"
[machine]
price = 1000
years = 4
power_price = 0.3
idle_watts = 10
[[cloud]]
name = "far"
per_question = 0.01
"""


def test_the_example_is_a_prices_file_that_says_it_is_invented() -> None:
    prices = parse(EXAMPLE, "example")
    assert [cloud.by_token for cloud in prices.clouds] == [False, False, True]
    assert prices.load == Load()
    assert "INVENTED" in EXAMPLE


def test_what_may_be_left_out() -> None:
    prices = parse(LEAST, "prices.toml")
    assert (prices.machine.watts, prices.machine.upkeep, prices.load) == (None, 0.0, Load())


def test_a_service_by_the_token_is_charged_for_what_was_counted_or_billed() -> None:
    by_token = LEAST.replace("per_question = 0.01", "per_million_in = 2\nper_million_out = 10")
    (cloud,) = parse(by_token, "p").clouds
    assert cloud.question(1000, 100) == pytest.approx(0.003)
    (billed,) = parse(by_token + "tokens_in = 5000\ntokens_out = 0\n", "p").clouds
    assert billed.question(1000, 100) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('currency = "EUR"', "", "names no currency"),
        ("years = 4", "years = 0", "for how many years"),
        ("price = 1000", 'price = "cheap"', "price in [machine] of prices.toml is 'cheap'; it has to be a number"),
        ("price = 1000", "price = -1", "0 or more"),
        ("price = 1000", "price = nan", "0 or more"),
        ("years = 4", "yaers = 4", "unknown entry 'yaers'"),
        ("idle_watts = 10", "idle_watts = 10\nwatts = 5", "less than idle_watts"),
        ("[[cloud]]", "[load]\nutilisation = 1.5\n[[cloud]]", "it is a share"),
        ("[[cloud]]", "[load]\npeak_factor = 0.5\n[[cloud]]", "peak_factor"),
        ("[[cloud]]", "[load]\nhours_a_month = 800\n[[cloud]]", "744 hours"),
        ("per_question = 0.01", "", "has no price"),
        ('name = "far"', "", "has no name"),
        ("[machine]", "[maschine]", "unknown entry 'maschine'"),
        ("idle_watts = 10\n", "", "has no idle_watts"),
        ("[machine]", "[machine", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(LEAST.replace(old, new), "prices.toml")
    assert words in str(error.value)


def test_two_services_of_one_name_and_no_service() -> None:
    head, _, cloud = LEAST.partition("[[cloud]]")
    with pytest.raises(UsageError, match="two"):
        parse(f"{LEAST}[[cloud]]{cloud}", "p")
    with pytest.raises(UsageError, match="no \\[\\[cloud\\]\\]"):
        parse(head, "p")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--example-prices"):
        read_prices(tmp_path / "none.toml")
