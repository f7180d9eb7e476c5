"""`rag tune`: the user's own text makes the models better, on the user's machine; what does not win is not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.errors import UsageError
from rag.cli.command import WRITTEN, JsonOption, command
from rag.cli.opening import open_catalog, open_recorder, open_retriever
from rag.config import Settings
from rag.term import bold, counted, dim, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from rag.judge import Question
    from rag.models.adapters import Adapter, Gain, Kind
    from rag.store.catalog import Catalog
    from rag.tune.questions import Selection
    from rag.tune.reader import Estimate as ReadingEstimate
    from rag.tune.reader import Outcome as ReadingOutcome
    from rag.tune.search import Estimate, Outcome
    from rag.tune.writer import Estimate as WritingEstimate
    from rag.tune.writer import Pair

NOT_KEPT = 1

NameOption = Annotated[
    str | None, typer.Option("--name", help="What the adapter is to be called (default: its kind and collection).")
]
QuestionsArgument = Annotated[
    Path, typer.Argument(help="Questions with known answers, JSON Lines, as for `rag eval`.", show_default=False)
]
NameArgument = Annotated[
    str, typer.Argument(help="An adapter's name, as `rag tune list` shows it.", show_default=False)
]
SplitOption = Annotated[str | None, typer.Option("--split", help='Only questions whose "split" is this.')]

app = typer.Typer(
    help="Learn from your own questions, keep what wins, switch between what was learnt.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def search(
    settings: Settings,
    questions: QuestionsArgument,
    split: SplitOption = None,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> int:
    """Tune the search on your questions: what was not learnt from judges, and only what wins is kept and used."""
    from rag.tune.journal import Journal
    from rag.tune.search import fingerprint, tune

    chosen = _chosen(settings, name, "search")
    asked, catalog, selection = _selected(settings, questions, split)
    retriever = open_retriever(settings, catalog, tuned=False)
    say(f"Learning from {counted(len(selection.usable), 'question')} of {len(asked)}, in parts that share no page.")
    journal = Journal(settings.adapters / f".{fingerprint(retriever, selection.usable, settings.index)}.jsonl")
    with _watched() as step:
        outcome = tune(retriever, selection.usable, chosen, journal, _say_estimate, step)
    gain = _gain(outcome)
    parent = (retriever.embedder.name, retriever.embedder.sha256)
    kept = (
        _keep(settings, chosen, "search", parent, gain, outcome.questions, outcome.tuned.write) if outcome.won else None
    )
    journal.discard()
    _record(settings, "search", gain, kept)
    if as_json:
        show_json(_told(outcome, gain, kept, selection))
    else:
        _show(outcome, gain, kept, "search")
    return 0 if kept else NOT_KEPT


def reader(
    settings: Settings,
    questions: QuestionsArgument,
    split: SplitOption = None,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> int:
    """Tune the reader, which judges passages, on your questions and your documents' headings; kept only if it wins."""
    from rag.models.catalogue import READER
    from rag.models.reader import load_reader
    from rag.tune import reader as tuning

    chosen = _chosen(settings, name, "reader")
    if settings.reader_model is not None:
        raise UsageError("Only the reader that ships can be tuned; leave --reader-model out.")
    asked, catalog, selection = _selected(settings, questions, split)
    material = tuning.Asked(selection.usable, [question for question in asked if not question.answerable])
    retriever = replace(
        open_retriever(settings, catalog, read=False, tuned=False), reader=load_reader(None, settings.models)
    )
    say(
        f"Learning from {counted(len(material.questions), 'question')} of {len(asked)}, in parts that share no page, "
        "and from headings."
    )
    work = settings.adapters / f".{tuning.fingerprint(retriever, material, settings.index)}"
    with _watched() as step:
        outcome = tuning.tune(retriever, material, work, _say_estimate, step)
    gain = _gain(outcome)
    (digest,) = READER.files.values()
    learnt = partial(tuning.copy_learnt, work)
    kept = (
        _keep(settings, chosen, "reader", (READER.name, digest), gain, outcome.questions, learnt)
        if outcome.won
        else None
    )
    tuning.discard(work)
    _record(settings, "reader", gain, kept)
    if as_json:
        show_json(_told(outcome, gain, kept, selection))
    else:
        _show(outcome, gain, kept, "reader")
    return 0 if kept else NOT_KEPT


