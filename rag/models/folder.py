"""Looks into a model's folder before any library does: is there anything in it that would run as code?

Weights are read from safetensors alone. A pickle runs what its author wrote while it is loaded, and a configuration may
name classes to import, so a folder that has nothing else, or that names code of its own, is refused by name.
"""

import json
from pathlib import Path
from typing import Any

from ingest.errors import ModelError

PICKLES = frozenset({".bin", ".ckpt", ".h5", ".joblib", ".keras", ".npy", ".pickle", ".pkl", ".pt", ".pth"})
"""Endings of files that are pickles, may hold one, or hold code otherwise."""

_OWN_CLASSES = "auto_map"  # transformers: classes in Python files of the folder
_MODULES = "sentence_transformers."  # what modules.json may name
_LARGEST = 1 << 20  # bytes of a configuration that is looked into; tokenizer.json is larger and names no code


def refuse_code(folder: Path) -> None:
    """Raise ModelError if the folder's model is a pickle, or brings code of its own.

    A pickle beside a `model.safetensors` is let be: it is not read.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLES and not (path.parent / "model.safetensors").is_file():
            raise ModelError(
                f"{path} is a pickle or may hold one, which can run code, and there is no model.safetensors beside it; "
                "name a folder whose weights are in safetensors."
            )
        if path.suffix == ".json" and path.is_file() and path.stat().st_size <= _LARGEST:
            _refuse_named_code(path)


def _refuse_named_code(path: Path) -> None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # whoever needs it says what is wrong with it
    if isinstance(content, dict) and _OWN_CLASSES in content:
        raise ModelError(f"{path} names Python code of the folder ({_OWN_CLASSES}), which is never run; name another.")
    if path.name == "modules.json":
        for module in content if isinstance(content, list) else ():
            kind: Any = module.get("type") if isinstance(module, dict) else None
            if not isinstance(kind, str) or not kind.startswith(_MODULES):
                raise ModelError(f"{path} names the class {kind!r}, which is not one of sentence-transformers' own.")
