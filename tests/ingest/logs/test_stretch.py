"""Events by columns are the events that were taken."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.logs.clock import NO_TIME, microseconds, moment_at
from ingest.logs.events import Event
from ingest.logs.stretch import NO_MARK, Recorder

_TIME = st.none() | st.builds(
    lambda hours, rest: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hours, microseconds=rest),
    st.integers(-30, 30),
    st.integers(0, 10**9),
)
_WHO = st.sampled_from([None, "ann", "bob"])


@given(st.lists(st.tuples(_TIME, _WHO, st.booleans())))
def test_rows_are_the_events(seen: list[tuple[datetime | None, str | None, bool]]) -> None:
    recorder = Recorder()
    recorder.add(
        [
            Event((first, first), moment, actor, "read", None, None, None, None, "x", whole, detail="{}")
            for first, (moment, actor, whole) in enumerate(seen, start=1)
        ]
    )
    stretch = recorder.take().after(100)
    rows = zip(stretch.rows(), stretch.marks.tolist(), enumerate(seen, start=101), strict=True)
    for (deed, when, line), mark, (number, (time, who, whole)) in rows:
        assert (line, deed.actor) == (number, who)
        assert (None if when == NO_TIME else moment_at(when)) == time
        assert (mark == NO_MARK) is not whole
    assert len(set(stretch.deeds)) == len(stretch.deeds)
    assert stretch.by_hour().total() == sum(time is not None for time, _, _ in seen)
    assert not len(recorder.take().which)


def test_equal_records_have_equal_marks() -> None:
    recorder = Recorder()
    texts = ("{}", "{ }", "{}")
    recorder.add([Event((1, 1), None, None, "read", None, None, None, None, "x", True, detail=text) for text in texts])
    one, other, again = recorder.take().marks.tolist()
    assert one == again != other


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
def test_microseconds_and_back(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    assert moment_at(microseconds(moment)) == moment
