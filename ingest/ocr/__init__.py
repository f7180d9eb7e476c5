"""Recognises the text of a page in its image: draws the page, finds and reads its lines, puts them in reading order.

`engine` is the one door to the recogniser and knows pixels, `layout` knows boxes and words, and the readers draw. Which
pages need this is a reader's decision (`Document.scans`); what is kept of a page's own text is that of `layer.better`.
"""

import re
from functools import lru_cache

from ingest.ocr.engine import Engine
from ingest.ocr.layout import text_of
from ingest.readers import images, pdf
from ingest.types import Source

DPI = 200
"""Dots an inch that a page is drawn with. See benchmarks/RESULTS.md: 150 reads small print worse, 300 takes longer to
draw and to search and reads no better."""

_LINE_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")


def recognise(source: Source, page: int, threads: int = 1) -> str:
    """The text seen on page `page` (1-based) of a PDF, or on a frame of an image file; "" where none is seen.

    The engine is loaded by the first call and kept for the process. Lines are separated by LF; the text is normalised
    as that of a PDF's own layer is.

    Args:
        threads: cores that the recogniser may use. One is best where as many processes work as there are cores.

    Raises:
        ReadError: the file or the page cannot be drawn; its status tells why.
        ModelError: the recogniser or its models are missing or changed.
    """
    draw = images.render if source.suffix in images.SUFFIXES else pdf.render
    text = text_of(_engine(threads).boxes(draw(source, page, DPI)))
    return pdf.normalise([_LINE_HYPHEN.sub(pdf.HYPHEN, text)])[0]


@lru_cache(maxsize=1)
def _engine(threads: int) -> Engine:
    return Engine(threads)
