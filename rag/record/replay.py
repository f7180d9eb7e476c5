"""Asks a recorded question again, and says whether the same comes out; if not, what is not as it was.

Nothing in an answer is drawn by chance, so the same program, models, settings and index give the same answer. Knows how
to compare, not how to open anything.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ingest.errors import UsageError
from rag.answer import Answerer
from rag.filters import Filter
from rag.record.entry import Entry
from rag.record.notes import ANSWER, REFUSAL, Note
from rag.types import Answer

_PLACE = ("path", "page", "record", "start", "end", "sha256")  # what makes two citations the same


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of asking again."""

    answer: Answer
    differences: tuple[str, ...]  # between the answers, in words; empty: the same
    changes: tuple[str, ...]  # of what an answer depends on, in words; empty: it should be the same


def recorded_question(entry: Entry) -> tuple[str, Filter]:
    """What was asked, and from which passages. Raises UsageError where that cannot be asked again."""
    if entry.kind not in (ANSWER, REFUSAL):
        raise UsageError(f"Entry {entry.number} is of the kind {entry.kind}; answers and refusals can be replayed.")
    content = entry.content()
    if "question" not in content or "answer" not in content:
        raise UsageError(f"Entry {entry.number} has lost its content to an erasure, so it cannot be replayed.")
    only = content.get("filter")
    if only is None:
        return content["question"], Filter()
    since = date.fromisoformat(only["since"]) if only["since"] else None
    return content["question"], Filter(only["path"], only["section"], frozenset(only["suffixes"]), since)


def compare(entry: Entry, note: Note, answerer: Answerer, answer: Answer) -> Replay:
    """Compare an entry with what would be recorded of the same question now.

    Args:
        note: of `answer`, as `rag.record.notes.of_answer` makes it.
    """
    then, now = entry.content(), {part.name: part.value for part in note.leaves}
    differences = _of_answers(then["answer"], now["answer"])
    if [_place(hit) for hit in then["passages"]] != [_place(hit) for hit in now["passages"]]:
        differences.append("Other passages were found, or in another order.")
    if then.get("prompt") != now.get("prompt"):
        differences.append("The language model was given something else.")
    changes = [*_of_facts(entry.facts, note.facts), *_of_files(then, answerer)]
    return Replay(answer, tuple(differences), tuple(changes))


def to_json(replay: Replay) -> dict[str, Any]:
    """The same for machines."""
    return {
        "same": not replay.differences,
        "differences": list(replay.differences),
        "changes": list(replay.changes),
        "answer": asdict(replay.answer),
    }


def _of_answers(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = []
    if then["mode"] != now["mode"]:
        found.append(f"It was {then['mode']}, now it is {now['mode']}.")
    if then["answer"] != now["answer"]:
        found.append("The answer has other words.")
    if [_place(item) for item in then["citations"]] != [_place(item) for item in now["citations"]]:
        found.append("It cites other places.")
    if abs(then["confidence"] - now["confidence"]) > 1e-6:  # sums of the same numbers may differ in their last bit
        found.append(f"Its confidence was {then['confidence']:.6f}, now it is {now['confidence']:.6f}.")
    return found


def _place(item: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(item[name] for name in _PLACE)


def _of_facts(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = []
    if then["program"] != now["program"]:
        found.append(f"The program was version {then['program']}, now it is {now['program']}.")
    for kind in dict.fromkeys([*then["models"], *now["models"]]):
        model, other = (facts["models"].get(kind) for facts in (then, now))
        if model != other:
            found.append(
                f"The {kind if 'adapter' in kind else f'{kind} model'} was {_model(model)}, now it is {_model(other)}."
            )
    if then["settings"] != now["settings"]:
        found.append("The settings are others.")
    if then["index"] != now["index"]:
        found.append("The index has changed since.")
    return found


def _model(model: Mapping[str, str | None] | None) -> str:
    if not model:
        return "not used"
    digest = model["sha256"]
    return f"{model['name']} ({digest[:12]} …)" if digest else f"{model['name']}"


def _of_files(then: Mapping[str, Any], answerer: Answerer) -> list[str]:
    """Files that the answer rested on, or could have, and that are not in the index as they were."""
    held: dict[str, set[str | None]] = {}
    for report in answerer.retriever.catalog.reports():
        held.setdefault(report.path, set()).add(report.sha256)
    used = {(hit["path"], hit["sha256"]) for hit in then["passages"]}
    return [
        f"{path} is in the index with other bytes now." if path in held else f"{path} is no longer in the index."
        for path, sha256 in sorted(used)
        if sha256 not in held.get(path, set())
    ]
