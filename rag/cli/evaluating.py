"""`rag eval`: how well the documents' questions are answered, measured on questions whose answers are known."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import UsageError
from rag import __version__
from rag.cli.command import WRITTEN, JsonOption, NoReaderOption
from rag.cli.opening import open_catalog, open_retriever, start_generator
from rag.cli.writing import refuse_folder, write_page
from rag.config import Settings, remember
from rag.term import bold, dim, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from rag.compare import Change, Comparison
    from rag.evaluate import Evaluation, Row, Run
    from rag.judge import Question
    from rag.threshold import Calibration

_WIDTH = 100  # columns
_LABEL = 12  # columns of a label under a failed question


def evaluate(
    settings: Settings,
    questions: Annotated[
        Path | None, typer.Argument(help="Questions with known answers, JSON Lines.", show_default=False)
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Let the language model word the answers; slower. Else quotations alone.")
    ] = False,
    no_reader: NoReaderOption = False,
    split: Annotated[str | None, typer.Option("--split", help='Only questions whose "split" is this.')] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Two saved runs (--json): is their difference more than chance?"),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Choose the confidence from which on to answer by these questions, and write it to config.toml.",
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with plots to this file, too."), WRITTEN
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Measure recall, citation precision and refusals on your own questions with known answers."""
    if (questions is None) == (compare is None):
        raise UsageError("Name a file of questions, or two saved runs with --compare A B.")
    if compare is not None and (answers or no_reader or calibrate or split is not None):
        raise UsageError(
            "--compare works on saved runs; give --answers, --no-reader, --calibrate and --split when you make them."
        )
    refuse_folder(html, "--html")
    if compare is not None:
        _compare(*compare, html, as_json)
    elif questions is not None:
        evaluation = _evaluate(settings, questions, answers, not no_reader, split)
        calibration = _calibrate(settings, evaluation) if calibrate else None
        if as_json:
            show_json(evaluation.to_json() | ({"calibration": calibration.to_json()} if calibration else {}))
        else:
            _show_evaluation(evaluation)
        if calibration and not as_json:
            _show_calibration(calibration)
        if html is not None:
            from rag.eval_report import render_evaluation

            write_page(html, render_evaluation(evaluation), "--html")
    return 0


def _evaluate(settings: Settings, path: Path, answers: bool, read: bool, split: str | None) -> Evaluation:
    from rag.answer import validate
    from rag.eval_report import absences
    from rag.evaluate import summarise
    from rag.judge import read_questions

    asked = read_questions(path, validate, split)
    evaluation = summarise(*_ask(settings, asked, path, answers, read, split))
    for line in absences(evaluation):
        say(f"{one_line(line)}; `rag status` names what is indexed.")
    return evaluation


def _calibrate(settings: Settings, evaluation: Evaluation) -> Calibration:
    from rag.threshold import calibrate

    found = calibrate(evaluation.rows, settings.answer_threshold)
    path = remember(settings.home, "answer_threshold", found.threshold)
    say(f"Wrote answer_threshold = {found.threshold} to {one_line(str(path))}.")
    return found


def _ask(
    settings: Settings, asked: Sequence[Question], path: Path, answers: bool, read: bool, split: str | None
) -> tuple[list[Row], Run]:
    """Ask every question of the index. The one place where it is settled which parts of the program are measured."""
    from dataclasses import replace

    from rag.answer import Answerer
    from rag.evaluate import DEPTH, Run
    from rag.evaluate import evaluate as ask_all

    catalog = open_catalog(settings)
    load = start_generator(settings) if answers else None
    retriever = open_retriever(settings, catalog, read=read)
    generator = load() if load else None  # loaded before anything is timed
    answerer = Answerer(retriever, (lambda: generator) if generator else None, settings.answer_threshold)
    willing = replace(answerer, threshold=0.0)
    pages = {report.path: report.pages for report in catalog.reports() if report.chunks}
    run = Run(
        version=__version__,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        questions=path.name,
        split=split,
        collection=settings.collection,
        files=len(pages),
        passages=catalog.size(),
        embedding_model=retriever.embedder.name,
        reader_model=retriever.reader.name if retriever.reader else None,
        language_model=generator.name if generator else None,
        answer_threshold=settings.answer_threshold,
    )
    rows = ask_all(asked, pages, lambda text: retriever.search(text, DEPTH), answerer.ask, willing.ask)
    return list(_watched(rows, len(asked))), run


