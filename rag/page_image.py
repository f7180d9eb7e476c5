"""A page of a PDF as a picture, with a quotation boxed: for people who believe what they see."""

from pathlib import Path

from ingest.errors import StorageError, UsageError
from ingest.readers import images, pdf
from ingest.types import Source

DPI = 110  # a line of ordinary print is readable, an A4 page fits a screen


def write_picture(file: Path, number: int, text: str, span: tuple[int, int] | None, target: Path) -> bool:
    """Write page `number` of the PDF `file` to `target` as PNG.

    Args:
        text: of the page, as it is stored.
        span: of the quotation in `text`; None: nothing is boxed.

    Returns:
        Whether the quotation was found on the page and boxed; False also for a span of None.

    Raises:
        ReadError: the file cannot be read, or the page cannot be drawn.
        UsageError: `target` exists already.
        StorageError: it cannot be written.
    """
    if target.exists():
        raise UsageError(f"{target} is there already; name another file.")
    with file.open("rb") as opened:
        source = Source(file.name, opened, file.stat().st_size)
        pixels, boxes = pdf.render_with(source, number, DPI, text, span or (0, 0))
    try:
        target.write_bytes(images.png(pixels, boxes))
    except OSError as error:
        raise StorageError(f"Cannot write {target} ({error.strerror}); name another file.") from error
    return bool(boxes)
