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
    for line, (time, who, whole) in enumerate(seen, start=1):
        recorder.add(Event((line, line), time, who, "read", None, None, None, None, "x", whole, detail=str(line % 3)))
    stretch = recorder.take().after(100)
    for row, mark, event in zip(stretch.rows(), stretch.marks.tolist(), enumerate(seen, start=101), strict=True):
        deed, time, line = row
        assert (line, (None if time == NO_TIME else moment_at(time), deed.actor)) == (event[0], event[1][:2])
        assert (mark == NO_MARK) is not event[1][2]
    assert len(set(stretch.deeds)) == len(stretch.deeds)
    assert stretch.by_hour().total() == sum(time is not None for time, _, _ in seen)
    assert not len(recorder.take().which)


def test_equal_records_have_equal_marks() -> None:
    recorder = Recorder()
    for text in ("{}", "{ }", "{}"):
        recorder.add(Event((1, 1), None, None, "read", None, None, None, None, "x", True, detail=text))
    one, other, again = recorder.take().marks.tolist()
    assert one == again != other


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
def test_microseconds_and_back(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    assert moment_at(microseconds(moment)) == moment
