"""`rag forget`: erase a file from the index, and prove it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from rag.cli.command import JsonOption
from rag.cli.opening import open_catalog
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json

LEFT_OVER = 4


def forget(
    settings: Settings,
    path: Annotated[str, typer.Argument(help="The file as citations name it, or its place on disk; or a folder.")],
    as_json: JsonOption = False,
) -> int:
    """Erase a file's text, vectors and names from the index, search the raw files for them, and print a receipt."""
    from rag.store.forget import forget as erase
    from rag.store.lock import write_lock

    open_catalog(settings).close()  # says so where there is nothing, or nothing sound
    with write_lock(settings.index):
        receipt = erase(settings.index, settings.home, path)
    if as_json:
        show_json(asdict(receipt))
    else:
        for report in receipt.erased:
            held = f"{counted(report.pages, 'page')}, {counted(report.chunks, 'passage')}, SHA-256 {report.sha256}"
            show(f"  {bold('erased')}  {one_line(report.path)}  ({held})")
        for name in receipt.still_held:
            show(mark(f"  The same content is still indexed as {one_line(name)}."))
        shared = f"; {receipt.shared:,} more stand in other documents too" if receipt.shared else ""
        show(
            f"Searched {counted(receipt.files, 'file')} ({receipt.bytes:,} bytes) below {settings.home} for "
            f"{receipt.pieces:,} pieces of the text, vectors and names{shared}."
        )
        for name in receipt.found:
            show(mark(f"  Still found in {one_line(name)}"))
        if not receipt.found:
            show(bold("0 occurrences left."))
        say(
            "The documents themselves were not touched: the next `rag ingest` of their folder indexes them again, "
            "unless they are moved away."
        )
    return LEFT_OVER if receipt.found else 0