def writer(
    settings: Settings,
    questions: Annotated[
        Path | None,
        typer.Argument(help="Questions with answers in whole sentences; without, the documents alone give them."),
    ] = None,
    split: SplitOption = None,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> int:
    """Tune the language model on questions and sentences of your documents that the reader and the check agree with."""
    from rag.models import adapters
    from rag.models.llama import language_weights
    from rag.tune import writer as tuning

    chosen = _chosen(settings, name, "writer")
    weights = language_weights(settings.models, settings.language_model, say)
    pairs = _pairs(settings, questions, split)
    tuning.check_enough(pairs)
    work = settings.adapters / f".{tuning.fingerprint(pairs, weights)}"
    with _watched() as step:
        outcome = tuning.tune(pairs, weights, work, _say_writing, step)
    found = outcome.difference
    gain = adapters.Gain(
        measure="share of questions for which a written sentence is kept",
        before=outcome.before,
        after=outcome.after,
        low=found.low,
        high=found.high,
        p=found.p,
        questions=outcome.held,
    )
    parent, learnt = (weights.name, weights.sha256), partial(tuning.copy_learnt, work)
    kept = _keep(settings, chosen, "writer", parent, gain, outcome.learnt, learnt) if outcome.won else None
    tuning.discard(work)
    _record(settings, "writer", gain, kept)
    if as_json:
        show_json({"kept": kept is not None, "adapter": asdict(kept) if kept else None, "gain": asdict(gain)})
    else:
        _say_result(gain, kept, "writer")
    return 0 if kept else NOT_KEPT


def _pairs(settings: Settings, questions: Path | None, split: str | None) -> list[Pair]:
    """Given pairs first, then those that the documents make."""
    from itertools import islice

    from rag.answer import validate
    from rag.judge import read_questions
    from rag.tune import writer as tuning
    from rag.tune.questions import FOLDS, select

    catalog = open_catalog(settings)
    retriever = open_retriever(settings, catalog)
    assert retriever.reader is not None  # nobody asked to go without
    pairs: list[Pair] = []
    if questions is not None:
        selection = select(read_questions(questions, validate, split), catalog)
        pairs += tuning.from_questions(selection.usable, retriever)
        say(f"{counted(len(pairs), 'given answer')} of {len(selection.usable)} would pass the check and can be learnt.")
    made = islice(tuning.from_documents(catalog, retriever.reader, FOLDS), tuning.MOST - len(pairs))
    say("Making questions from the documents …")
    pairs += made
    say(f"Learning from {counted(len(pairs), 'pair')}, a fifth of the pages held out.")
    return pairs


def list_adapters(settings: Settings, as_json: JsonOption = False) -> int:
    """Name what was learnt, what it won, and where it is in use."""
    from rag.models import adapters

    found = [
        (adapter, adapters.used_in(settings.adapters, adapter.name)) for adapter in adapters.listed(settings.adapters)
    ]
    if as_json:
        show_json({"adapters": [asdict(adapter) | {"used_in": places} for adapter, places in found]})
        return 0
    for adapter, places in found:
        used = f"in use in {', '.join(places)}" if places else "not in use"
        show(f"{bold(one_line(adapter.name))}  {adapter.kind}, {used}")
        show(
            dim(one_line(f"  {_won(adapter.gain)}; made {adapter.made} from {adapter.collection} for {adapter.parent}"))
        )
    if not found:
        show("Nothing was learnt yet; `rag tune search QUESTIONS.jsonl` begins.")
    return 0


def use(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="An adapter's name, or none.", show_default=False)],
    kind: Annotated[
        Literal["search", "reader", "writer"] | None,
        typer.Option("--kind", help="With none: which kind is switched off."),
    ] = None,
) -> int:
    """Switch an adapter on for the collection; `none` with --kind goes on without one."""
    from rag.models import adapters

    if name == "none":
        if kind is None:
            raise UsageError("Say which kind is switched off: `rag tune use none --kind search`.")
        adapters.use(settings.adapters, settings.collection, kind, None)
        show(f"{settings.collection}: the {kind} goes on as it ships.")
        return 0
    adapter = adapters.find(settings.adapters, name)
    if kind not in (None, adapter.kind):
        raise UsageError(f"{name} is of the kind {adapter.kind}; leave --kind out, or name another adapter.")
    _switch_on(settings, adapter)
    show(one_line(f"{settings.collection}: {name} is in use for the {adapter.kind}."))
    if adapter.collection != settings.collection:
        say(mark(one_line(f"It was learnt from {adapter.collection}; whether it helps here, `rag eval` tells.")))
    return 0


