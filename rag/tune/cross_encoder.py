"""The reader's network: MiniLM as a cross-encoder over (question, passage) with three heads.

Input is one sequence, `[CLS] question [SEP] context and passage [SEP]`. Outputs, for n sequences of t tokens: how
relevant the passage is `(n,)`, whether the answer stands in it `(n,)`, and for each token how likely the answer
starts and ends there `(n, t, 2)`; position 0 stands for "no answer", as in Devlin et al., "BERT", 2019, section 4.3.

Needs torch, so it is imported late. What learns with it: `rag/tune/reader.py`, and `training/`.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel
from transformers.utils.logging import disable_progress_bar

from ingest.errors import ModelError
from rag.models.export import write_onnx
from rag.models.network import quantise
from rag.models.reader import OUTPUTS
from rag.tune.batches import Batch

BLOCKED = -1e4  # added to a score that must not win; float16 and bfloat16 can hold it

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_PRODUCT = re.compile(r"/(?:Gemm_)?MatMul_quant$")
_QUANTISED = "_quantized", "_scale", "_zero_point"  # how ONNX Runtime names the three parts of a weight


class CrossEncoder(nn.Module):
    """The packaged encoder and three heads on it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        logging.getLogger("transformers").setLevel(logging.ERROR)
        disable_progress_bar()
        # Eager attention: faster than the fused kind at these lengths on a CPU, and plain operators for the exporter.
        self.encoder = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False)
        size = self.encoder.config.hidden_size
        self.pool = nn.Linear(size, size)
        self.judge = nn.Linear(size, 2)  # relevance, answerable
        self.point = nn.Linear(size, 2)  # start, end
        # One pass over much data: nothing is seen twice soon enough to be learnt by heart, so dropout only slows.
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        # Words keep the meaning they have; half of the network's parameters need no optimiser.
        self.encoder.embeddings.word_embeddings.weight.requires_grad_(False)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Relevance `(n,)`, answerable `(n,)` and span `(n, t, 2)`, all as logits; inputs int64 `(n, t)`.

        A span may start and end in the passage (token type 1) or at position 0.
        """
        hidden = self.encoder(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
        judged = self.judge(torch.tanh(self.pool(hidden[:, 0])))
        allowed = (attention_mask * token_type_ids).to(hidden.dtype)
        allowed = torch.cat([torch.ones_like(allowed[:, :1]), allowed[:, 1:]], dim=1)
        span = self.point(hidden) + ((1 - allowed) * BLOCKED)[:, :, None]
        return judged[:, 0], judged[:, 1], span


def loss(network: CrossEncoder, batch: Batch) -> Tensor:
    """How far the network is from what is wanted of a batch: the sum of ranking, "is it in there", and where."""
    device = network.judge.weight.device
    inputs = (batch.input_ids, batch.attention_mask, batch.token_type_ids)
    # What is left to reckon is little, and stays with the batch.
    relevance, answerable, span = (found.float().cpu() for found in network(*(ids.to(device) for ids in inputs)))
    total = torch.zeros(())
    known = batch.answerable >= 0
    if known.any():
        total = total + functional.binary_cross_entropy_with_logits(answerable[known], batch.answerable[known].float())
    pointed = batch.span[:, 0] >= 0
    if pointed.any():
        where = batch.span[pointed]
        total = (
            total
            + (
                functional.cross_entropy(span[pointed, :, 0], where[:, 0])
                + functional.cross_entropy(span[pointed, :, 1], where[:, 1])
            )
            / 2
        )
    return total + _ranking(relevance, batch)


def _ranking(relevance: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of the relevant passage among its group (list-wise; Cao et al., 2007), and a little of its size."""
    count = int(batch.group.max()) + 1
    used = batch.relevant >= 0
    table = torch.full((count, len(relevance)), BLOCKED)
    rows = torch.arange(len(relevance))
    table[batch.group[used], rows[used]] = relevance[used]
    good = torch.zeros_like(table)
    good[batch.group[used], rows[used]] = (batch.relevant[used] == 1).float()
    lists = (good.sum(1) >= 1) & ((table > BLOCKED / 2).sum(1) >= 2)
    total = torch.zeros(())
    if lists.any():
        table, good = table[lists], good[lists]
        total = -(functional.log_softmax(table, 1) * good).sum(1).div(good.sum(1)).mean()
    if used.any():
        # Anchors the scale, which a softmax leaves open, so that scores of different questions can be compared.
        total = total + 0.3 * functional.binary_cross_entropy_with_logits(relevance[used], batch.relevant[used].float())
    return total


def fill(network: CrossEncoder, source: Path) -> None:
    """Give `network` the weights of an int8 file that `write` wrote; what rounding took is lost.

    Raises:
        ModelError: the file lacks a weight, or holds one of another shape.
    """
    graph = onnx.load(source).graph
    stored = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    # A matrix lost its name when it was transposed for the product; the product's node still has its module's.
    products = {
        _PRODUCT.sub("", node.name).strip("/").replace("/", "."): node.input[1]
        for node in graph.node
        if node.op_type == "MatMulInteger"
    }
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not parameter.requires_grad:
                continue  # as packaged, and not rounded
            module = name.removesuffix(".weight")
            if name in stored:
                value = stored[name]
            elif f"{name}_quantized" in stored:
                value = _whole(stored, name)
            elif module in products:
                value = _whole(stored, products[module].removesuffix("_quantized")).T
            else:
                raise ModelError(f"{source} has no weight {name}.")
            if value.shape != tuple(parameter.shape):
                raise ModelError(f"{source}: {name} is {value.shape}, not {tuple(parameter.shape)}.")
            parameter.copy_(torch.tensor(value))


def _whole(stored: Mapping[str, NDArray[np.generic]], name: str) -> NDArray[np.float32]:
    values, scale, zero = (stored[name + part].astype(np.float32) for part in _QUANTISED)
    whole: NDArray[np.float32] = (values - zero) * scale
    return whole


def write(network: CrossEncoder, whole: Path, small: Path) -> None:
    """Write a network in float32 as ONNX: as it is, and in int8, as the program runs it."""
    sample = tuple(torch.ones(2, 8, dtype=torch.long) for _ in _INPUTS)
    axes = {0: "batch", 1: "tokens"}
    outputs = dict(zip(OUTPUTS, ({0: "batch"}, {0: "batch"}, axes), strict=True))
    write_onnx(network.eval(), sample, whole, dict.fromkeys(_INPUTS, axes) | outputs)
    quantise(whole, small)
