"""The reader's network: MiniLM as a cross-encoder over (question, passage) with three heads.

Input is one sequence, `[CLS] question [SEP] context and passage [SEP]`. Outputs, for n sequences of t tokens: how
relevant the passage is `(n,)`, whether the answer stands in it `(n,)`, and for each token how likely the answer
starts and ends there `(n, t, 2)`; position 0 stands for "no answer", as in Devlin et al., "BERT", 2019, section 4.3.
"""

import logging
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import BertModel

BLOCKED = -1e4  # added to a score that must not win; float16 and bfloat16 can hold it


class Reader(nn.Module):
    """The packaged encoder and three heads on it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        logging.getLogger("transformers").setLevel(logging.ERROR)
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
