"""What a small model gets wrong is caught: figures, units, dates, names, duties, denials. What is true passes."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rag.check import check, numbers

REPORTING = (
    "3.1 Whoever notices or suspects an incident must tell the Service Desk at once, and in any case within "
    "30 minutes, by telephone on extension 4400. E-mail must not be used, because an attacker may be reading it."
)
RETENTION = "Backup tapes shall be kept for seven (7) years and destroyed by 31 March 2027 under clause 5.2.1."
ROLES = "The Data Protection Officer should review each transfer to Helvion Labs within 2 working days (AU-6)."
PERMISSION = "Managers may grant remote access for up to 90 days. Contractors are never given administrator rights."
MONEY = "Expenses above 1,250.00 euro require approval by the Finance Director; receipts are kept for 10 years."
LIMITS = (
    "Passwords have at least 12 characters. Sessions end after 15 minutes. Fines are up to 5 million euro ($6,000)."
)
WORKING = "Keys are returned to the safe within one hour; losses are reported to the owner within five working days."
PLAIN = "Laptops of all staff are encrypted. The log server keeps records for twelve months."


@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        ("An incident must be told to the Service Desk within 30 minutes.", REPORTING),
        ("It must be reported to the Service Desk at once, by telephone on extension 4400.", REPORTING),
        ("E-mail must not be used for incidents.", REPORTING),
        ("Backup tapes shall be kept for 7 years.", RETENTION),
        ("Backup tapes must be kept for seven years.", RETENTION),
        ("Tapes are destroyed by 31 March 2027.", RETENTION),
        ("The Data Protection Officer should review each transfer within 2 working days.", ROLES),
        ("Transfers to Helvion Labs should be reviewed within two working days.", ROLES),
        ("Managers may grant remote access for up to 90 days.", PERMISSION),
        ("Contractors are never given administrator rights.", PERMISSION),
        ("Expenses above 1250 euro require approval by the Finance Director.", MONEY),
        ("The log server keeps records for 12 months.", PLAIN),
        ("Keys are returned to the safe within 1 hour.", WORKING),
        ("All losses are reported to the owner within 5 working days.", WORKING),
        ("Passwords have at least twelve characters.", LIMITS),
        ("Fines are at most 5 million euro in all.", LIMITS),
        ("Sessions are ended after 15 minutes.", LIMITS),
        # policies state duties in the plain present
        ("Laptops of all staff must be encrypted.", PLAIN),
        # the answer to a question comes first, what is said after it
        ("No, laptops of all staff are encrypted.", PLAIN),
        # whose it is
        ("The Data Protection Officer's review of each transfer takes 2 working days.", ROLES),
        # a table's head says what its figures count
        (
            "The sale of tapes brought $1,204 million in the year.",
            "(in millions) Year 2022 Sale of tapes $ 1,204 in all",
        ),
        ("The sale of tapes brought $305 million in the year.", "(in millions) Year 2022 Sale of tapes 305 $ 7 in all"),
        # another clause denies, another one allows
        ("Visitors must wear a badge at all times.", "Visitors must wear a badge at all times. Dogs are not allowed."),
        ("Visitors must wear a badge at all times.", "Visitors must wear a badge at all times. Staff may bring a dog."),
    ],
)
def test_true_sentences_pass(sentence: str, quote: str) -> None:
    verdict = check(sentence, [quote])
    assert verdict.failures == ()
    assert verdict.citations == (0,)


@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        # figures
        ("An incident must be told to the Service Desk within 3 minutes.", REPORTING),
        ("An incident must be told to the Service Desk within 300 minutes.", REPORTING),
        ("An incident must be told to the Service Desk within three minutes.", REPORTING),
        ("Call the Service Desk on extension 4401 at once.", REPORTING),
        ("Backup tapes shall be kept for eight years.", RETENTION),
        ("Expenses above 1,350.00 euro require approval by the Finance Director.", MONEY),
        ("Expenses above 125 euro require approval by the Finance Director.", MONEY),
        # units
        ("An incident must be told to the Service Desk within 30 hours.", REPORTING),
        ("Backup tapes shall be kept for seven months.", RETENTION),
        ("The Data Protection Officer should review each transfer within 2 weeks.", ROLES),
        ("Expenses above 1,250.00 dollars require approval by the Finance Director.", MONEY),
        ("Keys are returned to the safe within one day.", WORKING),
        ("Keys are returned to the safe within two hours.", WORKING),
        ("Losses are reported to the owner within five days.", WORKING),
        ("Losses are reported to the owner within five weeks.", WORKING),
        ("Fines are up to 5 thousand euro in each case.", LIMITS),
        ("Fines are up to 5 euro in every single case.", LIMITS),
        ("Fines are up to €6,000 in every single case.", LIMITS),
        # limits
        ("Passwords have at most 12 characters of any kind.", LIMITS),
        ("Passwords have up to 12 characters in all.", LIMITS),
        ("All sessions end within 15 minutes or so.", LIMITS),
        ("Losses are reported to the owner after five working days.", WORKING),
        # dates and clauses
        ("Tapes are destroyed by 31 March 2028.", RETENTION),
        ("Tapes are destroyed by 30 March 2027.", RETENTION),
        ("Tapes are destroyed by 31 May 2027.", RETENTION),
        ("Tapes are destroyed under clause 5.2.", RETENTION),
        ("Tapes are destroyed under clause 5.2.2.", RETENTION),
        # names and codes
        ("The Data Protection should review each transfer within 2 working days.", ROLES),
        ("The Data Protection Officer should review each transfer to Novartis within 2 working days.", ROLES),
        ("The Security Officer should review each transfer to Helvion Labs.", ROLES),
        ("The Data Protection Officer should review each transfer (AU-7).", ROLES),
        ("Expenses above 1,250.00 euro require approval by the CEO.", MONEY),
        # duties
        ("The Data Protection Officer must review each transfer within 2 working days.", ROLES),
        ("The Data Protection Officer may review each transfer within 2 working days.", ROLES),
        ("Managers must grant remote access for up to 90 days.", PERMISSION),
        ("An incident should be told to the Service Desk within 30 minutes.", REPORTING),
        ("Laptops of all staff should be encrypted.", PLAIN),
        ("Laptops of all staff may be encrypted.", PLAIN),
        ("Laptops of all staff must be encrypted.", "In the audit of March, laptops of all staff were encrypted."),
        # denials
        ("Laptops of all staff are not encrypted.", PLAIN),
        ("The log server never keeps records for twelve months.", PLAIN),
        ("Backup tapes shall not be kept for seven years.", RETENTION),
        ("E-mail must be used, because an attacker may be reading it.", REPORTING),
        ("Contractors are given administrator rights.", PERMISSION),
        ("Visitors must wear a badge at all times.", "Visitors must wear a badge at all times except in the garden."),
        (
            "Visitors must wear a badge at all times.",
            "Visitors must not wear a badge at all times. Dogs are not allowed.",
        ),
        (
            "Visitors must not wear a badge at all times.",
            "Visitors must wear a badge at all times. Dogs are not allowed.",
        ),
        ("Visitors may wear a badge at all times.", "Visitors must wear a badge at all times. Staff may bring a dog."),
        # more than is said
        ("The manager may grant remote access.", "Managers grant remote access to staff."),
        ("Only managers grant remote access to staff.", "Managers grant remote access to staff."),
        ("Managers always grant remote access to staff.", "Managers grant remote access to staff."),
        # how often
        ("Visitors show a badge at the gate every week.", "Visitors show a badge at the gate every month."),
        ("Visitors show a badge at the gate weekly.", "Visitors show a badge at the gate every month."),
        # made up
        ("Laptops of all staff are encrypted with a strong password that the manager chooses every month.", PLAIN),
        ("The weather is fine today.", PLAIN),
        ("", PLAIN),
        ("...", PLAIN),
        ("Laptops are encrypted", PLAIN),  # a fragment
    ],
)
def test_altered_sentences_are_caught(sentence: str, quote: str) -> None:
    verdict = check(sentence, [quote])
    assert verdict.failures
    assert not verdict.passed


LOST = "Lost devices are taken back by the Service Desk at any hour. Remote workers keep the device in sight."
RECEIPT = "The receipt of a report is confirmed within five working days. The officer decides within ten working days."
POLICIES = ("Remote Access Policy › 9 Responsibilities", "Whistleblowing Policy › 4 What happens next")


@pytest.mark.parametrize(
    ("sentence", "headings"),
    [
        ("A lost device must be reported to the Service Desk within five working days.", POLICIES),
        ("Lost devices are taken back by the Service Desk within five working days.", (POLICIES[0],) * 2),
        ("Lost devices are taken back by the Service Desk within ten working days.", ()),
    ],
)
def test_a_figure_of_one_thing_is_not_said_of_another(sentence: str, headings: tuple[str, ...]) -> None:
    assert not check(sentence, [LOST, RECEIPT], "How soon must a lost device be reported?", headings).passed


def test_a_figure_in_a_table_has_its_label_beside_it_or_above() -> None:
    row = "Hotel night with breakfast\n115 pounds\nLunch, away over 5 hours 9 pounds"
    assert check("A hotel night with breakfast costs at most 115 pounds.", [row], "What may a hotel cost?").passed
    heading = "Travel Policy › 4 Upper limits for a hotel night"
    assert check("A hotel night has an upper limit of 115 pounds.", ["In the country 115 pounds"], "", [heading]).passed


def test_what_the_question_asks_about_has_to_be_in_the_quotation() -> None:
    quote = "Paper records are kept at the site for two years at most and then moved to the archive."
    sentence = "The video recordings are kept for two years at most and then moved to the archive."
    assert not check(sentence, [quote], "How long are video recordings kept?").passed
    assert check(sentence, [quote], "How long are video recordings kept?", ["Site Standard › 6.1 Video"]).passed
    assert check(
        "Paper records must be kept at the site for two years at most.", [quote], "How long must they be kept?"
    ).passed


def test_one_sentence_is_not_made_of_two_documents() -> None:
    quotes = ["Visitors wear an orange badge.", "Contractors carry a permit signed by Facilities."]
    sentence = "Visitors wear an orange badge and carry a permit signed by Facilities."
    assert check(sentence, quotes, "", ["Site Standard › 5 Visitors"] * 2).citations == (0, 1)
    assert not check(sentence, quotes, "", ["Site Standard › 5 Visitors", "Works Manual › 2 Permits"]).passed


@pytest.mark.xfail(strict=True, reason="a known gap: words are compared, not who does what to whom")
@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        ("Backups of the server are encrypted.", "Backups of the server are kept on site. They are not encrypted."),
        ("Reports are kept 10 years and invoices 7 years.", "Reports are kept 7 years and invoices 10 years."),
        ("The Board must inform the Owner of each breach.", "The Owner must inform the Board of each breach."),
        ("The manager refuses each request for access.", "The manager approves each request for access."),
        ("Laptops of all staff must be encrypted.", "Laptops of staff who travel must be encrypted."),
    ],
)
def test_what_is_not_caught_yet(sentence: str, quote: str) -> None:
    assert not check(sentence, [quote]).passed


def test_no_quotation_no_sentence() -> None:
    assert not check("Anything at all.", []).passed


def test_the_quotation_that_says_it_is_cited() -> None:
    quotes = [PLAIN, RETENTION, REPORTING]
    assert check("Backup tapes shall be kept for seven years.", quotes).citations == (1,)
    assert check("Laptops of all staff are encrypted.", quotes).citations == (0,)


def test_a_sentence_of_two_quotations_cites_both() -> None:
    sentence = "Laptops of all staff are encrypted, and backup tapes shall be kept for seven years."
    assert check(sentence, [RETENTION, PLAIN]).citations == (0, 1)


def test_a_figure_from_a_quotation_that_is_not_cited_does_not_count() -> None:
    """ "30 minutes" stands in the second quotation, about something else."""
    assert not check("Backup tapes shall be kept for 30 minutes.", [RETENTION, REPORTING]).passed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("within 72 hours", {(72.0, "hour")}),
        ("seventy-two (72) hours", {(72.0, "hour")}),
        ("twenty-four-hour cover", {(24.0, "hour")}),
        ("1,250.50 €", {(1250.5, "euro")}),
        ("5 % and 5 percent", {(5.0, "percent")}),
        ("ten working days", {(10.0, "working day")}),
        ("10 business days", {(10.0, "working day")}),
        ("10 calendar days", {(10.0, "day")}),
        ("within one (1) hour", {(1.0, "hour")}),
        ("one of one hundred", {(100.0, "")}),
        ("2.5 million euro", {(2.5e6, "euro")}),
        ("€ 5,000 or $10", {(5000.0, "euro"), (10.0, "dollar")}),
        ("twenty-five thousand", {(25_000.0, "")}),
        ("no one knows", set()),
        ("3.2.1", {(3.21, "")}),
    ],
)
def test_figures_with_their_units(text: str, expected: set[tuple[float, str]]) -> None:
    assert numbers(text) == expected


quotes = st.sampled_from([REPORTING, RETENTION, ROLES, PERMISSION, MONEY, PLAIN, LIMITS, WORKING])


@given(quotes, st.integers(0, 99_999), st.data())
def test_a_copied_sentence_with_another_figure_is_always_caught(quote: str, figure: int, data: st.DataObject) -> None:
    places = list(re.finditer(r"\b\d+(?:,\d{3})*(?:\.\d+)*\b", quote))
    assume(places)
    place = data.draw(st.sampled_from(places))
    altered = f"{quote[: place.start()]}{figure}{quote[place.end() :]}"
    values = {value for value, _ in numbers(quote)}
    assume(not values & {value for value, _ in numbers(str(figure))})
    verdict = check(altered, [quote])
    assert any("figure" in failure or "name" in failure for failure in verdict.failures), altered


@given(quotes)
def test_a_copied_sentence_passes(quote: str) -> None:
    assert check(quote, [quote]).failures == ()


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_text_breaks_it(sentence: str, others: list[str]) -> None:
    verdict = check(sentence, others)
    assert all(0 <= index < len(others) for index in verdict.citations)
    assert verdict.passed is (verdict.failures == ())


def test_the_number_of_a_clause_is_no_figure() -> None:
    quote = "10 Figures 10.1 Each quarter the Security Forum receives: share of systems connected (target 98 per cent)."
    assert not check("The share of systems connected is 10.1 per cent.", [quote]).passed
    assert check("The share of systems connected has a target of 98 percent.", [quote]).passed


def test_an_answer_made_of_the_questions_words_needs_the_quotation_too() -> None:
    question, quote = "What is the mileage rate for bicycles?", "10.1 The rating of systems is 98 per cent."
    assert not check("The mileage rate for bicycles is 98 per cent.", [quote], question).passed


def test_a_figure_alone_may_be_what_the_answer_adds() -> None:
    question = "How many hours may a report of an incident take?"
    assert check(
        "A report of an incident may take 72 hours.", ["A report of an incident may take 72 hours."], question
    ).passed
