"""What of an answer, a summary, an ingestion, an erasure and a reckoning goes into the record, and what can be dropped.

Facts name no document and hold no text; they stay for good. Everything else is a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.types import FileReport, FileStatus
from rag import __version__
from rag.models.catalogue import sha256
from rag.record.entry import Leaf, leaf
from rag.record.forgetting import FILE, QUESTION, ROOT
from rag.store.seal import fingerprint

if TYPE_CHECKING:  # a question needs no reports of logs, nor an erasure
    from rag.answer import Answerer, Course
    from rag.batch import Report
    from rag.filters import Filter
    from rag.guard.types import Attempt
    from rag.models.adapters import Adapter, Gain, Kind
    from rag.models.embed import TextEmbedder
    from rag.store.forget import Receipt
    from rag.types import Answer, Generator, Hit, ModelInfo

ANSWER, REFUSAL, SUMMARY, INGESTION, ERASURE = "answer", "refusal", "summary", "ingestion", "erasure"
ATTEMPT, CONNECTION, TUNING, COST, ENCRYPTION = "attempt", "connection", "tuning", "cost", "encryption"
_SAMPLING = {"temperature": 0.0, "seed": None}  # greedy: no number is drawn, so there is no seed


class Note(NamedTuple):
    """What an entry will hold."""

    kind: str
    facts: Mapping[str, Any]
    leaves: Sequence[Leaf]


def of_answer(answer: Answer, course: Course, only: Filter, answerer: Answerer, folder: Path) -> Note:
    """An answer or a refusal from the collection in `folder`."""
    retriever = answerer.retriever
    facts = {
        **_about(folder),
        "found": answer.found,
        "mode": answer.mode,
        "confidence": answer.confidence,
        "unreadable": len(answer.unreadable),
        "models": {
            "embedding": _model(retriever.embedder),
            "question": _model(retriever.embedder.question),
            "reader": _model(retriever.reader),
            "search adapter": _model(answer.search_adapter),
            "language": _model(answer.model),
        },
        "settings": {"threshold": answerer.threshold, "writes": answerer.load_generator is not None},
        "sampling": _SAMPLING,
        "timings_ms": dict(answer.timings_ms),
    }
    held = asdict(answer)
    # What could not be read stands in the entries of ingestions; here it would go with each file that is forgotten.
    del held["timings_ms"], held["question"], held["unreadable"]
    leaves = [
        leaf(QUESTION, answer.question),
        leaf("answer", held),
        leaf("passages", list(map(_passage, course.hits))),
    ]
    if only:
        leaves.append(leaf("filter", {**asdict(only), "suffixes": sorted(only.suffixes), "since": _text(only.since)}))
    if course.prompt:
        leaves.append(leaf("prompt", course.prompt))
        leaves.append(leaf("checks", [asdict(checked) for checked in course.checks]))
    return Note(ANSWER if answer.found else REFUSAL, facts, leaves)


def of_summary(report: Report, embedder: TextEmbedder | None, generator: Generator | None) -> Note:
    """The summary of one file, and the models that took part in it."""
    entry, job = report.entry, report.job
    facts = {
        "program": __version__,
        "models": {"embedding": _model(embedder), "language": _model(generator)},
        "sampling": _SAMPLING,
        "what": job.kind,
        "status": entry.get("status", FileStatus.INDEXED),
        "dropped_sentences": entry.get("dropped_sentences", 0),
    }
    source = {"path": job.source.path, "root": str(job.source.root), "sha256": _digest(job.source.absolute)}
    said = {name: entry[name] for name in ("summary", "citations", "detail") if name in entry}
    return Note(SUMMARY, facts, [leaf("source", source), leaf("summary", said)])


def of_digest(entry: Mapping[str, Any], embedder: TextEmbedder, generator: Generator | None) -> Note:
    """The digest of several documents, and the models that took part in it."""
    read = [file for file in entry["files"] if "title" in file]
    facts = {
        "program": __version__,
        "models": {"embedding": _model(embedder), "language": _model(generator)},
        "sampling": _SAMPLING,
        "what": "digest",
        "documents": len(read),
        "dropped_sentences": entry["dropped_sentences"],
    }
    sources = [leaf("source", {name: file[name] for name in ("path", "root", "sha256")}) for file in read]
    said = {name: entry[name] for name in ("statements", "at_odds", "terms", "citations")}
    return Note(SUMMARY, facts, [*sources, leaf("summary", said)])


def of_ingestion(
    reports: Sequence[FileReport],
    counts: Mapping[str, int],
    made_with: Mapping[str, str],
    roots: Sequence[Path],
    folder: Path,
    *,
    rebuild: bool,
) -> Note:
    """What `rag ingest` found: every file but those that were as before."""
    facts = {
        **_about(folder),
        "made_with": dict(made_with),
        "rebuild": rebuild,
        "totals": dict(counts),
        "unchanged": sum(report.status is FileStatus.UNCHANGED for report in reports),
    }
    changed = [report for report in reports if report.status is not FileStatus.UNCHANGED]
    return Note(
        INGESTION,
        facts,
        [*(leaf(ROOT, str(root)) for root in roots), *(leaf(FILE, asdict(report)) for report in changed)],
    )


def of_erasure(receipt: Receipt, folder: Path) -> Note:
    """That something was erased, and what was searched to prove it. What it was is not told: it is erased here too."""
    facts = {
        **_about(folder),
        "files": len(receipt.erased),
        "pages": sum(report.pages for report in receipt.erased),
        "passages": sum(report.chunks for report in receipt.erased),
        "entries_redacted": list(receipt.redacted),
        "searched": {"files": receipt.files, "bytes": receipt.bytes, "pieces": receipt.pieces},
        "files_with_occurrences": len(receipt.found),
    }
    return Note(ERASURE, facts, [])


def of_tuning(kind: Kind, gain: Gain, kept: Adapter | None, folder: Path) -> Note:
    """What was learnt from a collection, and whether it was kept. A name may tell something, so it is a leaf."""
    facts = {
        **_about(folder),
        "what": kind,
        "kept": kept is not None,
        "sha256": kept.sha256 if kept else None,
        "gain": asdict(gain),
    }
    return Note(TUNING, facts, [leaf("adapter", kept.name)] if kept else [])


def of_attempts(attempts: Sequence[Attempt]) -> Note:
    """Tries to reach the internet that the guard refused. Who tried may be a path, so that is a leaf."""
    facts = {"program": __version__, "attempts": sum(attempt.count for attempt in attempts)}
    return Note(ATTEMPT, facts, [leaf("attempt", asdict(attempt)) for attempt in attempts])


def of_cost(found: Mapping[str, Any], folder: Path) -> Note:
    """What `rag cost` measured and reckoned; its questions have entries of their own. Names of services are a leaf."""
    facts = {
        **_about(folder),
        "asked": found["questions"]["asked"],
        "measured": found["measured"],
        "meter": found["meter"],
        "questions_a_month": found["questions_a_month"],
    }
    return Note(COST, facts, [leaf("month", {name: found[name] for name in ("prices", "own", "cloud")})])


def of_encryption(what: str) -> Note:
    """That the home was "encrypted", "decrypted", or that its "passphrase changed"."""
    return Note(ENCRYPTION, {"program": __version__, "what": what}, [])


def of_connections(made: Mapping[str, int]) -> Note:
    """Which hosts of the user's own network a command connected to, and how often."""
    return Note(CONNECTION, {"program": __version__, "hosts": dict(made)}, [])


def _digest(file: Path) -> str | None:
    try:
        return sha256(file)
    except OSError:
        return None  # the summary says that the file could not be read


def _about(folder: Path) -> dict[str, Any]:
    return {"program": __version__, "collection": folder.name, "index": fingerprint(folder)}


def _model(model: TextEmbedder | Generator | ModelInfo | Any | None) -> dict[str, str | None] | None:
    return None if model is None else {"name": model.name, "sha256": model.sha256}


def _passage(hit: Hit) -> dict[str, Any]:
    stored, chunk = hit.stored, hit.stored.chunk
    return {
        "path": chunk.path,
        "sha256": stored.sha256,
        "page": chunk.page,
        "record": chunk.record,
        "start": chunk.start,
        "end": chunk.end,
        "text_sha256": hashlib.sha256(chunk.text.encode(errors="surrogatepass")).hexdigest(),
        "score": round(hit.score, 6),
    }


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
