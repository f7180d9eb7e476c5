"""JSON texts to values: what the fast decoder cannot do is left to the exact one."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.logs.records import value_of

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, st.booleans())
def test_values_are_those_of_json(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert repr(value_of(text)) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 18446744073709551616}',
        '{"n": -9223372036854775809}',
        '{"n": 1e400}',
        '{"n": "\\ud800"}',
        '{"n": "\ud800"}',
    ],
)
def test_what_the_fast_decoder_would_round_or_refuse(text: str) -> None:
    assert value_of(text) == json.loads(text)


def test_not_a_number_is_read() -> None:
    value = value_of('{"n": NaN}')
    assert isinstance(value, dict)
    assert math.isnan(value["n"])


@pytest.mark.parametrize("text", ["", "{", "{'n': 1}", "\ufeff{}", '{"n": 1} x'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        value_of(text)
