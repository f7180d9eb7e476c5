"""What a long run has done, a line for each step, so that it goes on from there when it was cut off."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Journal:
    """What is done already, a JSON object a line: a run that was cut off goes on from here. Holds no text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    self._known |= json.loads(line)
                except ValueError:
                    break  # the line that the cut went through; what comes is written behind it anew
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_suffix(".part")
        aside.write_text(
            "".join(json.dumps({key: value}) + "\n" for key, value in self._known.items()), encoding="utf-8"
        )
        aside.replace(path)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """The value of a key, made and written down where it is not known."""
        if key not in self._known:
            self._known[key] = json.loads(json.dumps(make()))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({key: self._known[key]}) + "\n")
        return self._known[key]

    def discard(self) -> None:
        """What was written down is no longer needed."""
        self._path.unlink(missing_ok=True)
