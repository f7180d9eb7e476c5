"""What no document states is not answered with the figures it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.arithmetic import to_work_out


@pytest.mark.parametrize(
    ("question", "quotes", "measure"),
    [
        ("What is the current ratio for 2021?", ["Total current assets 1,204 1,118"], "ratio"),
        ("What was the average fee over three years?", ["Fees 12 14 19"], "average"),
        ("What is capex as a % of revenue?", ["Capital expenditure (246)"], "as a % of"),
        ("What is the operating margin, in percent?", ["Operating margin 112 98"], "in percent"),
        ("What was the change in units of percents?", ["Revenue 1,204 1,118"], "in units of percents"),
        ("What is the D&A % margin?", ["Depreciation and amortization 204"], "% margin"),
        (
            "What is the quick ratio? It is defined as cash over liabilities.",
            ["The quick ratio was 0.7"],
            "is defined as",
        ),
        ("Calculate the days until payment.", ["Invoices are paid within 30 days."], "Calculate"),
        # stated
        ("What is the current ratio for 2021?", ["The current ratio was 1.4 in 2021."], None),
        ("What is the average response time?", ["Calls are answered within four minutes on average."], None),
        ("How high is staff turnover?", ["Staff turnover was 8 % last year."], None),
        ("What is capex as a % of revenue?", ["Capital expenditure was 7.1 % of revenue."], None),
        ("What is the operating margin, in percent?", ["The operating margin was 9.3 per cent."], None),
        # nothing of the kind
        ("What percentage of staff must be trained?", ["Nine in ten staff must be trained."], None),
        ("What is the difference between Tier A and Tier B?", ["Tier A is assessed every year."], None),
        ("Is minus 20 degrees cold enough for plasma?", ["Plasma is kept at minus 30 degrees."], None),
        ("Who approves exceptions?", ["The Head of Finance approves exceptions."], None),
        ("Compute or extract the dividends paid.", ["Dividends paid (389)"], None),
    ],
)
def test_measures(question: str, quotes: list[str], measure: str | None) -> None:
    assert to_work_out(question, quotes) == measure


@given(st.text(), st.lists(st.text(), max_size=3))
def test_more_quotations_never_make_it_worse(question: str, quotes: list[str]) -> None:
    if to_work_out(question, quotes) is None:
        assert to_work_out(question, [*quotes, question]) is None
