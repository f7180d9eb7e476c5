"""The command line. One module a group of commands; what they need is imported when they run, so that help is instant.

`main` is the program's entry: the offline guard stands before anything else is imported.
"""


def main() -> None:
    """Run `rag`."""
    from rag import offline

    offline.engage()

    from rag.cli.app import app  # after the guard: nothing is imported that it does not see
    from rag.cli.command import CONFINED

    app(obj={CONFINED: True})
