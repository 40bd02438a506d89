"""Folders of text models: whole, and refused by a clear error where they are not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from safetensors import safe_open
from safetensors.torch import save_file

import tokkit
from tests.models.toy_models import NGRAMS, STACK, tokenizer
from tokkit.errors import ArgumentError, FormatError, ModelError
from tokkit.models import (
    DMCodec,
    DMCodecConfig,
    FlexTok,
    FlexTokConfig,
    HierarchicalConfig,
    HierarchicalTransformer,
    NgramConfig,
    SpaceByte,
    SpaceByteConfig,
    StackConfig,
    VQGraph,
    VQGraphConfig,
    WordPooledConfig,
    WordPooledTransformer,
)
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.flextok.generator import GeneratorConfig, PictureGenerator
from tokkit.models.saving.folders import CONFIG, WEIGHTS
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.subword.model import SubwordTransformer
from tokkit.models.subword.vocabulary import train_tokenizer
from tokkit.models.training import TrainingOptions, train


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("byte")
    ByteTransformer(ByteConfig(STACK, ngrams=NGRAMS)).save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        document = json.loads((folder / CONFIG).read_text())
        change(document)
        (folder / CONFIG).write_text(json.dumps(document))

    return edit


def overwritten(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / CONFIG).unlink(), "cannot be read"),
        (overwritten(CONFIG, b""), "is empty"),
        (overwritten("tokkit.json", b'{"kind": "spacebyte"}'), "should hold a spacebyte"),
        (lambda folder: (folder / WEIGHTS).unlink(), "is missing"),
        (overwritten(CONFIG, b"[]"), "expected an object"),
        (overwritten(CONFIG, b'{"backbone": {"width": 1e9}}'), "expected a whole number"),
        (overwritten(CONFIG, b'{"backbone": {"width": 1000000000000}}'), "from 1 to"),
        (overwritten(WEIGHTS, b"nothing"), "damaged"),
        (overwritten(WEIGHTS, (1 << 60).to_bytes(8, "little") + b"{}"), "damaged"),
        (edited(lambda config: config["backbone"].update(rope_base=5.0)), "another configuration"),
        (edited(lambda config: config["backbone"].update(n_layers=900)), "another configuration"),
        (edited(lambda config: config.update(gate="yes")), "expected true or false"),
        (edited(lambda config: config.update(hidden=3)), "unknown field"),
        (edited(lambda config: config["ngrams"].update(sizes=[])), "no size|sizes"),
        (edited(lambda config: config.update(backbone=None)), "expected an object"),
    ],
)
def test_damaged_folders_are_refused(damage: Any, message: str, folder: Path) -> None:
    damage(folder)
    with pytest.raises(FormatError, match=rf"{message}.*restore all files of it"):
        tokkit.load_lm(folder)


def test_hostile_configurations_are_refused_before_they_take_memory(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    config = ByteConfig(replace(STACK, width=1 << 14), ngrams=replace(NGRAMS, n_buckets=1 << 28))
    from tokkit.models.saving.configs import config_to_dict

    document = config_to_dict(config)
    tensors = load_file(folder / WEIGHTS)
    metadata = {"config": json.dumps(document, sort_keys=True), "parts": "{}"}
    save_file(tensors, folder / WEIGHTS, metadata=metadata)
    (folder / CONFIG).write_text(json.dumps(document))
    with pytest.raises(FormatError, match="expected"):  # petabytes, if it were built
        tokkit.load_lm(folder)


def test_a_folder_from_before_a_field_was_there_is_opened(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    document = json.loads((folder / CONFIG).read_text())
    del document["ahead"], document["ngrams"]["seed"]
    metadata = {"config": json.dumps(document), "parts": "{}"}
    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, metadata=metadata)
    assert tokkit.load_lm(folder).config.ahead == 0  # type: ignore[attr-defined]
    (folder / CONFIG).write_text(json.dumps(document))
    assert tokkit.load_lm(folder).config.ngrams == NGRAMS  # type: ignore[attr-defined]


def test_numbers_that_are_not_finite_are_refused(folder: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(folder / WEIGHTS, framework="pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    tensors["head.weight"][3, 3] = float("nan")
    save_file(tensors, folder / WEIGHTS, metadata)
    with pytest.raises(FormatError, match="not finite"):
        tokkit.load_lm(folder)


def spoilt(model: Any) -> Any:
    with torch.no_grad():
        model.head.weight[3, 3] = float("nan")
    return model


def mixed(model: Any) -> Any:
    model.head.double()
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoilt, "head.weight holds numbers that are not finite"),
        (mixed, "of types float32, float64"),
        (torch.nn.Module.half, "of types float16"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_saved(
    change: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message):
        change(ByteTransformer(ByteConfig(STACK))).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_numbers_of_numpy_make_the_same_model_as_those_of_python(tmp_path: Path) -> None:
    size: Any = np.int64
    share: Any = np.float32
    stack = replace(
        STACK, width=size(STACK.width), n_layers=size(STACK.n_layers), norm_eps=share(0.5)
    )
    options = TrainingOptions(steps=size(1), seed=size(7), learning_rate=share(0.25))
    model = ByteTransformer(ByteConfig(stack), seed=size(3))
    train(model, b"some text " * 9, options, folder=tmp_path)
    again = train(model, b"some text " * 9, replace(options, steps=1, seed=7), folder=tmp_path)
    assert again.was_finished
    loaded: Any = tokkit.load_lm(tmp_path)
    assert loaded.config == model.config == ByteConfig(replace(STACK, norm_eps=0.5))
    assert loaded.logprob(b"some") == model.logprob(b"some")


@pytest.mark.parametrize("seed", [-1, 1.5, 1 << 64, None])
def test_seeds_that_are_none_are_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        ByteTransformer(ByteConfig(STACK), seed=seed)


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    written: set[bytes] = set()
    for number in range(12):  # the library orders two keys by chance
        ByteTransformer(ByteConfig(STACK)).save(tmp_path / str(number))
        written.add((tmp_path / str(number) / WEIGHTS).read_bytes())
    assert len(written) == 1


def test_a_folder_that_is_no_model_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(FormatError, match="no language model in this folder"):
        tokkit.load_lm(tmp_path)
    (tmp_path / "tokkit.json").write_text("{}")
    with pytest.raises(FormatError, match="kind"):
        tokkit.load_lm(tmp_path)


def test_a_folder_of_another_kind_is_refused(folder: Path) -> None:
    (folder / "tokkit.json").write_text('{"kind": "subword-transformer"}')
    with pytest.raises(FormatError):
        tokkit.load_lm(folder)
    with pytest.raises(FormatError, match="expected a tokenizer"):
        tokkit.load_tokenizer(folder)


def test_another_tokenizer_of_the_same_size_is_refused(tmp_path: Path) -> None:
    SubwordTransformer(SubwordConfig(STACK), tokenizer()).save(tmp_path)
    assert tokkit.load_lm(tmp_path).name == tmp_path.name
    text = b"quite another text, which differs in most of its words from that which is read there "
    other = train_tokenizer([text * 4], vocab_size=tokenizer().vocab_size)
    assert other.vocab_size == tokenizer().vocab_size
    other.save(tmp_path / "tokenizer")
    with pytest.raises(FormatError, match="not the file"):
        tokkit.load_lm(tmp_path)


def test_options_of_loading_are_checked(saved: Path) -> None:
    with pytest.raises(ArgumentError, match="threads must be a whole number from 1 to"):
        tokkit.load_lm(saved, threads=10**9)
    threads = torch.get_num_threads()
    loaded: Any = tokkit.load_lm(saved, dtype="float64", threads=threads, allow_download=False)
    assert loaded.dtype == torch.float64
    with pytest.raises(ArgumentError, match="threads"):
        tokkit.load_lm(saved, threads=0)
    with pytest.raises(ArgumentError, match="dtype"):
        tokkit.load_lm(saved, dtype="int8")
    with pytest.raises(ArgumentError, match="unknown option"):
        tokkit.load_lm(saved, bos_ids=3)
    for device in ("nothing", "meta"):
        with pytest.raises(ArgumentError, match="cannot be used"):
            tokkit.load_lm(saved, device=device)


def test_loading_draws_nothing_from_the_generator_of_the_caller(saved: Path) -> None:
    before = torch.get_rng_state()
    ByteTransformer.load(saved)
    assert torch.equal(torch.get_rng_state(), before)


def rewritten(folder: Path, change: Callable[[dict[str, Any], dict[str, str]], None]) -> None:
    """Change the tensors and the metadata of a folder's weights."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        metadata: dict[str, str] = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors, metadata)
    save_file(tensors, folder / WEIGHTS, metadata=metadata)


