"""One large log counted by several processes at a time, with the same result as by one.

The text is cut before lines that begin an event, so that no event is torn. A piece is read, its fields, templates and
rules counted, in a worker process; what goes over many events (bursts, silences, sequences) sees all of them here, in
the order of the log. What reading remembers from one line to the next is the year of timestamps that name none: it is
worked out beforehand from the lines at the cuts and compared with what the piece before has really ended with; where
it was wrong, the piece is counted again.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ingest.logs.auditd import Auditd
from ingest.logs.clock import ClockState
from ingest.logs.events import Ledger
from ingest.logs.facts import Analysis, LogFacts
from ingest.logs.formats import Recognition, read_events, recognise
from ingest.logs.lines import LINE_MAX, Lines, Text
from ingest.logs.rules import load
from ingest.logs.selection import Selection
from ingest.logs.stretch import Stretch
from ingest.logs.templates import Shape
from ingest.logs.watch import Judged
from ingest.sandbox import Pool

PIECE = 1 << 21
"""Bytes of a piece: long enough that what is done once for each does not matter, and little enough for memory, where
a few pieces wait for their turn."""

SECONDS = 300.0  # for one piece, which takes one or two

_UNCUT_MAX = 32 * PIECE  # a stretch so long without a place to cut is no log that can be cut
_TRIED = 200  # lines at the end of a piece that are tried for a cut

_EDGE = 1 << 15  # bytes at the ends of a piece whose lines the clocks are expected to go by

States = tuple[ClockState, ...]


class NotInPieces(Exception):
    """The log has to be counted as a whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was counted in a piece. Its lines are counted from 1."""

    ledger: Ledger
    left_out: int
    shapes: list[Shape]
    judged: Judged  # by the rules
    stretches: list[Stretch]  # what has to be counted and seen in the order of the log
    states: States  # of the clocks, at its end
    alone: bool  # everything that was noted is about its format


def analyse_in_pieces(
    path: Path,
    name: str,
    pool: Pool,
    on_progress: Callable[[int], None] | None = None,
    *,
    rules: Sequence[Path] = (),
    selection: Selection | None = None,
    every_line: bool = False,
) -> LogFacts:
    """Count everything in one log, as `facts.analyse` does. `rules`: folders of rules beside those of the program.

    Raises:
        NotInPieces: it is no log of lines in UTF-8, or holds what only reading it as a whole can tell.
        ReadError: as `facts.analyse`, and where a worker fails.
    """
    with Text(path, on_progress) as text:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        head = text.head
        found = recognise(head, changed)
        if not found.line_formats or isinstance(found.line_formats[0], Auditd) or not text.is_utf8:
            raise NotInPieces  # their events go over several lines, or their lines are elsewhere
        analysis = Analysis(selection, every_line, load(*rules))

        def count(data: bytes, states: States) -> Piece:
            piece = pool.run(count_piece, data, head, changed, states, rules, selection, every_line, seconds=SECONDS)
            assert isinstance(piece, Piece)
            return piece

        before: States | None = None  # of the clocks, as the piece before has left them
        data = b""
        for data, states, piece in _in_order(_cut(text, found), count, 2 * pool.workers):
            if before is not None and states != before:
                piece = count(data, before)
            if not piece.alone:
                raise NotInPieces
            before = piece.states
            _add(analysis, piece)
        if data and not data.endswith(b"\n"):
            text.notes.append(f"The last line ({analysis.ledger.lines}) has no line end: it may be cut.")
        return analysis.facts(name, text.notes, text.finish())


def count_piece(
    data: bytes,
    head: str,
    changed: datetime,
    states: States,
    rules: Sequence[Path],
    selection: Selection | None,
    every_line: bool,
) -> Piece:
    """Count a piece of a log, in a worker process.

    Args:
        data: whole lines; the last of the log may lack its end.
        head: of the log, by which its formats are recognised.
        states: of the clocks, before the piece.
    """
    found = deepcopy(_recognised(head, changed))
    clocks = found.clocks()
    for clock, state in zip(clocks, states, strict=True):
        clock.state = state
    analysis = Analysis(selection, every_line, load(*rules))
    lines = _lines(data)
    events = read_events(Lines(enumerate(lines, start=1)), found, analysis.ledger)
    stretches = list(analysis.stretches(events))
    notes = {note for form in found.line_formats for note in form.notes()}
    return Piece(
        analysis.ledger,
        analysis.left_out,
        analysis.templates.shapes(),
        analysis.watch.judged,
        stretches,
        tuple(clock.state for clock in clocks),
        notes.issuperset(analysis.ledger.notes) and max(map(len, lines), default=0) <= LINE_MAX,
    )


_recognised = lru_cache(maxsize=1)(recognise)  # for all pieces of a log


def _lines(data: bytes) -> list[str]:
    """Lines without their ends."""
    lines = data.decode(errors="replace").split("\n")
    if not lines[-1]:
        lines.pop()
    return [line[:-1] if line.endswith("\r") else line for line in lines]


def _cut(text: Text, found: Recognition) -> Iterator[tuple[bytes, States]]:
    """The pieces of a log, each with what the clocks are expected to remember when it begins."""
    held = b""
    probe, guess = deepcopy(found), deepcopy(found)  # one tries where to cut, the other reads what clocks go by
    states = _states(guess)
    started = False
    for block in text.blocks():
        held += block
        if len(held) < PIECE:
            continue
        at = _place_to_cut(held, probe)
        if at is None:
            if len(held) > _UNCUT_MAX:
                raise NotInPieces
            continue
        piece, held = held[:at], held[at:]
        yield piece, states
        if not started:
            _read(piece[:_EDGE].split(b"\n")[:-1], guess)
            started = True
        _read(piece[-_EDGE:].split(b"\n")[1:], guess)
        states = _states(guess)
    if held:
        yield held, states


def _place_to_cut(held: bytes, probe: Recognition) -> int | None:
    """Where the last line begins that begins an event; None if there is none near the end."""
    end = held.rfind(b"\n")
    for _ in range(_TRIED):
        start = held.rfind(b"\n", 0, end) + 1 if end > 0 else 0
        if start == 0:
            return None
        line = held[start:end].decode(errors="replace")
        if line[:1].strip() and "\0" not in line and _event_in(line, probe):
            return start
        end = start - 1
    return None


def _event_in(line: str, found: Recognition) -> bool:
    form = next((form for form in found.line_formats if form.parse(1, line)), None)
    return form is not None and not isinstance(form, Auditd)  # which may go on with the event of the line before


def _read(lines: Sequence[bytes], found: Recognition) -> None:
    """Let the clocks of the formats go by these lines."""
    for line in lines:
        _event_in(line.decode(errors="replace"), found)


def _states(found: Recognition) -> States:
    return tuple(clock.state for clock in found.clocks())


def _in_order(
    cuts: Iterator[tuple[bytes, States]], count: Callable[[bytes, States], Piece], ahead: int
) -> Iterator[tuple[bytes, States, Piece]]:
    """The pieces in the order of the log, while the next ones are being counted."""
    threads = ThreadPoolExecutor(ahead, thread_name_prefix="piece")  # each waits for a worker process
    begun: deque[tuple[bytes, States, Future[Piece]]] = deque()
    try:
        for data, states in cuts:
            begun.append((data, states, threads.submit(count, data, states)))
            if len(begun) >= ahead:
                first, before, future = begun.popleft()
                yield first, before, future.result()
        while begun:
            first, before, future = begun.popleft()
            yield first, before, future.result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _add(analysis: Analysis, piece: Piece) -> None:
    """Count the next piece, and show its events to the signals."""
    ledger = analysis.ledger
    before = ledger.lines
    for stretch in piece.stretches:
        analysis.add(stretch.after(before))
    for shape in piece.shapes:
        lines = array("Q", (line + before for line in shape.lines))
        analysis.templates.put(Shape(shape.text, shape.ready, shape.count, lines))
    analysis.watch.add(piece.judged, before)
    analysis.left_out += piece.left_out
    ledger.add(piece.ledger)
