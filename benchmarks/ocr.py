"""Recognition of scanned pages: ours against Tesseract, on pages whose text is known, clean and spoilt in several ways.

Pages of born-digital PDFs are drawn, so that the text layer is the truth. Running headers and footers stand in another
place of the layer than of the page, so their lines (those on more than half of a document's pages, digits aside) are
left out of both texts before the characters are compared; the recall of words counts them. Character accuracy is
1 - edit distance / length of the longer text, in reading order, white space collapsed, quotation marks and dashes
folded to ASCII. Of the pages, every second one is for tuning; the report is on the others.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median

import numpy as np
import rapidfuzz
from measure import BENCH, headline, note, table
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ingest.ocr import DPI, engine, layout
from ingest.readers import pdf
from ingest.types import Source

PAGES = 30  # in the sample, over all files
Pixels = NDArray[np.uint8]  # grey, (height, width)


@dataclass(frozen=True, slots=True)
class Truth:
    """A page and what its text layer says."""

    file: Path
    number: int
    text: str
    furniture: frozenset[str]  # running headers and footers, digits masked


@dataclass(frozen=True, slots=True)
class Score:
    """How well one page was recognised."""

    accuracy: float  # of characters, 0..1
    recall: float  # of words, 0..1, however they are ordered
    seconds: float  # drawing left out


# ---------------------------------------------------------------------------------------------------------------------
# Pages


def sample(folder: Path) -> list[Truth]:
    """PAGES pages spread over the files and over their beginnings, middles and ends."""
    files = sorted(folder.glob("*.pdf"))
    truths = []
    for turn in range(PAGES):
        file = files[turn % len(files)]
        texts = [page.text for page in read(file)]
        number = 1 + (turn * 7 + turn // len(files) * 4) % len(texts)
        counts = Counter(line for text in texts for line in {masked(line) for line in text.split("\n")} if line)
        furniture = frozenset(line for line, count in counts.items() if count * 2 > len(texts))
        truths.append(Truth(file, number, texts[number - 1], furniture))
    return truths


@lru_cache(maxsize=1)
def read(file: Path) -> tuple[pdf.Page, ...]:
    with file.open("rb") as opened:
        return pdf.read(Source(file.name, opened, file.stat().st_size)).pages


def drawn(truth: Truth, dpi: int) -> Pixels:
    with truth.file.open("rb") as opened:
        return pdf.render(Source(truth.file.name, opened, truth.file.stat().st_size), truth.number, dpi)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality)
    return Image.open(io.BytesIO(packed.getvalue()))


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    noise = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=abs(degrees) > 45, fillcolor=255)


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "clean": lambda image: image,
    "blurred, radius 1.2 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(1.2)),
    "noise of 40 of 255": lambda image: noisy(image, 40),
    "1° askew": lambda image: turned(image, 1),
    "2° askew, the other way": lambda image: turned(image, -2),
    "JPEG, quality 30": lambda image: jpeg(image, 30),
    "askew, blurred, noisy, JPEG": lambda image: jpeg(
        noisy(turned(image, 1.5).filter(ImageFilter.GaussianBlur(0.8)), 25), 30
    ),
    "upside down": lambda image: turned(image, 180),
    "on its left side": lambda image: turned(image, 90),
    "on its right side": lambda image: turned(image, -90),
}


# ---------------------------------------------------------------------------------------------------------------------
# Recognisers


@lru_cache(maxsize=1)
def rapid(threads: int) -> engine.Engine:
    return engine.Engine(threads)


def ours(image: Pixels, _dpi: int, threads: int = 1) -> str:
    return layout.text_of(rapid(threads).boxes(image))


def tesseract(image: Pixels, dpi: int) -> str:
    """Tesseract in its automatic mode; it also finds out how the page is turned (mode 1)."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.fromarray(image).save(file.name, compress_level=1)
        done = subprocess.run(
            ["tesseract", file.name, "-", "--psm", "1", "--dpi", str(dpi)],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    return done.stdout  # empty, with a word on stderr, where it finds too few characters


RECOGNISERS: dict[str, Callable[[Pixels, int], str]] = {"rapidocr": ours, "tesseract": tesseract}


# ---------------------------------------------------------------------------------------------------------------------
# Measures

_FOLDED = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‐": "-"})
_WORD = re.compile(r"[^\W_]+")


def masked(line: str) -> str:
    return re.sub(r"\d+", "#", " ".join(line.translate(_FOLDED).split()))


def body(text: str, furniture: frozenset[str]) -> str:
    """The text without lines that say what a line of the furniture says, or nearly, or that and the logo's letters."""

    def is_furniture(line: str) -> bool:
        return any(
            len(line) <= 1.5 * len(known) + 4 and rapidfuzz.fuzz.partial_ratio(known, line) >= 85 for known in furniture
        )

    kept = (line for line in text.split("\n") if not is_furniture(masked(line)))
    return " ".join(" ".join(kept).translate(_FOLDED).split())


def score(truth: Truth, recognised: str, seconds: float) -> Score:
    said, seen = (Counter(_WORD.findall(text.translate(_FOLDED).lower())) for text in (truth.text, recognised))
    return Score(
        rapidfuzz.distance.Levenshtein.normalized_similarity(
            body(truth.text, truth.furniture), body(recognised, truth.furniture)
        ),
        (said & seen).total() / max(said.total(), 1),
        seconds,
    )


def recognised(task: tuple[str, Truth, int, str, float]) -> Score:
    name, truth, dpi, variant, share = task
    engine.DETECT_SHARE = share
    image = np.asarray(VARIANTS[variant](Image.fromarray(drawn(truth, dpi))), np.uint8)
    if name == "rapidocr":
        rapid(1)  # loaded once for a process, so not in the time of a page
    began = time.perf_counter()
    text = RECOGNISERS[name](image, dpi)
    return score(truth, text, time.perf_counter() - began)


def scores(
    pool: ProcessPoolExecutor, name: str, truths: list[Truth], dpi: int, variant: str, share: float
) -> list[Score]:
    note(f"{name}, {dpi} dpi, {variant}")
    return list(pool.map(recognised, [(name, truth, dpi, variant, share) for truth in truths]))


def cells(found: list[Score]) -> list[str]:
    return [
        f"{mean(one.accuracy for one in found):.3f}",
        f"{min(one.accuracy for one in found):.3f}",
        f"{mean(one.recall for one in found):.3f}",
        f"{median(one.seconds for one in found):.1f}",
    ]


COLUMNS = ["accuracy", "worst page", "words", "s a page"]


def pool_of(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


# ---------------------------------------------------------------------------------------------------------------------
# Tables


def tuning(truths: list[Truth], names: list[str], shares: list[float]) -> Iterator[list[object]]:
    for name in names:
        for dpi in (150, 200, 300):
            for share in shares if name == "rapidocr" else [0]:
                with pool_of(2) as pool:
                    found = scores(pool, name, truths, dpi, "clean", share)
                yield [f"{name}, {dpi} dpi" + (f", searched at {share * dpi:.0f}" if share else ""), *cells(found)]


def spoilt(truths: list[Truth], names: list[str]) -> Iterator[list[object]]:
    with pool_of(2) as pool:
        for variant in VARIANTS:
            for name in names:
                yield [f"{variant}: {name}", *cells(scores(pool, name, truths, DPI, variant, engine.DETECT_SHARE))]


def run_pages(task: tuple[list[Truth], int]) -> int:
    """Recognise these pages with so many threads; returns the peak of resident memory in bytes."""
    import resource

    truths, threads = task
    for truth in truths:
        ours(drawn(truth, DPI), DPI, threads)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ways(truths: list[Truth]) -> Iterator[list[object]]:
    """One process with two threads against two processes with one, loading included in neither."""
    for workers, threads in ((1, 1), (1, 2), (2, 1)):
        parts = [(truths[start::workers], threads) for start in range(workers)]
        with pool_of(workers) as pool:
            list(pool.map(run_pages, [([truths[0]], threads)] * workers))
            began = time.perf_counter()
            peaks = list(pool.map(run_pages, parts))
        rate = len(truths) / (time.perf_counter() - began)
        yield [f"{workers} × {threads}", f"{1 / rate:.2f}", f"{max(peaks) / 1e6:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", type=Path, default=BENCH)
    parser.add_argument("--tune", action="store_true", help="the settings, on the pages kept for tuning")
    parser.add_argument("--ways", action="store_true", help="processes and threads")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[engine.DETECT_SHARE], help="with --tune: DETECT_SHARE"
    )
    arguments = parser.parse_args()
    names = [name for name in RECOGNISERS if name == "rapidocr" or shutil.which(name)]
    truths = sample(arguments.bench / "epa" / "pdfs")
    if arguments.ways:
        title = headline("Recognising pages with processes and threads")
        print(title, table(["processes × threads", "s a page", "MB each"], list(ways(truths[1::6]))), sep="\n")
    elif arguments.tune:
        title = headline(f"Settings, {len(truths[::2])} pages kept for tuning")
        print(title, table(["setting", *COLUMNS], list(tuning(truths[::2], names, arguments.shares))), sep="\n")
    else:
        title = headline(f"Recognised pages, {len(truths[1::2])} others, {DPI} dpi")
        print(title, table(["page", *COLUMNS], list(spoilt(truths[1::2], names))), sep="\n")


if __name__ == "__main__":
    main()
