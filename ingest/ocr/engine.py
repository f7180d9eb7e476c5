"""The one door to rapidocr: finds lines of text in an image and reads them.

The networks are PP-OCR's, carried by the package as ONNX files; nothing is downloaded, and files whose hash is not the
one below are refused. A page that was scanned sideways or upside down is turned first, by the look of its lines. Knows
no reading order and no documents.
"""

import hashlib
import importlib.util
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError
from ingest.ocr.layout import Box, Quad, upright

MODELS = {
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    "ch_ppocr_mobile_v2.0_cls_mobile.onnx": "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
}
"""SHA-256 of the files in rapidocr 3.10.0 (Apache-2.0): where is text, what does it say, is it upside down."""

DETECT_SHARE = 0.55
"""What is searched for lines is the page made smaller by this: 110 dpi of a page drawn at 200, where 7-point letters
are 7 pixels high. The lines themselves are read at the page's own size."""
DETECT_SIDES = (960, 2560)  # least and most pixels of the longer side of what is searched; the most takes 4 to 6 s
MIN_SCORE = 0.5  # 0..1, mean certainty of a line's characters; what is below are mostly logos and pictures

_VOTERS = 9  # lines, the longest of the page, that say whether it is upside down; 15 ms in all
_MIN_VOTERS = 3  # fewer lines than this leave the page as it is
_VOTER_SHAPE = 4  # times as long as high: of a voter only its start is looked at, as the network was trained
_TALL = 1.5  # times as high as wide: then a box is a line of text on its side
_MAX_SHAPE = 200  # times as long as high: 400 letters in a line are none, but a rule, and cost gigabytes to read


class Engine:
    """Networks loaded into memory; takes 0.4 s to make. One image at a time."""

    def __init__(self, threads: int = 1) -> None:
        """Load the networks, to run on `threads` cores. Raises ModelError."""
        folder = _models()
        # Set before OpenCV is imported: it would start a thread for every core, and gains nothing here.
        os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
        has_ipv6, socket.has_ipv6 = socket.has_ipv6, False
        try:
            from rapidocr import RapidOCR  # late: 1 s, it imports OpenCV
            from rapidocr.utils.process_img import get_rotate_crop_image
        except ImportError as error:
            raise ModelError(f"rapidocr cannot be imported ({error}); install requirements.lock again.") from error
        finally:
            # It imports what it could download with, which opens a socket at import to see whether there is IPv6.
            socket.has_ipv6 = has_ipv6
        detect, read, turn = (str(folder / name) for name in MODELS)
        self._crop: Any = get_rotate_crop_image
        self._rapid: Any = RapidOCR(
            params={
                "Global.log_level": "critical",  # it has a handler of its own that writes to stderr
                "Global.max_side_len": 1_000_000,  # pages come in the size they are to be read in
                "Global.text_score": MIN_SCORE,
                # Named, so that it never comes to the code that downloads them.
                "Det.model_path": detect,
                "Rec.model_path": read,
                "Cls.model_path": turn,
                "Det.limit_type": "max",
                # Lines one by one: in a batch each is as long as the longest. 2.9 against 3.7 s a page, half the memory
                "Rec.rec_batch_num": 1,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._detect(np.full((64, 64, 3), 255, np.uint8))  # networks are loaded at their first use

    def boxes(self, image: NDArray[np.uint8]) -> list[Box]:
        """The lines of text in a grey image `(height, width)`, as they lie on the page when it is held upright."""
        page = np.repeat(image[:, :, None], 3, axis=2)
        quads = self._detect(page)
        if turns := self._turns(page, quads):
            page = np.ascontiguousarray(np.rot90(page, turns))
            quads = self._detect(page)
        read = [(quad, self._read(page, quad)) for quad in quads if _shape(quad) <= _MAX_SHAPE]
        return upright([(_corners(quad), text) for quad, text in read if text])

    def _detect(self, page: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Corners `(n, 4, 2)` in pixels, x before y: top left, top right, bottom right, bottom left."""
        if self._rapid.text_det is not None:
            least, most = DETECT_SIDES
            self._rapid.text_det.limit_side_len = int(min(max(DETECT_SHARE * max(page.shape), least), most))
        found = self._rapid(page, use_det=True, use_cls=False, use_rec=False).boxes
        return np.zeros((0, 4, 2), np.float32) if found is None else np.asarray(found, np.float32)

    def _read(self, page: NDArray[np.uint8], quad: NDArray[np.float32]) -> str:
        result = self._rapid(self._crop(page, quad), use_det=False, use_cls=False, use_rec=True)
        if not result.txts or result.scores[0] < MIN_SCORE:
            return ""
        return str(result.txts[0]).strip()

    def _turns(self, page: NDArray[np.uint8], quads: NDArray[np.float32]) -> int:
        """Quarter turns, counter-clockwise, after which the page is upright: the vote of its longest lines."""
        voters = sorted(quads, key=lambda quad: -max(_sides(quad)))[:_VOTERS]
        if len(voters) < _MIN_VOTERS:
            return 0
        tall = sum(_sides(quad)[1] > _TALL * _sides(quad)[0] for quad in voters) * 2 > len(voters)
        overturned = sum(self._is_overturned(self._crop(page, quad)) for quad in voters) * 2 > len(voters)
        # A crop that is tall comes turned by a quarter counter-clockwise already.
        return int(tall) + 2 * int(overturned)

    def _is_overturned(self, line: NDArray[np.uint8]) -> bool:
        start = np.ascontiguousarray(line[:, : _VOTER_SHAPE * line.shape[0]])
        label, _certainty = self._rapid(start, use_det=False, use_cls=True, use_rec=False).cls_res[0]
        return bool(label == "180")


def _sides(quad: NDArray[np.float32]) -> tuple[float, float]:
    """Length of the upper and of the left side, in pixels."""
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def _shape(quad: NDArray[np.float32]) -> float:
    longer, shorter = sorted(_sides(quad), reverse=True)
    return longer / max(shorter, 1.0)


def _corners(quad: NDArray[np.float32]) -> Quad:
    a, b, c, d = ((float(x), float(y)) for x, y in quad)
    return a, b, c, d


def _models() -> Path:
    """The folder of the networks, each of them checked."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ModelError("rapidocr, which recognises text in scans, is not installed; install requirements.lock.")
    folder = Path(spec.origin).parent / "models"
    for name, expected in MODELS.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise ModelError(f"{folder / name} cannot be read ({error.strerror}); install rapidocr again.") from error
        if found != expected:
            raise ModelError(f"{folder / name} is not the network of the catalogue; install rapidocr 3.10.0 again.")
    return folder