@pytest.mark.parametrize("dtype", [torch.int32, torch.float16, torch.float64, torch.bool])
def test_a_tensor_of_another_type_than_the_others_is_refused(folder: Path, dtype: Any) -> None:
    rewritten(
        folder, lambda tensors, _: tensors.update({"head.weight": tensors["head.weight"].to(dtype)})
    )
    with pytest.raises(FormatError, match="of types? "):
        tokkit.load_lm(folder)


def test_parts_whose_names_no_file_can_have_are_refused(folder: Path) -> None:
    rewritten(folder, lambda _, metadata: metadata.update(parts='{"x\\u0000": "y"}'))
    with pytest.raises(FormatError, match="no file of the folder"):
        tokkit.load_lm(folder)


def test_a_folder_that_safetensors_cannot_open_is_refused_before_it_is_filled(
    saved: Path, tmp_path: Path
) -> None:
    named = tmp_path / "a\udcff"
    model = ByteTransformer(ByteConfig(STACK))
    options = TrainingOptions(steps=1)
    with pytest.raises(ArgumentError, match="no UTF-8"):
        model.save(named)
    with pytest.raises(ArgumentError, match="no UTF-8"):
        train(model, ["some text " * 20], folder=named, options=options)
    assert not named.exists()
    shutil.copytree(saved, named)
    with pytest.raises(ArgumentError, match="no UTF-8"):
        tokkit.load_lm(named)