def drop(settings: Settings, name: NameArgument) -> int:
    """Erase an adapter."""
    from rag.models import adapters

    adapter = adapters.drop(settings.adapters, name)
    show(one_line(f"{adapter.name} is erased; the {adapter.kind} goes on as it ships."))
    return 0


def export(
    settings: Settings,
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False), WRITTEN],
) -> int:
    """Write an adapter as one file, for another machine. It may hold traces of the text it was learnt from."""
    from rag.models import adapters

    adapter = adapters.export(settings.adapters, name, file.absolute())
    show(one_line(f"Wrote {file}: {adapter.name}, SHA-256 of what was learnt {adapter.sha256}"))
    return 0


def import_adapter(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="What `rag tune export` wrote.", show_default=False)],
    name: NameOption = None,
) -> int:
    """Take an adapter over; `rag tune use` then switches it on."""
    from rag.models import adapters

    adapter = adapters.import_(settings.adapters, file.absolute(), name)
    show(
        one_line(
            f"{adapter.name} is here, a {adapter.kind} adapter, and not in use yet: `rag tune use {adapter.name}`."
        )
    )
    return 0


def _chosen(settings: Settings, name: str | None, kind: Kind) -> str:
    """The adapter's name. Raises UsageError where there is one of this name: before the work, not after it."""
    from rag.models import adapters

    chosen = adapters.named(name or f"{kind}-{settings.collection}")
    if any(adapter.name == chosen for adapter in adapters.listed(settings.adapters)):
        raise UsageError(
            f"There is an adapter {chosen!r} already; name another by --name, or `rag tune drop {chosen}` first."
        )
    return chosen


def _selected(settings: Settings, questions: Path, split: str | None) -> tuple[list[Question], Catalog, Selection]:
    """The questions of a file, and those of them that can be learnt from; says which cannot."""
    from rag.answer import validate
    from rag.judge import read_questions
    from rag.tune.questions import select

    asked = read_questions(questions, validate, split)
    catalog = open_catalog(settings)
    selection = select(asked, catalog)
    for question in selection.absent:
        say(one_line(f"{question.id}: its evidence is not in this collection, so nothing is learnt from it."))
    return asked, catalog, selection


def _keep(
    settings: Settings,
    name: str,
    kind: Kind,
    parent: tuple[str, str],
    gain: Gain,
    examples: int,
    make: Callable[[Path], None],
) -> Adapter:
    """Store what was learnt for `parent`, a model's name and hash, and use it from now on."""
    from rag.models import adapters

    kept = adapters.keep(
        settings.adapters,
        adapters.Adapter(
            name=name,
            kind=kind,
            parent=parent[0],
            parent_sha256=parent[1],
            sha256="",
            collection=settings.collection,
            made=adapters.now(),
            examples=examples,
            gain=gain,
        ),
        make,
    )
    _switch_on(settings, kept)
    return kept


