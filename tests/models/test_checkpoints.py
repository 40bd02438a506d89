"""What comes with the package: a new user encodes and decodes in one minute, without a download."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import tokkit

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tokkit.cli import main
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.checkpoints import CHECKPOINTS, checkpoint_folder
from tokkit.models import sample_signals
from tokkit.tokenizer.refusals import SIGNALS

ROOT = Path(__file__).parents[2]
MOST_BYTES = 3_000_000


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_each_is_small_and_says_on_what_it_was_trained(name: str) -> None:
    folder = checkpoint_folder(name)
    assert sum(each.stat().st_size for each in folder.iterdir()) <= MOST_BYTES
    told = (folder / "README.md").read_text(encoding="utf-8")
    assert "## Trained on" in told and f"make_checkpoints.py {name}" in told
    assert name in (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_saved_again_and_opened_it_gives_the_same_ids(name: str, tmp_path: Path) -> None:
    tokenizer: Any = tokkit.load_tokenizer(name)
    assert tokenizer.name == name
    signals, context = sample_signals(name)
    signal = signals if tokenizer.modality != "image" else signals[3]
    tokenizer.save(tmp_path / "again")
    again: Any = tokkit.load_tokenizer(tmp_path / "again")
    ids = tokenizer.encode(signal, context=context)
    np.testing.assert_array_equal(again.encode(signal, context=context), ids)
    np.testing.assert_array_equal(again.decode(ids), tokenizer.decode(ids))
    assert again.fingerprint == tokenizer.fingerprint


def test_a_packaged_model_keeps_its_fingerprint() -> None:
    """Whoever stored ids beside it must find it again: new options must not change it."""
    assert tokkit.load_tokenizer("vqgraph-cora").fingerprint.startswith("420d0e76d624a2c0044c")


def test_each_further_id_of_a_picture_brings_it_nearer() -> None:
    pictures: Any = tokkit.load_tokenizer("flextok-mnist")
    digits = sample_signals("flextok-mnist").signals
    ids = pictures.encode_many(digits, search=False)
    errors = [
        float(np.square(digits.astype(float) - pictures.decode_many(ids[:, :n])).mean())
        for n in range(17)
    ]
    assert all(after < before for before, after in pairwise(errors)) and errors[16] < errors[1] / 2


def test_each_further_stream_of_speech_brings_its_spectra_nearer() -> None:
    codec: Any = tokkit.load_tokenizer("dm-codec-english")
    with torch.no_grad():
        wanted = codec.analysed(codec.framed(sample_signals("dm-codec-english").signals)[None])
        ids = codec.quantizer.encode(codec.encoder(wanted))
        given = [codec.decoder(codec.quantizer.decode(ids[..., :n])) for n in range(1, 9)]
    errors = [float((each - wanted).abs().mean()) for each in given]
    assert all(after < before for before, after in pairwise(errors))


def test_papers_that_cite_each_other_share_codes_and_the_student_agrees() -> None:
    nodes: Any = tokkit.load_tokenizer("vqgraph-cora")
    features, edges = sample_signals("vqgraph-cora")
    ids = nodes.encode(features, context=edges)
    groups = np.repeat(np.arange(3), len(ids) // 3)
    assert 1 < len(np.unique(ids)) < len(ids)
    classes = nodes.classify(features, context=edges).argmax(1)
    likeliest = [np.bincount(classes[groups == group]).argmax() for group in range(3)]
    assert len(set(likeliest)) == 3
    assert (classes == np.array(likeliest)[groups]).mean() > 0.8
    assert (nodes.classify(features).argmax(1) == classes).mean() > 0.6


def test_speech_in_more_streams_is_nearer() -> None:
    speech: Any = tokkit.load_tokenizer("dm-codec-english")
    signal = sample_signals("dm-codec-english").signals
    ids = speech.encode(signal)
    wanted = speech.analysed(speech.framed(signal)[None])
    errors = []
    with torch.inference_mode():
        for depth in (1, 2, 8):
            codes = torch.from_numpy(ids[None, :, :depth])
            given = speech.decoder(speech.quantizer.decode(codes))
            errors.append(float((given - wanted).abs().mean()))
    assert errors == sorted(errors, reverse=True) and errors[2] < 0.9 * errors[0]
    assert len(speech.decode(ids[:10, :2])) == 10 * speech.config.hop


def test_an_unknown_name_is_refused_with_those_there_are(capsys: Any) -> None:
    with pytest.raises(FormatError, match=f"packaged model .*{', '.join(CHECKPOINTS)}"):
        tokkit.load_tokenizer("flextok-minst")
    with pytest.raises(ArgumentError, match="expected one of flextok-mnist"):
        sample_signals("smollm2")
    with pytest.raises(FormatError, match="expected a language model"):
        tokkit.load_lm("flextok-mnist")
    sample = str(checkpoint_folder("vqgraph-cora") / "sample.npz")
    assert main(["audit", "vqgraph-cora", "--signals", sample, "--fail-on", "never"]) == 0
    assert "vqgraph-cora" in capsys.readouterr().out


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_where_text_is_meant_it_is_refused_by_name(name: str, tmp_path: Path, capsys: Any) -> None:
    text, ids = tmp_path / "a.txt", tmp_path / "ids.npy"
    text.write_bytes(b"text")
    samples = tmp_path / "samples"
    samples.mkdir()
    for category in ("one", "other"):
        (samples / category).write_bytes(b"text")
    for command in (
        ["tokenize", name, "--text", "hi"],
        ["tokenize", name, "--file", str(text), "--into", str(ids)],
        ["merge", name, str(text)],
        ["mixture", name, str(samples)],
        ["compare", name, str(text)],
    ):
        assert main([*command]) == 2, command
        assert f"{name} is a tokenizer of" in capsys.readouterr().err, command
    assert not ids.exists()
    learned: Any = tokkit.load_tokenizer(name)

    class Model:
        tokenizer, eos_ids = learned, ()

    refused = f"{name} is a tokenizer of {SIGNALS[learned.modality]}; expected one of text"
    for call in (
        lambda: tokkit.ByteLM(cast("Any", Model())),
        lambda: tokkit.infer_mixture(name, {"a": ["a b"], "b": ["b a"]}),
    ):
        with pytest.raises(ArgumentError, match=refused):
            call()
