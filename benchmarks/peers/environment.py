"""The environment that the scripts of frameworks run in: made once, beside ours, from pinned requirements.

    python benchmarks/peers/environment.py

torch, sentence-transformers, Chroma and llama.cpp are the ones of this environment, seen through a path file, so that a
gigabyte is not installed twice and both sides run the same builds. What the frameworks want in another version lies in
their own environment, before ours.
"""

import hashlib
import site
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
FOLDER = ROOT / "build/peers"
PYTHON = FOLDER / "bin/python"
_STAMP = FOLDER / "requirements.sha256"


def ready() -> bool:
    """Whether it is there, with what is required now."""
    return _STAMP.exists() and _STAMP.read_text(encoding="utf-8") == _wanted()


def make() -> str:
    """Make it, unless it is there; "" or why it cannot be made. Uses the network, by pip."""
    if ready():
        return ""
    commands: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", "--clear", "--without-pip", FOLDER],
        [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "--no-deps", "-r", REQUIREMENTS],
    ]
    for command in commands:
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            return (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
    # Last: pip would take what it sees through it for its own, and remove it.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = FOLDER / "lib" / version / "site-packages/ours.pth"
    path.write_text("\n".join([str(ROOT), *site.getsitepackages()]) + "\n", encoding="utf-8")
    _STAMP.write_text(_wanted(), encoding="utf-8")
    return ""


def _wanted() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.prefix.encode()).hexdigest()


if __name__ == "__main__":
    if failure := make():
        print(f"The frameworks cannot be installed, so they are not measured: {failure}", file=sys.stderr)