def _watched(rows: Iterable[Row], total: int) -> Iterator[Row]:
    """The rows, with a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("Asking"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield from bar.track(rows, total=total)


def _show_evaluation(evaluation: Evaluation) -> None:
    from rag.eval_report import BY_KIND, LABELS, failures, headline, kind_rows, outcome, span, two

    _paragraph(f"{headline(evaluation)}.", strong=True)
    _paragraph(outcome(evaluation))
    rows = [[LABELS[name], two(found.value), span(found), str(found.n)] for name, found in evaluation.figures.items()]
    show()
    _table(["measure", "value", "95% interval", "n"], rows)
    show()
    times = [
        [f"{name}, ms", *(f"{value:,.0f}" for value in shares.values())]
        for name, shares in evaluation.latency_ms.items()
    ]
    _table(["time", "median", "95 % within"], times)
    show()
    _table(["kind", "n", *BY_KIND.values(), "refused"], kind_rows(evaluation))
    found = failures(evaluation)
    show()
    show(bold("Look at these" if found else "No question failed."))
    for words, failed in found.items():
        show()
        show(mark(f"{words} ({len(failed)})"))
        for row in failed:
            _show_row(row)


def _show_calibration(calibration: Calibration) -> None:
    show()
    show(bold("From which confidence on to answer"))
    _table(
        ["", "threshold", "right", "wrong", "unanswerable refused"],
        [
            [name, limit, *(f"{share:.2f}" for share in (found.right, found.wrong, found.refused))]
            for name, limit, found in (
                ("before", f"{calibration.before:.3f}", calibration.outcome_before),
                ("now", f"{calibration.threshold:.3f}", calibration.outcome),
                ("expected of other questions", "", calibration.held_out),
            )
        ],
    )


def _show_row(row: Row) -> None:
    from rag.eval_report import explain

    show()
    _paragraph(f"{row.id}: {row.question}", strong=True)
    for label, text in explain(row):
        _paragraph(text, f"  {label:<{_LABEL}}")


def _compare(first: Path, second: Path, html: Path | None, as_json: bool) -> None:
    from rag.compare import compare, read_run
    from rag.eval_report import render_comparison

    comparison = compare(read_run(first), read_run(second))
    if as_json:
        show_json(comparison.to_json())
    else:
        _show_comparison(comparison)
    if html is not None:
        write_page(html, render_comparison(comparison), "--html")


def _show_comparison(comparison: Comparison) -> None:
    from rag.eval_report import LABELS, caution, changed, judgement, pairing, set_differently

    _paragraph(f"{pairing(comparison)}.", strong=True)
    for name, a, b in set_differently(comparison):
        _paragraph(f"{name}: A {a}, B {b}")
    rows = [
        [LABELS[name], *changed(compared, 0 if name in comparison.latency_ms else 2), judgement(name, compared)]
        for name, compared in [*comparison.measures.items(), *comparison.latency_ms.items()]
    ]
    show()
    _table(["measure", "A", "B", "B - A", "95% interval", "p", "n", ""], rows)
    _paragraph(caution(comparison))
    for name, change in comparison.changes.items():
        _show_change(name, change)


def _show_change(name: str, change: Change) -> None:
    show()
    show(bold(f"{name[0].upper()}{name[1:]}"))
    for words, rows in (("now", change.gained), ("no longer", change.lost)):
        if rows:
            _paragraph(", ".join(row.id for row in rows), f"  {f'{words} ({len(rows)})':<{_LABEL + 6}}")
    if not (change.gained or change.lost):
        show("  no question changed sides")


def _paragraph(text: str, label: str = "", strong: bool = False) -> None:
    """Text that may come from anywhere, wrapped behind its label."""
    lines = textwrap.wrap(one_line(text), _WIDTH - len(label), break_long_words=True) or [""]
    for number, line in enumerate(lines):
        show((dim(label) if number == 0 else " " * len(label)) + (bold(line) if strong else line))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, the first to the left and cut where the line would be too long."""
    cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    widths[0] = min(widths[0], _WIDTH - sum(widths[1:]) - 2 * (len(header) - 1))
    for number, row in enumerate(cells):
        first = row[0] if len(row[0]) <= widths[0] else row[0][: widths[0] - 1] + "…"
        rest = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        line = f"{first:<{widths[0]}}  {rest}".rstrip()
        show(dim(line) if number == 0 else line)
