"""The logs of a batch: counted in worker processes, worded, reported one by one, joined and compared with an earlier
batch. Knows nothing about the command line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingest.errors import ReadError
from ingest.logs import work
from ingest.logs.changes import Baseline, changes
from ingest.logs.facts import FIRST_LINES, LogFacts, template_entry
from ingest.logs.joined import BatchFacts, Joined
from ingest.logs.pieces import PIECE, NotInPieces, analyse_in_pieces
from ingest.logs.rules import SHIPPED
from ingest.logs.selection import Selection
from ingest.logs.templates import Shape, Template, in_order, union
from ingest.sandbox import Pool
from ingest.types import FileStatus
from ingest.work import Refusal
from rag.batch import Job, Report, Shelf
from rag.log_page import render_failed_page, render_log_page
from rag.log_report import render_log
from rag.log_summary import summarise, word
from rag.overall import batch_entry, batch_sentences, log_changes
from rag.report import failed_entry, render_failed
from rag.types import Generator

SECONDS, SECONDS_MB, SECONDS_PACKED_MB = 300.0, 20.0, 500.0
"""Time to count a log, and more for each of its megabytes, plain or packed. On one core 20 s are enough for 50 MB."""

LARGE = 8 * PIECE  # bytes below which a log is not worth being cut
PACKS = 10  # how many times as long a packed log is, at the least, when it is unpacked

GetGenerator = Callable[[], Generator | None]
Masking = Callable[[LogFacts], LogFacts]


@dataclass(frozen=True, slots=True)
class Looking:
    """How logs are looked at."""

    selection: Selection
    every_line: bool = False  # list all line numbers and values
    rules: tuple[Path, ...] = ()  # folders of rules beside those of the program

    def made_with(self) -> dict[str, str]:
        """What facts depend on beside the file."""
        digest = sha256()
        for folder in (SHIPPED, *self.rules):
            for file in sorted(file for file in folder.rglob("*.y*ml") if file.is_file()):
                digest.update(file.read_bytes())
        return {
            "selection": self.selection.words(),
            "lines": "all" if self.every_line else "first",
            "rules": digest.hexdigest(),
        }


class LogBatch:
    """Makes reports of logs, and in the end one of all."""

    def __init__(
        self,
        pool: Pool,
        looking: Looking,
        generator: GetGenerator,
        before: Baseline | None,
        shelf: Shelf | None,
        large: int,
        on_read: Callable[[int], None],
        mask: Masking | None = None,
    ) -> None:
        """Logs of `large` bytes or more are counted in pieces; `on_read` is told of what this process reads of them."""
        self._mask = mask
        self._pool = pool
        self._large = large
        self._on_read = on_read
        self._looking = looking
        self._generator = generator
        self._before = before
        self._shelf = shelf
        self._joined = Joined(before.shapes if before is not None else ())
        self._paths: dict[int, str] = {}

    def gather(self, job: Job) -> LogFacts | Refusal:
        """The facts of a log: those that were kept, or counted in a worker process."""
        kept = self._shelf.facts(job) if self._shelf is not None else None
        return kept if kept is not None else count(self._pool, job, self._looking, self._large, self._on_read)

    def make(self, job: Job, facts: LogFacts | Refusal) -> Report:
        """The report of a log."""
        if isinstance(facts, Refusal):
            entry = failed_entry(job.source.path, "log", facts.status, facts.detail)
            return self._shelved(Report(job, entry, render_failed(entry), render_failed_page(entry)), None)
        if self._mask is not None:
            facts = self._mask(facts)
        kept = self._shelf.summary(job) if self._shelf is not None else None
        summary = kept if kept is not None else summarise(facts, self._generator()).to_json()
        entry = facts.to_json(self._looking.every_line) | dict(summary)
        if self._before is not None:
            entry["changes"] = log_changes(facts, self._before)
        return self._shelved(_rendered(job, entry, facts, resumed=kept is not None), summary)

    def _shelved(self, report: Report, summary: Mapping[str, Any] | None) -> Report:
        if self._shelf is not None:
            self._shelf.put(report, summary)
        return report

    def add(self, report: Report) -> None:
        """Count a log in the batch."""
        if report.facts is not None:
            self._paths[report.job.number] = report.entry["path"]
            self._joined.add(report.job.number, report.facts)

    def finish(self) -> tuple[BatchFacts, dict[str, Any]] | None:
        """The facts of the batch, and its entry in the JSON result. None if no log could be read."""
        if not self._joined.files:
            return None
        facts = self._joined.result()
        changed = changes(facts, self._before) if self._before is not None else None
        summary = word("", batch_sentences(facts, changed, self._paths), self._generator())
        return facts, batch_entry(facts, changed, self._paths) | summary.to_json()

    def settled(self, report: Report, facts: BatchFacts, shapes: Sequence[Shape]) -> Report:
        """The report with the batch's names of its templates, and with a mark on those that are new."""
        templates = regrouped(shapes, facts)
        known = {one.pattern: one.known for one in facts.templates}
        most = None if self._looking.every_line else FIRST_LINES
        entries = [template_entry(one, most) for one in templates]
        if self._before is not None:
            entries = [entry | {"new": not known[str(entry["pattern"])]} for entry in entries]
        if entries == report.entry["templates"]:
            return report
        entry = dict(report.entry) | {"templates": entries}
        settled = _rendered(report.job, entry, report.facts, resumed=report.resumed)
        if self._shelf is not None:
            self._shelf.put(settled)
        return settled


def _rendered(job: Job, entry: Mapping[str, Any], facts: LogFacts | None, *, resumed: bool) -> Report:
    return Report(job, entry, render_log(entry), render_log_page(entry), facts, resumed)


def regrouped(shapes: Sequence[Shape], facts: BatchFacts) -> list[Template]:
    """A log's templates as the batch names them."""
    groups: dict[str, list[Shape]] = {}
    for shape in shapes:
        groups.setdefault(facts.name_of(shape), []).append(shape)
    return in_order(union(pattern, members) for pattern, members in groups.items())


def large_in(sizes: Sequence[int], workers: int) -> int:
    """From how many bytes on a log of a batch is worth being cut: else some workers would wait for the last one."""
    return max(LARGE, sum(sizes) // (2 * workers))


def count(pool: Pool, job: Job, looking: Looking, large: int, on_read: Callable[[int], None]) -> LogFacts | Refusal:
    """Count a log in a worker process, or in several."""
    path, name = job.source.absolute, job.source.path
    selection, every_line = looking.selection, looking.every_line
    try:
        size, packed = path.stat().st_size, _packed(path)
        if size >= (large // PACKS if packed else large):
            try:
                return analyse_in_pieces(
                    path, name, pool, on_read, rules=looking.rules, selection=selection, every_line=every_line
                )
            except NotInPieces:
                pass  # then as a whole
        seconds = SECONDS + size / 1e6 * (SECONDS_PACKED_MB if packed else SECONDS_MB)
        facts: LogFacts | Refusal = pool.run(
            work.count, path, name, looking.rules, selection, every_line, seconds=seconds
        )
    except ReadError as error:
        return Refusal(error.status, error.detail)
    except OSError as error:
        return Refusal(FileStatus.FAILED, f"cannot be opened ({error.strerror}); check its permissions")
    return facts


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"
