"""Names of people, by a model of the user's own: small networks of our own making, as transformers writes them."""

from pathlib import Path

import pytest

from ingest.errors import ModelError
from rag.models.catalogue import EMBEDDING, verify
from rag.models.export import FolderTagger
from rag.personal.find import find

LABELS = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-ORG"}
NAMED = {"anna": 1, "w": 2, "##hit": 2, "##lock": 2, "omar": 1, "ac": 3, "##me": 3}  # what the network learns by heart
TEXT = "Anna Whitlock told Omar of it; acme did not."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that knows the words in NAMED."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    torch.manual_seed(3)
    made = tmp_path_factory.mktemp("names")
    words = verify(EMBEDDING, "tokenizer.json") / "tokenizer.json"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(words), model_max_length=32)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, id2label=LABELS, num_labels=4
    )
    network = BertForTokenClassification(config)
    known = torch.tensor(tokenizer(f"{TEXT} The report was read by nobody. Write to @example.com.")["input_ids"])
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(200):  # in any order, so that words are learnt and not their places
        ids = torch.stack([known[torch.randint(len(known), (32,))] for _ in range(16)])
        rows = [[NAMED.get(token, 0) for token in tokenizer.convert_ids_to_tokens(row)] for row in ids]
        optimiser.zero_grad()
        network(input_ids=ids, labels=torch.tensor(rows)).loss.backward()
        optimiser.step()
    network.save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


def test_people_are_found_with_exact_places(folder: Path) -> None:
    tagger = FolderTagger(folder)
    assert [TEXT[start:end] for start, end in tagger.people(TEXT)] == ["Anna Whitlock", "Omar"]
    assert tagger.people("") == []
    text = f"Write to anna@example.com. {TEXT}"
    found = find(text, people=tagger.people)
    assert (found[0].kind, found[0].value) == ("email", "anna@example.com"), "one kind goes before"
    assert [one.value for one in found if one.kind == "name"] == ["Anna Whitlock", "Omar"]
    assert all(text[one.start : one.end] == one.value for one in found)


def test_a_text_longer_than_the_model_reads_is_read_whole(folder: Path) -> None:
    text = "The report was read by nobody. " * 20 + TEXT
    assert [text[start:end] for start, end in FolderTagger(folder).people(text)][-2:] == ["Anna Whitlock", "Omar"]


def test_a_model_that_knows_no_names_is_refused(folder: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForTokenClassification

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForTokenClassification(BertConfig(**size, id2label={0: "O", 1: "VERB"}, num_labels=2)).save_pretrained(tmp_path)
    for path in folder.glob("tokenizer*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ModelError, match="its labels: O, VERB"):
        FolderTagger(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model\.safetensors"):
        FolderTagger(tmp_path)
