"""Keeps what the program writes from everybody but its user: modes of files, temporary files, core dumps.

What protects a home is the mode of its folders (0700) and files (0600), whoever writes them: Chroma and SQLite make
files of their own, so the process's umask decides, not each place that opens a file. Imports the standard library only.
"""

import os
import resource
import stat
import tempfile
from pathlib import Path

UMASK = 0o077  # nothing for group and others
TEMPORARY = "tmp"  # below the home
_FOLDERS = ("collections", "record", "models", "adapters", "warm", TEMPORARY)  # what the program makes in a home


def engage() -> None:
    """From here on files are made for their owner alone, and a crash leaves no memory behind in a file."""
    os.umask(UMASK)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def claim(home: Path) -> None:
    """Close what lies open in a home, and have temporary files made below it, those of libraries and children too.

    A home that cannot be written is left as it is: nothing is written there, whatever comes says so.
    """
    temporary = home / TEMPORARY
    try:
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (home / name for name in _FOLDERS):
            if folder.is_dir() and not folder.is_symlink() and stat.S_IMODE(folder.stat().st_mode) & UMASK:
                folder.chmod(0o700)  # made under another umask, by an older version or a copy
    except OSError:
        return
    # SQLite looks at its own variable first (https://sqlite.org/tempfiles.html), and at /var/tmp without one.
    os.environ["TMPDIR"] = os.environ["SQLITE_TMPDIR"] = str(temporary)
    tempfile.tempdir = str(temporary)  # it has looked already
