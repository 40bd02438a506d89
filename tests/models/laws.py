"""What every text model owes, as functions of a model: the tests run them on each toy.

Tolerances are absolute, in nats: `TOLERANCE` of a model's dtype.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import tokkit
from tokkit.bytelm.byte_state import END
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import Windows

TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-5}
TEXT = "Hi there,\r\ncan't 3.14 ö カ1⁄2  x".encode() + b"\xff\xc3 __init__"
"""Words, numbers, signs, white space, characters of several bytes, bytes that are none."""


def check_later_bytes_change_nothing(model: Any) -> None:
    """Rows before a byte do not depend on it."""
    rows = model.byte_logprobs(TEXT)
    for place in range(0, len(TEXT), 3):
        other = TEXT[:place] + bytes([TEXT[place] ^ 0x15]) + TEXT[place + 1 :][::-1]
        assert_close(model, model.byte_logprobs(other)[: place + 1], rows[: place + 1])


def check_mates_and_padding_change_nothing(model: Any) -> None:
    """What a window costs does not depend on what stands beside it or behind it."""
    texts = [TEXT, b"", b"a", TEXT[3:11], b" ", TEXT[5:30]]
    ends = [True, True, False, False, True, True]
    windows = Windows.of(texts, ends=ends)
    noise = torch.randint(0, END + 1, windows.symbols.shape)
    noisy = replace(windows, symbols=torch.where(windows.real(), windows.symbols, noise))
    with torch.no_grad():
        alone = torch.cat(
            [
                model.nats(Windows.of([text], ends=end))
                for text, end in zip(texts, ends, strict=True)
            ]
        )
        assert_close(model, model.nats(windows), alone, times=len(TEXT))
        assert_close(model, model.nats(noisy), alone, times=len(TEXT))


def check_cuts_change_nothing(model: Any) -> None:
    """A text that is read in two parts, or byte by byte, has the rows of one that is read whole."""
    whole = model.byte_logprobs(TEXT)
    step = model.open()
    for place in range(len(TEXT) + 1):
        assert_close(model, step.logprobs(), whole[place])
        state = model.open(TEXT[:place])
        assert_close(model, state.score(TEXT[place:]), whole[place:])
        step.push(TEXT[place : place + 1])
    passed = whole[np.arange(len(TEXT)), list(TEXT)].sum()
    assert_close(model, step.prefix_logprob, passed, times=len(TEXT))


def check_ragged_batches_change_nothing(model: Any) -> None:
    """States that are evaluated together say what each says alone."""
    prompts = [TEXT[:9], b"", TEXT[:31], b"x", b"  "]
    states = [model.open(prompt) for prompt in prompts]
    if isinstance(model, CachedTextModel):
        states[0].evaluate_with(states[1:])
        assert all(state.is_evaluated for state in states)
    for prompt, state in zip(prompts, states, strict=True):
        assert_close(model, state.logprobs(), model.open(prompt).logprobs())


def check_continuations_sum_to_one(model: Any) -> None:
    """All texts of one and of two bytes after a prompt, and the end, exhaust the probability."""
    state = model.open(TEXT[:20])
    first = state.logprobs()
    assert abs(np.exp(first).sum() - 1) < 1e-9
    total = np.exp(first[END])
    branches = [state.fork() for _ in range(256)]
    for byte, branch in enumerate(branches):
        branch.push(bytes([byte]))
    branches[0].evaluate_with(branches[1:])
    for byte, branch in enumerate(branches):
        total += np.exp(first[byte]) * np.exp(branch.logprobs()).sum()
    assert abs(total - 1) < 1e-9


def check_forks_are_independent(model: Any) -> None:
    """Branches do not see each other, nor does what they came from see them."""
    state = model.open(TEXT[:13])
    before = state.logprobs()
    branches = [state.fork() for _ in range(3)]
    for branch, data in zip(branches, (b"ab", b"x", b" other"), strict=True):
        branch.push(data)
    for branch, data in zip(branches, (b"ab", b"x", b" other"), strict=True):
        assert_close(model, branch.logprobs(), model.open(TEXT[:13] + data).logprobs())
    np.testing.assert_array_equal(state.logprobs(), before)


def check_nats_are_those_of_the_rows(model: Any) -> None:
    """What training minimises is what the model says of each byte, and of the end."""
    for text, ends in ((TEXT, True), (TEXT[:17], False), (b"", True), (b"", False), (b"\n", True)):
        rows = model.byte_logprobs(text)
        expected = -rows[np.arange(len(text)), list(text)].sum() - ends * rows[-1, END]
        with torch.no_grad():
            (nats,) = model.nats(Windows.of([text], ends=ends)).double().tolist()
        assert_close(model, nats, expected, times=len(text) + 1)
        assert_close(model, -model.logprob(text, end=ends), expected, times=len(text) + 1)
        for cut in (len(text) // 3, len(text)):
            parts = (
                model.logprob(text[:cut]),
                model.logprob(text[cut:], prefix=text[:cut], end=ends),
            )
            assert_close(model, -sum(parts), expected, times=len(text) + 1)


def check_every_parameter_learns(model: Any) -> None:
    """No parameter is without a gradient."""
    model.training_nats(Windows.of([TEXT, TEXT[::-1]], ends=True)).sum().backward()
    for name, each in model.named_parameters():
        assert each.grad is not None, name
        assert bool(each.grad.isfinite().all()), name
        assert bool(each.grad.any()), name
    model.zero_grad(set_to_none=True)


def check_saved_models_are_the_same(model: Any, folder: Path) -> None:
    """`load_lm` opens what `save` wrote."""
    model.save(folder)
    loaded: Any = tokkit.load_lm(folder)
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    assert loaded.dtype == model.dtype
    np.testing.assert_array_equal(loaded.byte_logprobs(TEXT), model.byte_logprobs(TEXT))


def assert_close(model: Any, found: Any, expected: Any, *, times: int = 1) -> None:
    """Equal but for the rounding of a model; `times` as much of it."""
    tolerance = TOLERANCE[model.dtype] * times
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=0, atol=tolerance)
