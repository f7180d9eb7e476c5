"""Files made on this machine from verified weights (ONNX, requantised GGUF), kept below the home folder.

Each lies in its own folder beside `manifest.json`, which names the parent's SHA-256, the recipe and the file's own
SHA-256. A file that does not match its manifest is made again, never loaded.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ingest.errors import ModelError, StorageError
from rag.models.catalogue import sha256


def derived(models: Path, name: str, parent_sha256: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """The file `models/<name>`, made by `make(path)` unless it is there and sound.

    Args:
        models: the home's folder for models.
        name: the file's name; one folder a name.
        parent_sha256: of the weights it is made from; another parent means another file.
        recipe: what `make` does, with its versions; another recipe means another file.

    Raises:
        StorageError: the folder cannot be written.
        ModelError: `make` left no file.
    """
    folder = models / name
    path, manifest = folder / name, folder / "manifest.json"
    wanted = {"parent_sha256": parent_sha256, "recipe": recipe}
    if path.is_file() and manifest.is_file() and _sound(path, manifest, wanted):
        return path
    try:
        models.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made aside and moved into place, so that a crash or a second process never leaves half a file to load.
        work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=models))
    except OSError as error:
        raise StorageError(
            f"Cannot write {models} ({error.strerror}); choose another home with --home DIR or RAG_HOME."
        ) from error
    try:
        make(work / name)
        if not (work / name).is_file():
            raise ModelError(f"Making {name} left no file; please report this together with `rag doctor`'s output.")
        entry = wanted | {"sha256": sha256(work / name)}
        (work / "manifest.json").write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        try:
            work.rename(folder)
        except OSError:
            # Another process finished the same file first; use it if it is sound, else say what went wrong.
            if not (path.is_file() and _sound(path, manifest, wanted)):
                raise
    except OSError as error:
        raise StorageError(
            f"Cannot write {folder} ({error.strerror}); free some space or choose another home with --home DIR."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return path


def _sound(path: Path, manifest: Path, wanted: dict[str, str]) -> bool:
    try:
        entry = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(entry, dict) and entry == wanted | {"sha256": sha256(path)}
