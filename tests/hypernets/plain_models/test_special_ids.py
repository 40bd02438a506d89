"""Ids of a configuration follow their role or their text; what has no counterpart is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers")
from tests.text.tokenizer_json import BYTES, added, document, ours
from tokkit.hypernets.plain_models.special_ids import IdMap, map_ids

OLD = ours(document(BYTES, added("<s>", 256, "special"), added("</s>", 257, "special"),
                    added("<pad>", 258, "special"), added("<turn>", 259, "special")))  # fmt: skip
NEW = ours(document({**{text: i + 3 for text, i in BYTES.items()}, "<end>": 0, "<turn>": 1},
                    added("<end>", 0, "special"), added("<turn>", 1, "special")))  # fmt: skip


def mapped(roles: dict[str, int], **config: Any) -> tuple[Any, list[str]]:
    former = {"bos": 256, "eos": 257, "pad": 258}
    ids = IdMap(OLD, NEW, roles, former)
    given = SimpleNamespace(**config)
    map_ids(given, ids)
    return given, ids.notes


def test_roles_take_the_new_tokenizers_ids() -> None:
    config, notes = mapped({"eos": 0, "pad": 1}, eos_token_id=257, pad_token_id=258, vocab_size=260)
    assert (config.eos_token_id, config.pad_token_id, config.vocab_size) == (0, 1, 260)
    assert not notes


def test_a_role_that_the_new_tokenizer_lacks_is_unset_and_told() -> None:
    config, notes = mapped({"eos": 0}, bos_token_id=256, eos_token_id=257)
    assert config.bos_token_id is None
    assert len(notes) == 1
    assert "<s>" in notes[0]


def test_a_padding_id_that_is_not_set_is_set() -> None:
    config, _ = mapped({"eos": 0, "pad": 1}, eos_token_id=257, pad_token_id=None)
    assert config.pad_token_id == 1


def test_lists_of_ends_keep_those_of_the_same_text() -> None:
    config, _ = mapped({"eos": 0}, eos_token_id=[257, 259])
    assert config.eos_token_id == [0, 1]


def test_decoders_start_where_they_did() -> None:
    config, _ = mapped({"eos": 0, "pad": 1}, decoder_start_token_id=258)
    assert config.decoder_start_token_id == 1


def test_tokens_of_text_are_mapped_by_their_bytes() -> None:
    config, notes = mapped({}, suppress_tokens=[64, 65, 258], bad_words_ids=[[64, 65], [258]])
    assert config.suppress_tokens == [67, 68]
    assert config.bad_words_ids == [[67, 68]]
    assert any("suppress_tokens" in note for note in notes)


def test_forced_ids_are_dropped_and_told() -> None:
    config, notes = mapped({}, forced_decoder_ids=[[1, 64]], sequence_bias={(64,): 1.0})
    assert config.forced_decoder_ids is None
    assert config.sequence_bias is None
    assert len(notes) == 2


def test_negative_ids_mean_none_and_stay() -> None:
    config, notes = mapped({"eos": 0}, pad_token_id=-1)
    assert config.pad_token_id == -1
    assert not notes
