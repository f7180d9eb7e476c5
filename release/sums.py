"""Writes SHA256SUMS of a folder, as sha256sum prints them, sorted by name.

python release/sums.py FOLDER
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rag.models.catalogue import sha256


def main(folder: Path) -> None:
    """Write them."""
    sums = folder / "SHA256SUMS"
    sums.unlink(missing_ok=True)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sums.write_text(
        "".join(f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths), encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
