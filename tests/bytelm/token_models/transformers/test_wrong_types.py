"""Options of models of transformers, and of the view: see `tests.test_wrong_types`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tokkit
from tests.bytelm.lm_helpers import FakeTokenizer, tiny_model
from tests.hf.toy_views import ngram_lm
from tests.test_wrong_types import complaints
from tokkit.bytelm.token_models.transformers.loading import OPTIONS, load_token_lm
from tokkit.hf import ByteLevelCausalLM, ByteLevelTokenizer

IDS = Sequence[int] | int | None
TEXTS = str | bytes | Sequence[str | bytes]
OF_TRANSFORMERS: dict[str, Any] = {
    "tokenizer": os.PathLike | str | None, "dtype": str | None, "device": str | None,
    "threads": int | None, "packed": bool | None, "attn_implementation": str | None,
    "allow_download": bool, "bos_ids": IDS, "eos_ids": IDS, "max_batch_tokens": int,
    "name": str | None, "self_check": bool, "way": str | None,
    "device_map": str | Mapping[str, Any] | None,
}  # fmt: skip
OF_ALL: dict[str, Any] = {
    "source": str | os.PathLike | tuple, "backend": str | None, "encodings": str,
    "tolerance": float, "beam": int | None,
}  # fmt: skip


def pair() -> dict[str, Any]:
    return {"source": (tiny_model("llama"), FakeTokenizer()), "self_check": False}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_models_of_another_type_are_refused(option: str) -> None:
    before = torch.get_num_threads()
    try:
        assert not complaints(load_token_lm, pair(), option, OF_TRANSFORMERS[option])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("option", OF_ALL)
def test_options_of_load_lm_of_another_type_are_refused(option: str) -> None:
    assert not complaints(tokkit.load_lm, pair(), option, OF_ALL[option], dear=True)


@pytest.mark.parametrize("threads", [10**9, True, 0])
def test_a_number_of_threads_that_cannot_be_sets_nothing(threads: int) -> None:
    before = torch.get_num_threads()
    with pytest.raises(tokkit.TokkitError, match="threads must be a whole number from 1 to 4096"):
        load_token_lm(**pair(), threads=threads)
    with pytest.raises(tokkit.TokkitError, match="dtype"):
        load_token_lm(**pair(), threads=before + 1, dtype="float64")
    assert torch.get_num_threads() == before


def test_parts_of_a_loaded_model_of_another_type_are_refused() -> None:
    for part, hint in ((0, tokkit.TransformersLM), (1, os.PathLike | str)):

        def load(value: Any, part: int = part) -> Any:
            parts = list(pair()["source"])
            parts[part] = value
            return load_token_lm((parts[0], parts[1]))

        assert not complaints(load, {}, "value", hint)


VIEW: dict[str, tuple[Any, Callable[[Any], Callable[..., Any]]]] = {
    "source": (str | os.PathLike | Sequence[str], lambda _: ByteLevelCausalLM.from_source),
    "byte_model": (tokkit.ByteLM, lambda _: ByteLevelCausalLM.wrap),
    "stop_strings": (TEXTS, lambda view: lambda stop_strings: view.generate(
        torch.tensor([[97]]), max_new_tokens=1, stop_strings=stop_strings
    )),
    "data": (str | bytes, lambda _: ByteLevelTokenizer().encode_bytes),
    "ids": (Sequence[int], lambda _: ByteLevelTokenizer().decode_bytes),
}  # fmt: skip


@pytest.mark.parametrize("key", VIEW)
def test_what_the_view_is_given_of_another_type_is_refused(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ByteLevelCausalLM.wrap(ngram_lm(tmp_path))
    monkeypatch.chdir(tmp_path)
    hint, of = VIEW[key]
    hint = hint | None if key == "stop_strings" else hint
    assert not complaints(of(view), {}, key, hint)