def _switch_on(settings: Settings, adapter: Adapter) -> None:
    """Use an adapter in the collection. What the search has learnt belongs to the reader that it was learnt with."""
    from rag.models import adapters

    adapters.use(settings.adapters, settings.collection, adapter.kind, adapter.name)
    other = adapters.chosen(settings.adapters, settings.collection, "search")
    if adapter.kind == "reader" and other is not None:
        adapters.use(settings.adapters, settings.collection, "search", None)
        say(mark(one_line(f"{other} was learnt with another reader and is switched off; `rag tune search` anew.")))


def _say_estimate(estimate: Estimate | ReadingEstimate) -> None:
    told = _minutes(estimate.seconds)
    say(f"{counted(estimate.questions, 'question')}: {told} on this machine. Cut off, it goes on where it was.")


def _say_writing(estimate: WritingEstimate) -> None:
    say(
        f"{counted(estimate.learnt, 'pair')} to learn from and {estimate.held} to judge by: "
        f"{_minutes(estimate.seconds)} on this machine. Cut off, it goes on where it was."
    )


def _minutes(seconds: float) -> str:
    return "under a minute" if seconds < 60 else f"about {counted(round(seconds / 60), 'minute')}"


@contextmanager
def _watched() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=12), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("Searching", total=None)

        def step(doing: str, done: int, total: int) -> None:
            bar.update(task, description=doing, completed=done, total=total)

        yield step


def _gain(outcome: Outcome | ReadingOutcome) -> Gain:
    from rag.models.adapters import Gain
    from rag.tune.search import DECIDING

    found = outcome.difference
    return Gain(
        measure=f"{DECIDING} of evidence pages",
        before=outcome.before[DECIDING],
        after=outcome.after[DECIDING],
        low=found.low,
        high=found.high,
        p=found.p,
        questions=outcome.questions,
    )


def _won(gain: Gain) -> str:
    """The gain in words."""
    return (
        f"{gain.measure} {gain.before:.3f} before, {gain.after:.3f} after (difference {gain.low:+.3f} to "
        f"{gain.high:+.3f}, p {gain.p:.3f}, on {counted(gain.questions, 'question')} it had not learnt from)"
    )


def _told(
    outcome: Outcome | ReadingOutcome, gain: Gain, kept: Adapter | None, selection: Selection
) -> dict[str, object]:
    """What was learnt, for --json."""
    return {
        "kept": kept is not None,
        "adapter": asdict(kept) if kept else None,
        "before": dict(outcome.before),
        "after": dict(outcome.after),
        "gain": asdict(gain),
        "absent": [question.id for question in selection.absent],
    }


def _show(outcome: Outcome | ReadingOutcome, gain: Gain, kept: Adapter | None, kind: Kind) -> None:
    show(bold("On questions that were not learnt from"))
    show(dim(f"{'measure':<12}{'before':>8}{'after':>8}"))
    for measure, before in outcome.before.items():
        show(f"{measure:<12}{before:>8.3f}{outcome.after[measure]:>8.3f}")
    show()
    _say_result(gain, kept, kind)


def _say_result(gain: Gain, kept: Adapter | None, kind: Kind) -> None:
    if kept:
        show(bold(f"Kept as {one_line(kept.name)}, and in use from now on."))
        show(f"`rag tune list` shows it, `rag tune use none --kind {kind}` goes on without it.")
    else:
        show(mark("Not kept: the gain is no more than chance would give, so everything stays as it was."))
        show("More questions, on more pages, may tell more.")
    show(one_line(f"{_won(gain)}."))


def _record(settings: Settings, kind: Kind, gain: Gain, kept: Adapter | None) -> None:
    from rag.record.notes import of_tuning

    if failure := open_recorder(settings).write(lambda: of_tuning(kind, gain, kept, settings.index)):
        say(mark(one_line(failure)))


app.command("search")(command(search))
app.command("reader")(command(reader))
app.command("writer")(command(writer))
app.command("list")(command(list_adapters))
app.command("use")(command(use))
app.command("drop")(command(drop))
app.command("export")(command(export))
app.command("import")(command(import_adapter))
