"""Who is measured: our own command and its peers, each as the commands that ingest a folder and ask a question.

A further peer is one more entry of PEERS: a script with the same two commands, run by an interpreter of its own where
its packages do not fit into this environment.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import BIN
from peers import environment

HERE = Path(__file__).resolve().parent

Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of doing the job."""

    name: str
    ingest: Callable[[Path, Path], Command]  # (folder of documents, folder for what it writes)
    ask: Callable[[str, Path], Command]  # (question, folder that it wrote)


def peer(name: str, script: str, python: str | Path = sys.executable) -> Contestant:
    """A peer that is a script below this folder with the commands of peer_plain.py."""
    return Contestant(
        name,
        lambda folder, store: [python, HERE / script, "ingest", folder, "--store", store],
        lambda question, store: [python, HERE / script, "ask", question, "--store", store],
    )


RAG = BIN / "rag"
OURS = Contestant(
    "strongroom",
    lambda folder, home: [RAG, "ingest", folder, "--home", home, "--json"],
    lambda question, home: [RAG, "ask", question, "--home", home],
)
PLAIN = peer("plain script", "peer_plain.py")
FRAMEWORKS = (
    peer("LangChain script", "peers/langchain_script.py", environment.PYTHON),
    peer("LlamaIndex script", "peers/llamaindex_script.py", environment.PYTHON),
)
PEERS = (
    PLAIN,
    *(FRAMEWORKS if environment.ready() else ()),
)  # `python benchmarks/peers/environment.py` makes them ready
