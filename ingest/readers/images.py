"""Reads image files: each frame is a page without text, to be recognised. Writes PNG. The one door to Pillow."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ingest.errors import ReadError
from ingest.types import Document, FileStatus, Page, Source

if TYPE_CHECKING:  # numpy takes 0.1 s to import
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".tif", ".tiff"})
MIN_SIDE = 800
"""Pixels of the longer side. A small sheet (A5) has 826 at 100 dpi, below which nothing is read; logos have fewer."""
MAX_FRAMES = 1_000
MAX_PIXELS = 80_000_000
"""Of a frame: an A2 sheet at 400 dpi has 61 million. A file of a few bytes can claim billions."""

_RED = (200, 30, 30)
_FORMATS = ("JPEG", "PNG", "TIFF")
_DRAWN_PIXELS = 12_000_000  # what is recognised, as for a page of a PDF


def read(source: Source) -> Document:
    """One page for each frame, all of them scans. Raises ReadError: DAMAGED, TOO_LARGE, UNSUPPORTED (a logo)."""
    with _opened(source) as image:
        count = int(getattr(image, "n_frames", 1))
        if max(image.size) < MIN_SIDE and count == 1:
            size = f"{image.width} by {image.height}"
            raise ReadError(FileStatus.UNSUPPORTED, f"a picture of {size} pixels is too small to be a page of text")
    if count > MAX_FRAMES:
        raise ReadError(FileStatus.TOO_LARGE, f"the image holds {count:,} frames; the limit is {MAX_FRAMES:,}")
    numbers = range(1, count + 1)
    return Document(source.path, None, tuple(Page(source.path, number, "") for number in numbers), scans=tuple(numbers))


def render(source: Source, number: int, dpi: int) -> "NDArray[np.uint8]":  # noqa: ARG001 - an image has its own size
    """Frame `number` (1-based) in grey, turned as the camera says, uint8 `(height, width)`.

    Raises ReadError as `read` does, and DAMAGED where this frame cannot be decoded.
    """
    import numpy as np
    from PIL import Image, ImageOps

    with _opened(source) as image:
        image.seek(number - 1)
        _check(image)
        upright = ImageOps.exif_transpose(image)
        if "A" in upright.getbands() or "transparency" in upright.info:  # what is behind a page is white
            upright = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
        grey = upright.convert("L")
        if (factor := (grey.width * grey.height / _DRAWN_PIXELS) ** 0.5) > 1:
            grey = grey.resize((max(int(grey.width / factor), 1), max(int(grey.height / factor), 1)))
        return np.asarray(grey, np.uint8).copy()


def png(pixels: "NDArray[np.uint8]", boxes: Sequence[tuple[int, int, int, int]]) -> bytes:
    """A PNG file of a grey picture, uint8 `(height, width)`, with red `boxes` (left, top, right, bottom) drawn in."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels).convert("RGB")
    draw = ImageDraw.Draw(image)
    for left, top, right, bottom in boxes:
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_RED, width=2)
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """The image, its pixels not yet decoded; whatever goes wrong with it inside leaves as a ReadError."""
    from PIL import Image, UnidentifiedImageError  # late: 0.1 s

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities of metadata, and a size that is checked here
        try:
            source.file.seek(0)
            with Image.open(source.file, formats=_FORMATS) as image:
                _check(image)
                yield image
        except ReadError:
            raise
        except Image.DecompressionBombError as error:
            raise _too_large() from error
        except UnidentifiedImageError as error:
            raise ReadError(
                FileStatus.UNSUPPORTED, "it is not the JPEG, PNG or TIFF image that its name says"
            ) from error
        except (OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
            # Pillow raises any of these for data that break its decoders.
            raise ReadError(FileStatus.DAMAGED, f"the image cannot be decoded ({type(error).__name__})") from error


def _check(image: Any) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()


def _too_large() -> ReadError:
    return ReadError(FileStatus.TOO_LARGE, f"the image has more than {MAX_PIXELS:,} pixels; save it smaller")
