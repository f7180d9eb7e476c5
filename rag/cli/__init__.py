"""The command line. One module a group of commands; what they need is imported when they run, so that help is instant.

`main` is the program's entry: the offline guard stands before anything else is imported, but for what hands a command
to a warm process, where there is one.
"""


def main() -> None:
    """Run `rag`."""
    import sys

    from rag import warm

    code = warm.run(sys.argv[1:])
    if code is not None:
        sys.exit(code)

    from rag import offline

    offline.engage()

    import atexit

    ending = _Ending()
    atexit.register(ending)  # the first one registered is called last

    from rag.cli.app import app  # after the guard: nothing is imported that it does not see
    from rag.cli.command import CONFINED

    try:
        app(obj={CONFINED: True})
    except SystemExit as end:
        ending.code = end.code if isinstance(end.code, int) else 0 if end.code is None else None
        raise
    except BaseException:  # noqa: BLE001 - with --debug; the interpreter's own end would abort models that still load
        sys.excepthook(*sys.exc_info())
        ending.code = 1
        sys.exit(1)


class _Ending:
    """Ends the process when all others have tidied up, instead of taking its modules apart, which takes 0.2 s."""

    code: int | None = None  # None: it ends in another way, which is left to the interpreter

    def __call__(self) -> None:
        import os
        import sys

        if self.code is None:
            return
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                return
        os._exit(self.code)
