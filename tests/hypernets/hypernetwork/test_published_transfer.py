"""Transfer with a checkpoint of the published layout, for heads of every kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.hypernets.hypernetwork.test_architecture import checkpoint
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tokkit.hypernets.alignment import from_spellings
from tokkit.hypernets.hypernetwork.method import HypernetMethod, open_hypernet
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.task import TransferTask
from tokkit.hypernets.transfer import transfer
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer


@pytest.mark.parametrize(
    ("kind", "separate"),
    [
        ("llama", False),
        pytest.param("mistral", True, marks=pytest.mark.slow),
        pytest.param("bert", False, marks=pytest.mark.slow),
    ],
)
def test_its_rows_are_those_of_the_new_tokens(tmp_path: Path, kind: str, separate: bool) -> None:
    shape = {"n_embd": 32, "original_vocab_size": 280, "hn_surface_maxlen": 12}
    network, _ = checkpoint(tmp_path / "net", separate_out_embeddings=separate, **shape)
    model = toy_model(kind, 280)
    result = transfer((model, toy_tokenizer(280)), toy_tokenizer(340), hypernet=tmp_path / "net")
    assert result.report.tied == (model.get_output_embeddings().weight is
                                  model.get_input_embeddings().weight)  # fmt: skip
    old = model.get_input_embeddings().weight.detach()
    if separate:
        old = torch.cat([old, model.get_output_embeddings().weight.detach()], dim=1)
    source, target = (load_tokenizer(toy_tokenizer(size)) for size in (280, 340))
    token = max(range(340), key=lambda each: len(target.token_bytes(each)))
    parts = source.encode(target.token_bytes(token))
    with torch.no_grad():
        made = network(torch.tensor([parts]), old)
    rows = result.model.get_input_embeddings().weight
    torch.testing.assert_close(rows[token], made.inputs[0])
    if separate:
        heads = result.model.get_output_embeddings().weight
        torch.testing.assert_close(heads[token], made.outputs[0])
    same = [each for each in range(280) if source.token_bytes(each)]
    copies = [target.encode(source.token_bytes(each)) for each in same]
    kept = [(each, ids[0]) for each, ids in zip(same, copies, strict=True) if len(ids) == 1]
    assert all(torch.equal(rows[new], old[each, :32]) for each, new in kept)


def test_a_byte_that_the_old_vocabulary_lacks_is_a_fallback(tmp_path: Path) -> None:
    shape = {"n_embd": 32, "original_vocab_size": 280, "separate_out_embeddings": False}
    network, _ = checkpoint(tmp_path / "net", **shape)
    source = load_source((toy_model("llama", 280), toy_tokenizer(280)))
    spec = source.tokenizer.spec
    lacking = next(each for each, data in enumerate(spec.token_bytes) if data == b"\xff")
    token_bytes = tuple(b"" if data == b"\xff" else data for data in spec.token_bytes)
    kinds = spec.kinds.copy()
    kinds[lacking] = TokenKind.UNUSED
    poorer = TextTokenizer(replace(spec, token_bytes=token_bytes, kinds=kinds))
    spellings = [(each,) if each != lacking else () for each in range(280)]
    copied = np.arange(280) != lacking
    inputs = source.model.get_input_embeddings().weight.detach().numpy()
    task = TransferTask(
        from_spellings(spellings, copied=copied, n_source=280),
        poorer, spec, inputs=inputs, outputs=None, bias=None, seed=0,
    )  # fmt: skip
    rows = HypernetMethod(open_hypernet(tmp_path / "net")).rows(task)
    with torch.no_grad():
        made = network(torch.tensor([[280]]), torch.from_numpy(inputs))
    np.testing.assert_allclose(rows.inputs[lacking], made.inputs[0].numpy(), rtol=1e-5)
    assert np.array_equal(rows.inputs[copied], inputs[copied])


def test_a_token_of_the_variant_alone_is_no_fallback(tmp_path: Path) -> None:
    shape = {"n_embd": 32, "original_vocab_size": 270, "separate_out_embeddings": False}
    checkpoint(tmp_path / "net", **shape)
    source = load_source((toy_model("llama", 280), toy_tokenizer(280)))  # ten more than were known
    spec = source.tokenizer.spec
    spellings = [(each,) for each in range(278)] + [(3, 275), (3, 4)]
    inputs = source.model.get_input_embeddings().weight.detach().numpy()
    task = TransferTask(
        from_spellings(spellings, copied=np.arange(280) < 278, n_source=280),
        source.tokenizer, spec, inputs=inputs, outputs=None, bias=None, seed=0,
    )  # fmt: skip
    rows = HypernetMethod(open_hypernet(tmp_path / "net")).rows(task)
    assert rows.predicted is not None
    assert rows.predicted[278:].tolist() == [False, True]
    np.testing.assert_allclose(rows.inputs[278], inputs[[3, 275]].mean(0), rtol=1e-5)
