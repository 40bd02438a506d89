"""The network is the published one, and a checkpoint of theirs says what it says there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
from safetensors.torch import save_file

from tokkit.errors import ArgumentError, FormatError, UnsupportedError
from tokkit.hypernets.hypernetwork.architecture import Hypernetwork
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.hypernets.hypernetwork.method import open_hypernet
from tokkit.hypernets.hypernetwork.published import load_published
from tokkit.hypernets.hypernetwork.trained import TrainedHypernet
from tokkit.models.blocks.output_layer import output_weights

N_SOURCE, WIDTH, HIDDEN = 40, 6, 64
PUBLISHED = {
    "model_type": "zett_hypernetwork", "n_embd": WIDTH, "original_vocab_size": N_SOURCE,
    "pad_token_id": 1, "hn_n_extra_tokens": 256, "hn_surface_maxlen": 5, "hn_n_layers": 2,
    "hn_hidden_size": HIDDEN, "hn_intermediate_size": 96, "hn_num_attention_heads": None,
    "hn_rescale_embeddings": True, "hn_embed_using_source_embeddings": True,
    "hn_predict_bias": True, "hn_model_type": "roberta", "separate_out_embeddings": True,
    "hn_embed_lang_id": False, "n_langs": 2, "langs": ["en", "de"],
}  # fmt: skip


def checkpoint(folder: Path, **changes: Any) -> tuple[Hypernetwork, dict[str, Any]]:
    """A random checkpoint in the published layout, and the network that it was saved from."""
    document = PUBLISHED | changes
    network = Hypernetwork(HypernetConfig.from_published(document))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(document))
    state = dict(network.state_dict())
    save_file(
        state | {"model.embeddings.word_embeddings.weight": torch.zeros(2, HIDDEN)},
        folder / "model.safetensors",
    )
    return network, document


def parts() -> Any:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(2, N_SOURCE + 256, (7, 5), generator=generator)
    ids[0, 1:] = 1
    ids[1, 3:] = 1
    ids[2, 0] = N_SOURCE + 255
    return ids


def test_the_transformer_is_that_of_roberta(tmp_path: Path) -> None:
    network, _ = checkpoint(tmp_path / "a")
    assert network.in_scaler is not None
    assert network.scaler is not None
    assert network.out_scaler is not None
    assert network.output_projection_out is not None
    assert network.bias_projection is not None
    shape = transformers.RobertaConfig(
        vocab_size=2, hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=1,
        intermediate_size=96, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=1,
    )  # fmt: skip
    theirs = transformers.RobertaModel(shape, add_pooling_layer=False).eval()
    state = {
        name.removeprefix("model."): each
        for name, each in network.state_dict().items()
        if name.startswith("model.")
    }
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected
    assert {name.rpartition(".")[0] for name in missing} <= {"embeddings.word_embeddings"}
    rows = torch.randn(N_SOURCE, 2 * WIDTH)
    ids = parts()
    embedded = torch.where(
        (ids >= N_SOURCE)[..., None],
        network.fallback_embeddings((ids - N_SOURCE).clamp(min=0)),
        network.in_scaler(rows[ids.clamp(max=N_SOURCE - 1)]),
    )
    with torch.no_grad():
        states = theirs(
            inputs_embeds=network.input_projection(embedded),
            attention_mask=(ids != 1).long(),
            position_ids=torch.arange(5).expand(7, 5),
        ).last_hidden_state[:, 0]
        made = network(ids, rows)
        torch.testing.assert_close(made.inputs, network.scaler(network.output_projection(states)))
        outputs = network.out_scaler(network.output_projection_out(states))
        torch.testing.assert_close(made.outputs, outputs)
        torch.testing.assert_close(made.bias, network.bias_projection(states)[:, 0])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"separate_out_embeddings": False},
        {"hn_single_head": True},
        {"hn_rescale_embeddings": False, "hn_predict_bias": False},
        {"hn_concat_last_hidden_state": True},
    ],
)
def test_a_checkpoint_is_read_whole(tmp_path: Path, changes: dict[str, Any]) -> None:
    network, _ = checkpoint(tmp_path / "a", **changes)
    read = load_published(tmp_path / "a").network
    rows = torch.randn(N_SOURCE, network.config.read_width)
    with torch.no_grad():
        old, new = network(parts(), rows), read(parts(), rows)
    assert torch.equal(old.inputs, new.inputs)
    assert (old.outputs is None) == (new.outputs is None)
    assert (old.bias is None) == (not network.config.predict_bias)


@pytest.mark.parametrize(
    "changes",
    [{}, {"hn_single_head": True}, {"hn_predict_bias": False, "separate_out_embeddings": False}],
)
def test_what_gives_rows_and_biases_is_an_output(changes: dict[str, Any]) -> None:
    network = Hypernetwork(HypernetConfig.from_published(PUBLISHED | changes))
    heads = (network.output_projection, network.output_projection_out)
    lasts = [head[1] for head in heads if head is not None]
    biases = [each for each in (network.bias_projection,) if each is not None]
    declared = {id(weight) for weight in output_weights(network)}
    assert declared == {id(each.weight) for each in (*lasts, *biases)}


def test_the_last_byte_has_an_embedding_of_its_own(tmp_path: Path) -> None:
    network, _ = checkpoint(tmp_path / "a")
    rows = torch.randn(N_SOURCE, 2 * WIDTH)
    last, before, known = (
        network(torch.tensor([[part, 1]]), rows).inputs
        for part in (N_SOURCE + 255, N_SOURCE + 254, N_SOURCE - 1)
    )
    assert not torch.allclose(last, before)
    assert not torch.allclose(last, known)


def test_a_language_is_read_in_a_place_of_its_own(tmp_path: Path) -> None:
    network, _ = checkpoint(tmp_path / "a", hn_embed_lang_id=True)
    english, german = (load_published(tmp_path / "a", language=name) for name in ("en", "de"))
    assert (english.language, german.language) == (0, 1)
    rows = torch.randn(N_SOURCE, 2 * WIDTH)
    made = [network(parts(), rows, language=each.language).inputs for each in (english, german)]
    assert not torch.allclose(made[0], made[1])
    with pytest.raises(ArgumentError, match="has en, de"):
        load_published(tmp_path / "a", language="fr")


def test_a_published_network_is_saved_with_its_language(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", hn_embed_lang_id=True)
    german = load_published(tmp_path / "a", language="de")
    german.save(tmp_path / "b")
    again = TrainedHypernet.load(tmp_path / "b")
    assert (again.language, again.vocabulary) == (1, None)
    rows = torch.randn(N_SOURCE, 2 * WIDTH)
    made = [each.network(parts(), rows, language=1).inputs for each in (german, again)]
    assert torch.equal(*made)


def test_places_behind_the_end_change_nothing(tmp_path: Path) -> None:
    network, _ = checkpoint(tmp_path / "a")
    rows = torch.randn(N_SOURCE, 2 * WIDTH)
    short = torch.tensor([[5, 9]])
    long = torch.tensor([[5, 9, 1, 1, 1]])
    torch.testing.assert_close(network(short, rows).inputs, network(long, rows).inputs)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"hn_add_inter_token_attention": True}, UnsupportedError),
        ({"hn_model_type": "t5"}, UnsupportedError),
        ({"hn_embed_using_source_embeddings": False}, UnsupportedError),
        ({"original_vocab_size": None}, FormatError),
        ({"hn_n_layers": 3}, FormatError),
        ({"hn_hidden_size": "wide"}, FormatError),
    ],
)
def test_other_checkpoints_are_refused(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception]
) -> None:
    checkpoint(tmp_path / "a")
    (tmp_path / "a" / "config.json").write_text(json.dumps(PUBLISHED | changes))
    with pytest.raises(error):
        load_published(tmp_path / "a")


def test_a_residual_network_begins_with_nothing() -> None:
    config = HypernetConfig(width=WIDTH, n_source=N_SOURCE, separate_outputs=True, n_extra=0)
    made = Hypernetwork(config, residual=True)(torch.tensor([[3, 4]]), torch.randn(N_SOURCE, WIDTH))
    assert not made.inputs.any()
    assert not made.outputs.any()
    assert not made.bias.any()


def test_a_folder_of_another_model_is_no_hypernetwork(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a")
    config = tmp_path / "a" / "config.json"
    assert open_hypernet(tmp_path / "a").network.config.hidden > 0
    config.write_text(json.dumps({"hidden_size": 8, "model_type": "llama"}))
    with pytest.raises(FormatError, match="expected a folder of `tokkit train hypernet`"):
        open_hypernet(tmp_path / "a")
    document = {"hn_embed_using_source_embeddings": True}
    config.write_text(json.dumps(document))
    with pytest.raises(FormatError, match="lacks the keys of"):
        load_published(tmp_path / "a")


def test_what_float32_does_not_hold_is_refused(tmp_path: Path) -> None:
    network, _ = checkpoint(tmp_path / "a")
    TrainedHypernet(network, False, "mean", None).save(tmp_path / "b")
    weights = {name: each.double() for name, each in network.state_dict().items()}
    next(iter(weights.values())).fill_(1e300)
    save_file(weights, tmp_path / "b" / "hypernet.safetensors")
    with pytest.raises(FormatError, match="too large for torch.float32"):
        open_hypernet(tmp_path / "b")


@pytest.mark.parametrize(
    "name", ["max_positions", "n_layers", "hidden", "n_languages", "n_extra", "max_parts"]
)
def test_sizes_beyond_measure_are_refused_before_a_network_is_built(name: str) -> None:
    sizes: dict[str, Any] = {"width": 8, "n_source": 4, "hidden": 8, name: 10**18}
    with pytest.raises(FormatError, match=name):
        HypernetConfig(**sizes)
