"""`rag forget`: erase a file from the index, and prove it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from rag.cli.command import JsonOption
from rag.cli.opening import open_catalog, open_recorder
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json

LEFT_OVER = 4


def forget(
    settings: Settings,
    path: Annotated[str, typer.Argument(help="The file as citations name it, or its place on disk; or a folder.")],
    as_json: JsonOption = False,
) -> int:
    """Erase a file's text, vectors and names from the index, search the raw files for them, and print a receipt."""
    from rag.models import adapters
    from rag.record.ledger import Ledger
    from rag.record.notes import of_erasure
    from rag.store.forget import forget as erase
    from rag.store.lock import write_lock

    open_catalog(settings).close()  # says so where there is nothing, or nothing sound
    with write_lock(settings.index):
        ledger = Ledger(settings.ledger, settings.key)
        receipt = erase(settings.index, settings.home, path, ledger, key=settings.key)
    adapters.discard_unfinished(settings.adapters)
    learnt = [one.name for one in adapters.listed(settings.adapters) if one.collection == settings.collection]
    failure = open_recorder(settings).write(lambda: of_erasure(receipt, settings.index))
    if as_json:
        show_json(asdict(receipt) | {"learnt_from_it": learnt})
    else:
        for report in receipt.erased:
            text = f"{counted(report.pages, 'page')}, {counted(report.chunks, 'passage')}"
            held = f"{counted(report.events, 'event') if report.events else text}, SHA-256 {report.sha256}"
            show(f"  {bold('erased')}  {one_line(report.path)}  ({held})")
        for name in receipt.still_held:
            show(mark(f"  The same content is still indexed as {one_line(name)}."))
        shared = f"; {receipt.shared:,} more stand in other documents too" if receipt.shared else ""
        show(
            f"Searched {counted(receipt.files, 'file')} ({receipt.bytes:,} bytes) below {settings.home} for "
            f"{receipt.pieces:,} pieces of the text, vectors and names{shared}."
        )
        if receipt.redacted:
            numbers = ", ".join(map(str, receipt.redacted))
            entries = "entry" if len(receipt.redacted) == 1 else "entries"
            show(f"What told of it is gone from the record, too: from {entries} {numbers}.")
        for name in receipt.found:
            show(mark(f"  Still found in {one_line(name)}"))
        if not receipt.found:
            show(bold("0 occurrences left."))
        for name in learnt:
            say(mark(one_line(f"{name} was learnt from this collection and may hold traces; see `rag tune drop`.")))
        say(
            "The documents themselves were not touched: the next `rag ingest` of their folder indexes them again, "
            "unless they are moved away."
        )
    if failure:
        say(mark(one_line(failure)))
    return LEFT_OVER if receipt.found else 0
