"""Personal data is found where it stands, and what only looks like it is not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.personal.find import KINDS, find
from rag.personal.identifiers import IDENTIFIERS
from rag.personal.mask import Masker, shown
from tests.rag.personal.values import MAKERS, sentence


def kinds(text: str) -> list[tuple[str, str]]:
    return [(found.kind, found.value) for found in find(text)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "name"])  # names: test_names.py
@given(seed=st.integers(0, 2**32))
def test_generated_values_are_found_whole(kind: str, seed: int) -> None:
    chance = random.Random(seed)
    value = chance.choice(MAKERS[kind])(chance)
    text = sentence(kind, value, chance)
    # A number may be no telephone number of its country after all: chance knows nothing of numbering plans.
    if kind != "phone" or find(text):
        assert kinds(text) == [(kind, value)]


@given(st.text(max_size=200))
def test_places_are_exact_and_do_not_overlap(text: str) -> None:
    last = 0
    for found in find(text):
        assert text[found.start : found.end] == found.value
        assert last <= found.start < found.end
        last = found.end


@pytest.mark.parametrize(
    "text",
    [
        "Section 4.2.1.3 and version 10.0.19.1 of clause 5.4.1.1 apply.",
        "127.0.0.1, 0.0.0.0 and 255.255.255.255 are nobody's.",
        "The build is 6.1.34.0; the file weighs 1,234,567,890 bytes in 2019-2020.",
        "03-17 16:13:39.070  1702  1815 I/Window: stage 28.0 (TID 1310). 2087 bytes",
        "Order 4111 1111 1111 1112 and item 1234567890123456 have no right check digit.",
        "DE89 3704 0044 0532 0130 01 has wrong check digits.",
        "Case 000-12-3456 and 666-12-3456 are no numbers; the meeting was born on an idea of 12 March.",
        "Signed 12 March 1980, in force from 1980-03-12.",
        "std::vector and 12:30:45 are no addresses; C:: neither.",
        "user@localhost, @handle and P@ssw0rd1 are no e-mail addresses.",
        "Ref. 123 456 7881 stands without a word that says whose it is.",
        "",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NHS number 943 476 5919", ("national-id", "943 476 5919")),
        ("NHS number 123 456 7881", ("national-id", "123 456 7881")),
        ("Codice fiscale: RCCMNL83S18D969H", ("national-id", "RCCMNL83S18D969H")),
        ("PESEL 44051401359", ("national-id", "44051401359")),
        ("AHV 756.9217.0769.85", ("national-id", "756.9217.0769.85")),
        ("NIE X2482300W", ("national-id", "X2482300W")),
        ("GB29 NWBK 6016 1331 9268 19 BARCLAYS", ("iban", "GB29 NWBK 6016 1331 9268 19")),
        ("write to <Jane.Doe@Example.org>.", ("email", "Jane.Doe@Example.org")),
        ("Telefax 2025661234", ("phone", "2025661234")),
        ("Ask her (+33 1 42 68 53 00) today", ("phone", "+33 1 42 68 53 00")),
        ("log-in from 4.2.1.3", ("ip", "4.2.1.3")),
        ("3782 822463 10005", ("card", "3782 822463 10005")),
    ],
)
def test_known_values(text: str, expected: tuple[str, str]) -> None:
    assert kinds(text) == [expected]


def test_a_country_that_is_named_is_looked_for() -> None:
    text = "Berlin: 030 901820"
    assert find(text) == []
    assert [found.value for found in find(text, ("DE",))] == ["030 901820"]


def test_every_national_number_has_its_check() -> None:
    for row in IDENTIFIERS:
        assert find(f"{row.name} nothing") == []


def test_the_same_value_has_the_same_mark_however_it_is_written() -> None:
    masker = Masker()
    text = "ada@example.org, +44 20 7946 0958; later ADA@example.org, bob@example.org and +44 (20) 79460958."
    assert masker.text(text) == "[EMAIL-1], [PHONE-1]; later [EMAIL-1], [EMAIL-2] and [PHONE-1]."
    assert masker.text("bob@example.org") == "[EMAIL-2]"
    assert masker.masked == 3


def test_json_is_masked_to_its_last_string_and_its_keys() -> None:
    value = {"path": "ada@example.org.txt", "counts": {"ada@example.org": 3}, "list": [["by ada@example.org"], 1, None]}
    assert Masker().json(value, ("path",)) == {
        "path": "ada@example.org.txt",
        "counts": {"[EMAIL-1]": 3},
        "list": [["by [EMAIL-1]"], 1, None],
    }


@given(st.text(max_size=100))
def test_masking_twice_masks_nothing_more(text: str) -> None:
    once = Masker().text(text)
    assert Masker().text(once) == once


@pytest.mark.parametrize(
    ("value", "expected"),
    [("ada@example.org", "a••@•••••••.•rg"), ("4111 1111", "4••• ••11"), ("1.2.3", "1.•.•"), ("", "")],
)
def test_a_shown_value_is_not_readable(value: str, expected: str) -> None:
    assert shown(value) == expected
