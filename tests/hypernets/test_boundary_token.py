"""A token between texts is read as the old beginning and predicted as the old end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.hypernets.tokenizer_export.families import byte_level_bpe
from tokkit.hypernets.boundary_token import read_as_beginning
from tokkit.hypernets.rows import Rows
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import load_tokenizer

OLD = np.arange(600, dtype=np.float32).reshape(300, 2)
NEW = Rows(OLD + 1000)


@pytest.fixture(scope="module")
def plain() -> TokenizerSpec:
    return load_tokenizer(byte_level_bpe(Path(), size=300)).spec


def test_one_token_takes_two_places(plain: TokenizerSpec) -> None:
    source = replace(plain, bos_ids=(5,), eos_ids=(6,))
    target = replace(plain, bos_ids=(7,), eos_ids=(7,))
    rows = read_as_beginning(NEW, OLD, source, target)
    assert rows.inputs[7] == pytest.approx(OLD[5])
    assert rows.outputs is NEW.inputs
    assert np.array_equal(np.delete(rows.inputs, 7, 0), np.delete(NEW.inputs, 7, 0))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (((5,), (5,)), ((7,), (7,))),
        (((5,), (6,)), ((7,), (8,))),
        (((5,), ()), ((7,), (7,))),
        (((), (6,)), ((7,), (7,))),
    ],
)
def test_other_tokens_keep_their_rows(plain: TokenizerSpec, old: tuple, new: tuple) -> None:
    source = replace(plain, special_tokens={}, bos_ids=old[0], eos_ids=old[1])
    target = replace(plain, special_tokens={}, bos_ids=new[0], eos_ids=new[1])
    assert read_as_beginning(NEW, OLD, source, target) is NEW
