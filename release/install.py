"""Installs Strongroom from this folder on a machine without any network: checks each file, then pip reads wheels alone.

    python3 install.py FOLDER            # a virtual environment is made in FOLDER
    python3 install.py FOLDER --signed-by key.pub

Needs Python 3.11 or later, the version and system that the kit was made on, and nothing else. With --signed-by the list
of hashes has to be signed by that key (`SHA256SUMS.sig`, made by `ssh-keygen -Y sign -n strongroom-kit`).
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

KIT = Path(__file__).resolve().parent
SUMS = KIT / "SHA256SUMS"


def main() -> None:
    """Check, then install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the environment is to be made")
    parser.add_argument("--signed-by", type=Path, help="the public key that must have signed the kit")
    options = parser.parse_args()
    if options.signed_by:
        check_signature(options.signed_by)
    count = check_files()
    print(f"{count} files are as {SUMS.name} says{', which is signed' if options.signed_by else ''}.")
    install(options.folder)
    print(f"Installed. Next: {options.folder / 'bin' / 'rag'} doctor")


def check_signature(key: Path) -> None:
    """End with a message unless SHA256SUMS is signed by `key`."""
    kind, value = key.read_text(encoding="ascii").split()[:2]
    with tempfile.TemporaryDirectory() as folder:
        allowed = Path(folder, "allowed")
        allowed.write_text(f"signer {kind} {value}\n", encoding="ascii")
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "signer", "-n", "strongroom-kit"]
        done = subprocess.run([*command, "-s", f"{SUMS}.sig"], stdin=SUMS.open("rb"), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{SUMS} is not signed by {key} ({(done.stderr or done.stdout).strip()}); do not use this kit.")


def check_files() -> int:
    """Number of files, all of them as SHA256SUMS says; ends with a message if one is not, or is not named there."""
    named = {}
    for line in SUMS.read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        named[name] = digest
    here = {path.relative_to(KIT).as_posix() for path in KIT.rglob("*") if path.is_file()}
    here -= {SUMS.name, f"{SUMS.name}.sig"}
    if odd := sorted(here ^ set(named)):
        sys.exit(f"{odd[0]} is {'missing' if odd[0] in named else 'not named in ' + SUMS.name}; copy the kit again.")
    for name, digest in named.items():
        with (KIT / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                sys.exit(f"{name} was altered or damaged; do not use this kit, copy it again.")
    return len(named)


def install(folder: Path) -> None:
    """Make the environment and install every wheel; pip is told to use no index and nobody's settings."""
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    wheels = sorted(map(str, (KIT / "wheels").glob("*.whl")))
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet"]
    # All wheels by name, without resolving: the kit was resolved when it was locked.
    subprocess.run([*pip, "install", "--no-index", "--no-deps", *wheels], check=True)


if __name__ == "__main__":
    main()
