"""What is new in a batch, and which rates have changed, against an earlier one."""

import json

from ingest.logs.changes import Baseline, Changes, baseline_from, baseline_of, changes
from ingest.logs.facts import LogFacts
from ingest.logs.joined import BatchFacts, Joined

from .conftest import Analyse, cloudtrail, json_lines


def _batch(*logs: LogFacts, before: BatchFacts | None = None) -> BatchFacts:
    joined = Joined(before.shapes if before is not None else ())
    for number, facts in enumerate(logs):
        joined.add(number, facts)
    return joined.result()


def _week(facts_of: Analyse, reads: int, *more: dict[str, object], before: BatchFacts | None = None) -> BatchFacts:
    records = [cloudtrail("GetObject", minute) for minute in range(reads)]
    return _batch(facts_of(json_lines(*records, cloudtrail("HeadBucket", 600), *more)), before=before)


def _told(changed: Changes) -> set[tuple[str, str, int]]:
    return {(new.field, new.value, new.count) for new in changed.new}


def test_the_same_again_changes_nothing(facts_of: Analyse) -> None:
    week = _week(facts_of, 50)
    changed = changes(_week(facts_of, 50, before=week), baseline_of(week))
    assert (changed.new, changed.rates, changed.compared_rates) == ((), (), True)


def test_new_values_and_templates_are_told(facts_of: Analyse) -> None:
    eve = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve"}
    before = _week(facts_of, 50)
    event = cloudtrail("DeleteTrail", 5, userIdentity=eve, sourceIPAddress="203.0.113.9")
    now = _week(facts_of, 50, event, before=before)
    assert _told(changes(now, baseline_of(before))) == {
        ("actors", "eve", 1),
        ("actions", "DeleteTrail", 1),
        ("sources", "203.0.113.9", 1),
        ("templates", "s3.amazonaws.com DeleteTrail", 1),
    }


def test_a_rate_that_rose_and_one_that_fell_are_told(facts_of: Analyse) -> None:
    few, many = _week(facts_of, 5), _week(facts_of, 200)
    (rose,) = (rate for rate in changes(many, baseline_of(few)).rates if rate.field == "actions")
    assert (rose.value, rose.before, rose.now, rose.deviations > 0) == ("GetObject", 5, 200, True)
    (fell,) = (rate for rate in changes(few, baseline_of(many)).rates if rate.field == "actions")
    assert (fell.now, fell.deviations < 0) == (5, True)


def test_what_stays_away_altogether_is_told(facts_of: Analyse) -> None:
    rates = changes(_week(facts_of, 0), baseline_of(_week(facts_of, 200))).rates
    assert {(rate.field, rate.value, rate.now) for rate in rates} >= {("actions", "GetObject", 0)}


def test_small_numbers_are_no_change(facts_of: Analyse) -> None:
    assert changes(_week(facts_of, 12), baseline_of(_week(facts_of, 3))).rates == ()


def test_without_times_no_rate_is_compared(facts_of: Analyse) -> None:
    plain = _batch(facts_of("door opened\n" * 50))
    changed = changes(plain, baseline_of(_week(facts_of, 50)))
    assert (changed.rates, changed.compared_rates) == ((), False)


def test_a_baseline_that_was_kept_is_the_same(facts_of: Analyse) -> None:
    before = _week(facts_of, 30)
    baseline = baseline_of(before)
    again = baseline_from(json.loads(json.dumps(baseline.to_json())))
    assert isinstance(again, Baseline)
    assert again.to_json() == baseline.to_json()
    assert changes(_week(facts_of, 30, before=before), again).new == ()


def test_what_an_earlier_batch_knew_stays_known_in_the_next(facts_of: Analyse) -> None:
    first = _week(facts_of, 3, cloudtrail("DeleteTrail", 5))
    joined = Joined(baseline_of(first).shapes)
    joined.add(0, facts_of(json_lines(cloudtrail("GetObject"))))
    second = baseline_of(joined.result())
    third = Joined(second.shapes)
    third.add(0, facts_of(json_lines(cloudtrail("DeleteTrail"))))
    assert [one.known for one in third.result().templates] == [True]
