"""The one door to sentence-transformers and torch: export an embedding model, or run a folder as it is.

Importing these takes about 6 s, so nothing on the path of a question comes here; the export happens once.
"""

import contextlib
import io
import logging
import platform
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError

_GPU_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, and either under WSL
OPSET = 17  # the newest that the TorchScript exporter writes; all operators of BERT-like networks are in it


def accelerator() -> str | None:
    """The torch device of this machine's graphics processor; None if it has none that torch can use.

    Costs nothing where the system shows none, which is the case that matters: torch itself takes 2.5 s to import.
    """
    if platform.system() == "Darwin":
        device = "mps" if platform.machine() == "arm64" else None
    else:
        device = "cuda" if any(Path(node).exists() for node in _GPU_NODES) else None
    if device is None:
        return None
    import torch

    usable = torch.backends.mps.is_available() if device == "mps" else torch.cuda.is_available()
    return device if usable else None


def load(folder: Path, device: str = "cpu") -> Any:
    """The SentenceTransformer of `folder`, from local files alone. Raises ModelError if it is none."""
    from sentence_transformers import SentenceTransformer  # late: 5.5 s
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if not (folder / "modules.json").is_file():
        raise ModelError(f"{folder} is no sentence-transformers folder (it has no modules.json); name one that is.")
    try:
        # Eager attention: plain operators, which the exporter and the quantiser understand.
        return SentenceTransformer(
            str(folder), device=device, local_files_only=True, model_kwargs={"attn_implementation": "eager"}
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} cannot be loaded as a sentence-transformers model: {error}") from error


def export_onnx(folder: Path, target: Path) -> None:
    """Write `folder`'s whole pipeline (transformer, pooling, unit length) as one fp32 ONNX graph.

    Inputs `input_ids`, `attention_mask`: int64 `(batch, tokens)`; output `vectors`: float32 `(batch, dim)`, unit rows.
    """
    import torch

    pipeline = load(folder)

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pipeline = pipeline

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.pipeline({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    sample = pipeline.tokenizer(["a sample", "a sample of another length"], padding=True, return_tensors="pt")
    batch, tokens = {0: "batch"}, {0: "batch", 1: "tokens"}
    # The exporter talks a lot about its own deprecation; the result is compared with the reference in the tests.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            Pipeline().eval(),
            (sample["input_ids"], sample["attention_mask"]),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": tokens, "attention_mask": tokens, "vectors": batch},
            opset_version=OPSET,
            dynamo=False,  # the newer exporter needs onnxscript and gains nothing for this network
        )


class FolderEmbedder:
    """Runs any sentence-transformers folder that the user names, with torch. Slower than ONNX, and always right."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self._model = load(folder, device)
        self.max_tokens = int(self._model.max_seq_length)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), dim)`, unit rows."""
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, dtype=np.float32)
