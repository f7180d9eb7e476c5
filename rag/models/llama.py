"""The one door to llama.cpp: load a GGUF file, stream replies in its own chat template, requantise it."""

import ctypes
import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.errors import ModelError
from rag.models.bpe import PATTERNS, TokenCounter
from rag.models.catalogue import LANGUAGE, sha256, verify
from rag.models.derived import derived
from rag.models.network import usable_cores

CONTEXT = 2048  # tokens; prompts are kept below 700, and a larger context only costs memory
RECIPE = "llama.cpp requantise Q4_1 to Q8_0, v1"
CONTROL = 8  # llama.cpp's attribute bit of a control token


class LlamaGenerator:
    """A GGUF model. Satisfies `rag.types.Generator`. Greedy, so that the same prompt gives the same text."""

    def __init__(self, path: Path, name: str, digest: str) -> None:
        llama_cpp = _library()
        self.name = name
        self.sha256: str | None = digest
        self.host = ""
        cores = usable_cores()
        try:
            self._llama = llama_cpp.Llama(
                str(path), n_ctx=CONTEXT, n_batch=512, n_threads=cores, n_threads_batch=cores, verbose=False
            )
        except (ValueError, OSError) as error:
            raise ModelError(f"{path} cannot be loaded by llama.cpp ({error}); name a GGUF file that can.") from error
        # Freed before the interpreter takes llama_cpp's modules apart; its own destructor comes too late for that.
        weakref.finalize(self, self._llama.close)
        self._counter = self._own_counter(llama_cpp)

    def _own_counter(self, llama_cpp: Any) -> Callable[[str], int]:
        """tiktoken over the file's own vocabulary where its pre-tokeniser is known, else llama.cpp's tokeniser."""
        pretokenizer = self._llama.metadata.get("tokenizer.ggml.pre", "")
        if pretokenizer not in PATTERNS:
            return lambda text: len(self._llama.tokenize(text.encode(), add_bos=False))
        return TokenCounter(self.name, pretokenizer, *self._vocabulary(llama_cpp)).count

    def _vocabulary(self, llama_cpp: Any) -> tuple[list[str], frozenset[int]]:
        vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        ids = range(llama_cpp.llama_vocab_n_tokens(vocabulary))
        tokens = [llama_cpp.llama_vocab_get_text(vocabulary, token).decode() for token in ids]
        control = [token for token in ids if llama_cpp.llama_vocab_get_attr(vocabulary, token) & CONTROL]
        return tokens, frozenset(control)

    def tokenize(self, text: str) -> list[int]:
        """llama.cpp's own token ids of `text`, special tokens taken as plain text."""
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def count(self, text: str) -> int:
        """How many tokens of this model `text` has."""
        return self._counter(text)

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """Stream the reply in pieces of text, greedily. Raises ModelError if the prompt does not fit the context."""
        try:
            stream = self._llama.create_chat_completion(
                list(messages), max_tokens=max_tokens, stop=list(stop), temperature=0.0, stream=True
            )
            for piece in stream:
                if text := piece["choices"][0]["delta"].get("content"):
                    yield text
        except ValueError as error:
            raise ModelError(f"The language model {self.name} refused the prompt: {error}") from error


def load_generator(models: Path, path: Path | None, say: Callable[[str], None]) -> LlamaGenerator:
    """The language model: the catalogue's, requantised for speed, or the GGUF file at `path`.

    Args:
        models: the home's folder for files made from weights.
        say: told, for people, when something slow happens (the one-time requantisation).

    Raises:
        ModelError: weights missing, not the catalogue's, or not loadable.
    """
    if path is not None:
        if not path.is_file():
            raise ModelError(f"There is no model file {path}; name a GGUF file, or leave --model out.")
        return LlamaGenerator(path, path.stem, sha256(path))

    (name, digest), *_ = LANGUAGE.files.items()

    def make(target: Path) -> None:
        say("Preparing the language model for this machine (once, a few seconds) …")
        requantise(verify(LANGUAGE, models=models) / name, target)

    # Q8_0 reads prompts 1.6 to 2 times as fast as the packaged Q4_1 on AVX-512 and is no less exact than its parent.
    fast = derived(models, f"{LANGUAGE.name.removesuffix('-Q4_1')}.Q8_0.gguf", digest, RECIPE, make)
    return LlamaGenerator(fast, LANGUAGE.name, digest)


def requantise(source: Path, target: Path) -> None:
    """Write `source` as Q8_0. Raises ModelError if llama.cpp cannot."""
    llama_cpp = _library()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    parameters.allow_requantize = True
    parameters.nthread = usable_cores()
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)) != 0:
        raise ModelError(f"llama.cpp could not requantise {source}; see whether its disk is full.")


_silent: list[Any] = []  # the log callback; ctypes must keep it alive as long as the library may call it


def _library() -> Any:
    """llama_cpp, with its native log turned off (it prints on stderr whatever `verbose` says)."""
    # Threads that wait sleep instead of spinning: as fast on an idle machine, twice as fast on a busy one (12 against
    # 22 s for an answer beside two busy processes). OpenMP reads this when it is loaded, with llama.cpp.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import llama_cpp  # late: 0.25 s

    if not _silent:
        # The wrapper's own way to be quiet takes stdout and stderr from the whole process while it loads: whatever
        # another thread prints meanwhile, an answer perhaps, would be lost.
        quiet = llama_cpp._utils.suppress_stdout_stderr
        quiet.__enter__, quiet.__exit__ = (lambda self: self), (lambda *_: None)
        _silent.append(llama_cpp.llama_log_callback(lambda _level, _text, _data: None))
        llama_cpp.llama_log_set(_silent[0], ctypes.c_void_p(0))
        if b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info():
            _without_amx(llama_cpp.llama_cpp)
    return llama_cpp


def _without_amx(bindings: Any) -> None:
    """Keep llama.cpp off a processor's matrix tiles (Intel AMX): compiled by GCC 12, it stops at the first long prompt.

    Their configuration lies on the stack, where the compiler takes it for unused (ggml-org/llama.cpp, pull request
    26954): an illegal instruction, which nothing can catch. Tiles come with the extra buffer types, a setting that the
    wrapper does not hand through.
    """
    made = bindings.llama_model_default_params

    def defaults() -> Any:
        parameters = made()
        parameters.use_extra_bufts = False
        return parameters

    bindings.llama_model_default_params = defaults