LARGE = StackConfig(width=1 << 14, n_layers=8)
LEVELS = (2,) * 22


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (ByteTransformer, ByteConfig(LARGE, ngrams=NgramConfig(n_buckets=1 << 24))),
        (SpaceByte, SpaceByteConfig(LARGE, LARGE, LARGE)),
        (HierarchicalTransformer, HierarchicalConfig(backbone=LARGE, hashed_units=1 << 24)),
        (WordPooledTransformer, WordPooledConfig(LARGE, LARGE, LARGE)),
        (FlexTok, FlexTokConfig(encoder=LARGE, depth=1024, hidden=1 << 14)),
        (PictureGenerator, GeneratorConfig(vocab_size=1 << 22, stack=LARGE, levels=LEVELS)),
        (DMCodec, DMCodecConfig(layers=1024, hidden=1 << 14)),
        (VQGraph, VQGraphConfig(n_codes=1 << 20, width=1 << 14, hidden=1 << 14)),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_network_by_which_a_header_is_checked_takes_no_memory(kind: Any, config: Any) -> None:
    with torch.device("meta"):
        model = kind.build(config, Path())
    held = [each for each in (*model.parameters(), *model.buffers()) if not each.is_meta]
    assert sum(each.numel() for each in held) < 1 << 20


def test_numbers_too_large_for_the_type_that_is_asked_for_are_refused(tmp_path: Path) -> None:
    model = ByteTransformer(ByteConfig(STACK)).double()
    with torch.no_grad():
        model.head.weight[0, 0] = 1e300
    model.save(tmp_path)
    assert tokkit.load_lm(tmp_path)
    with pytest.raises(FormatError, match="too large for torch.float32"):
        tokkit.load_lm(tmp_path, dtype="float32")
