"""What the layers of the guard say: how they stand, what they refused, how a try went; and which hosts are allowed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the guard, as it stands now."""

    name: str  # "environment", "python", "kernel" or "files"
    holds: bool
    detail: str  # what it does, or why it does not hold


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to reach the internet that was refused; the same try again is counted, not listed again."""

    event: str  # CPython's name for it ("socket.connect", "socket.getaddrinfo", …), or "socket" from the kernel
    target: str  # the address or name, as far as the event tells it; the family, from the kernel
    caller: str  # "file:function:line", or program, process and library from the kernel
    layer: str  # which layer refused it: "python" or "kernel"
    when: float  # of the first of its kind, seconds since the epoch
    count: int = 1

    @property
    def sentence(self) -> str:
        """One line for people. May hold what a hostile library chose: escape it."""
        again = f", {self.count} times" if self.count > 1 else ""
        return (
            f"Strongroom works offline and refused {self.event} ({self.target}), called from {self.caller}{again}; "
            "nothing was sent. `rag doctor` shows the state of the offline guard."
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of one try that `rag.guard.probe` made."""

    name: str
    refused: bool
    detail: str  # what happened, in words


@dataclass(frozen=True, slots=True)
class Host:
    """One port of one machine on the user's own network."""

    name: str  # as config.toml has it: "llm.office:8443"
    address: str  # IPv4 or IPv6
    port: int
