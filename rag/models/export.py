"""The one door to sentence-transformers, transformers and torch: export an embedding model, or run a folder as it is.

Importing these takes about 6 s, so nothing on the path of a question comes here; the export happens once.
"""

import contextlib
import io
import logging
import platform
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError
from rag.models.folder import refuse_code

_GPU_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, and either under WSL
_PERSON = re.compile(r"(?:^|-)PER(?:SON)?$", re.I)  # a label of token classification
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


def torch_library() -> Any:
    """torch, for the modules of `rag/tune` that train; 2.5 s."""
    import torch

    return torch


@contextlib.contextmanager
def _no_pickles() -> Iterator[None]:
    """Within it, torch reads no pickles: a library that falls back to a file of that kind gets an error instead."""
    import torch

    def refuse(*_args: object, **_options: object) -> None:
        raise ModelError("The model would be read from a pickle, which can run code; name one that is in safetensors.")

    loads, torch.load = torch.load, refuse
    try:
        yield
    finally:
        torch.load = loads


def load(folder: Path, device: str = "cpu") -> Any:
    """The SentenceTransformer of `folder`, from local files alone. Raises ModelError if it is none."""
    from sentence_transformers import SentenceTransformer  # late: 5.5 s
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if not (folder / "modules.json").is_file():
        raise ModelError(f"{folder} is no sentence-transformers folder (it has no modules.json); name one that is.")
    refuse_code(folder)
    try:
        with _no_pickles():
            # Eager attention: plain operators, which the exporter and the quantiser understand.
            return SentenceTransformer(
                str(folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"attn_implementation": "eager", "use_safetensors": True},
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
    write_onnx(
        Pipeline().eval(),
        (sample["input_ids"], sample["attention_mask"]),
        target,
        {"input_ids": tokens, "attention_mask": tokens, "vectors": batch},
    )


def write_onnx(network: Any, sample: Sequence[Any], target: Path, axes: Mapping[str, Mapping[int, str]]) -> None:
    """Write a torch network as an ONNX graph, traced with the tensors of `sample`.

    Args:
        axes: of each input, in the order of `sample`, and then of each output, which of its axes may have any length.
    """
    import torch

    names = list(axes)
    # The exporter talks a lot about its own deprecation; the results are compared with the reference in the tests.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            network,
            tuple(sample),
            str(target),
            input_names=names[: len(sample)],
            output_names=names[len(sample) :],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # the newer exporter needs onnxscript and gains nothing for these networks
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


@dataclass(frozen=True, slots=True)
class PairResult:
    """What a folder's model makes of a question and a passage of t tokens."""

    score: float  # relevance, a logit; that of a span model is not used
    span: NDArray[np.float32] | None  # (t, 2) logits of the answer's first and last token; None: it only ranks
    offsets: NDArray[np.int64]  # (t, 2) half-open code points
    nowhere: float  # score of "no answer", the sum of both logits at the first position


class FolderTagger:
    """Runs a folder with a model for token classification, with torch, to find names of people."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForTokenClassification, AutoTokenizer  # late: 5 s

        _in_safetensors(folder)
        try:
            with _no_pickles():
                self._model, said = AutoModelForTokenClassification.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, output_loading_info=True
                )
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder} cannot be loaded by transformers: {error}") from error
        labels = self._model.config.id2label
        # "B-PER" begins a name, "I-PER" goes on with one; some models say "PER" or "PERSON" of all of it.
        self._names = {number: label.upper() for number, label in labels.items() if _PERSON.search(label)}
        if said["missing_keys"] or not self._names:
            listed = ", ".join(labels.values())
            raise ModelError(
                f"{folder} is no model that knows names of people (its labels: {listed}); name one for token "
                "classification with a label PER or PERSON."
            )
        self._model.eval()
        self._longest = min(int(self._tokenizer.model_max_length), int(self._model.config.max_position_embeddings))

    def people(self, text: str) -> list[tuple[int, int]]:
        """Where people are named, half-open code points, in their order. A long text is read in overlapping windows."""
        import torch

        windows = self._tokenizer(
            text,
            truncation=True,
            max_length=self._longest,
            stride=self._longest // 4,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        spans: set[tuple[int, int]] = set()
        for ids, offsets in zip(windows["input_ids"], windows["offset_mapping"], strict=True):
            with torch.inference_mode():
                said = self._model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
            labelled = zip(offsets, (self._names.get(number) for number in said), strict=True)
            spans |= {(start, _word_end(text, end)) for start, end in _joined(text, labelled)}
        return _united(sorted(spans))


def _joined(text: str, tokens: Iterable[tuple[Sequence[int], str | None]]) -> Iterator[tuple[int, int]]:
    """Names from tokens' places and labels (None: of none); a name goes on over spaces, unless another one begins."""
    name: tuple[int, int] | None = None
    for (start, end), label in tokens:
        if start == end:
            continue  # a mark of the model's own
        goes_on = name is not None and label is not None and not text[name[1] : start].strip(" ")
        if name is not None and goes_on and (start == name[1] or not str(label).startswith("B-")):
            name = (name[0], end)
            continue
        if name is not None:
            yield name
        name = (start, end) if label is not None else None
    if name is not None:
        yield name


def _word_end(text: str, end: int) -> int:
    """Where the word ends that `end` may lie within."""
    while end < len(text) and text[end].isalnum():
        end += 1
    return end


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap as one: windows see the same name, one of them cut."""
    united: list[tuple[int, int]] = []
    for start, end in spans:
        if united and start < united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united


def _in_safetensors(folder: Path) -> None:
    """Raise ModelError unless the folder's weights are in safetensors and nothing in it would run as code."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"{folder} has no model.safetensors; name a folder that has: other formats are not loaded.")
    refuse_code(folder)


class FolderNetwork:
    """Runs a folder with a cross-encoder or an extractive question-answering model, with torch."""

    def __init__(self, folder: Path) -> None:
        from transformers import (  # late: 5 s
            AutoConfig,
            AutoModelForQuestionAnswering,
            AutoModelForSequenceClassification,
            AutoTokenizer,
        )

        _in_safetensors(folder)
        try:
            kinds = " ".join(AutoConfig.from_pretrained(folder, local_files_only=True).architectures or ())
            self._points = "ForQuestionAnswering" in kinds
            if not self._points and "ForSequenceClassification" not in kinds:
                raise ModelError(
                    f"{folder} is neither a cross-encoder nor a question-answering model (it says "
                    f"{kinds or 'nothing'!r}); name a folder of one of these kinds."
                )
            kind = AutoModelForQuestionAnswering if self._points else AutoModelForSequenceClassification
            with _no_pickles():
                self._model = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder} cannot be loaded by transformers: {error}") from error
        self._longest = min(int(self._tokenizer.model_max_length), int(self._model.config.max_position_embeddings))

    def run(self, question: str, passage: str) -> PairResult:
        """One pair; the passage is cut at its end where both together are longer than the model reads."""
        import torch

        encoded = self._tokenizer(
            question,
            passage,
            truncation="only_second",
            max_length=self._longest,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = np.asarray(encoded.pop("offset_mapping")[0], dtype=np.int64)
        second = np.asarray([which == 1 for which in encoded.sequence_ids(0)])
        with torch.inference_mode():
            result = self._model(**encoded)
        if not self._points:
            logits = result.logits[0].float().numpy()
            # One output is a relevance; of two or more, the last is the class "relevant" or "entailed" by convention.
            score = float(logits[0]) if len(logits) == 1 else float(logits[-1] - logits[:-1].max())
            return PairResult(score, None, offsets[second], 0.0)
        span = np.stack([result.start_logits[0].float().numpy(), result.end_logits[0].float().numpy()], axis=1)
        return PairResult(0.0, span[second].astype(np.float32), offsets[second], float(span[0].sum()))
