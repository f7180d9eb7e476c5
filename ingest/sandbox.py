"""Runs the reading of files in processes of their own, with limits on time, memory and files; the one door to pebble.

A file that hangs, crashes its reader or explodes in memory costs that one task, which ends as a ReadError with FAILED.
The next task gets a fresh process. Knows nothing about formats: it runs any function that can be pickled.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol

from ingest.errors import ReadError
from ingest.types import FileStatus

MEMORY = 4 * 1024**3
"""Bytes of address space of a worker. An annual report of 250 pages takes 0.4 GB of it, OCR 1.3 GB."""

PR_SET_PDEATHSIG = 1  # linux/prctl.h

if sys.platform != "win32":
    import resource


class Pool(Protocol):
    """Where functions are run that read what nobody has checked."""

    workers: int  # how many run at the same time

    def run(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
        """The result of `function(*args)`. May be called by many threads. Raises ReadError where a limit is hit."""
        ...


class Sandbox:
    """A pool of worker processes. Satisfies `Pool`. Processes start with the first task, and end with the context."""

    def __init__(self, workers: int, prepare: Callable[..., None], *args: Any) -> None:
        """A pool of `workers` processes; each calls `prepare(*args)` once, without limits, before it works."""
        from pebble import ProcessPool

        self.workers = workers
        # Not forked: threads of the embedding network run in this process, and locks they hold would stay locked.
        context = multiprocessing.get_context("spawn")
        begin = (os.getpid(), prepare, args)
        self._pool: Any = ProcessPool(workers, initializer=_begin, initargs=begin, context=context)
        # Linux ends a worker with the thread that has started it, so that has to be one that stays.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        self._tasks: set[Future[Any]] = set()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._pool.close()
        else:
            self._pool.stop()
            for task in list(self._tasks):  # else whoever waits for one would wait for ever
                task.cancel()
        self._pool.join()
        self._starter.shutdown()

    def run(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
        """The result of `function(*args)`, computed in a worker within `seconds` from when it begins there.

        Raises:
            ReadError: it took too long, too much memory, crashed, or raised what it should not.
        """
        from pebble import ProcessExpired

        task: Future[Any] | None = None
        try:
            self._starter.submit(lambda: self._pool.active).result()  # asking starts the workers
            task = self._pool.schedule(function, args=args, timeout=seconds)
            self._tasks.add(task)
            return task.result()
        except TimeoutError as error:
            raise ReadError(FileStatus.FAILED, f"reading it was given up after {seconds:.0f} s") from error
        except MemoryError as error:
            raise ReadError(
                FileStatus.FAILED, f"reading it takes more than the {MEMORY / 1024**3:.0f} GB of memory it may use"
            ) from error
        except ProcessExpired as error:
            raise ReadError(FileStatus.FAILED, f"its reader crashed ({_cause(error.exitcode)})") from error
        except CancelledError as error:
            raise ReadError(FileStatus.FAILED, "reading it was interrupted") from error
        except Exception as error:  # a reader's own mistake must not cost more than the file
            reason = f"{type(error).__name__}: {error}"
            raise ReadError(FileStatus.FAILED, f"its reader failed ({reason}); please report this") from error
        finally:
            if task is not None:
                self._tasks.discard(task)


def _begin(parent: int, prepare: Callable[..., None], args: tuple[Any, ...]) -> None:
    """The first thing a worker does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it stops the workers
    if sys.platform == "linux":  # else a worker that hangs would outlive a parent that was killed
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    prepare(*args)
    if sys.platform != "win32":
        _limit(resource.RLIMIT_CORE, 0)  # a crash must not leave a document's text behind in a file
        _limit(resource.RLIMIT_FSIZE, 0)  # readers write no files, and a hostile file shall not make them
        _limit(resource.RLIMIT_AS, MEMORY)


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _cause(exitcode: int | None) -> str:
    """The name of a signal, or the number of an exit code."""
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
