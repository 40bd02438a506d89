"""Every way through a stack gives the states of the plainest one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.attention_reference import attention_reference, rotated_reference
from tokkit.errors import ArgumentError
from tokkit.models.blocks import attention
from tokkit.models.blocks.options import StackConfig
from tokkit.models.blocks.stack import Stack, draw_parameters

WIDTH, HEADS = 16, 2


def make_stack(window: int | None = None, dtype: torch.dtype = torch.float64) -> Stack:
    """A small one, with parameters large enough that attention matters."""
    stack = Stack(StackConfig(width=WIDTH, n_layers=2, n_heads=HEADS, window=window))
    draw_parameters(stack, seed=1)
    with torch.no_grad():
        for parameter in stack.parameters():
            if parameter.ndim > 1:
                parameter.mul_(12)
    return stack.to(dtype)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    """Normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference(stack: Stack, x: torch.Tensor) -> torch.Tensor:
    """States of one text, (length, width), a place at a time."""
    config = stack.config
    for block in stack.layers:
        query, key, value = block.attention.qkv(block.attention_norm(x)).chunk(3, -1)
        read: list[torch.Tensor] = []
        for head in range(HEADS):
            part = slice(head * config.head_width, (head + 1) * config.head_width)
            turned_query, turned_key = (
                torch.stack(
                    [
                        rotated_reference(row, place, config.rope_base)
                        for place, row in enumerate(of[:, part])
                    ]
                )
                for of in (query, key)
            )
            read.append(
                attention_reference(turned_query, turned_key, value[:, part], config.window)
            )
        x = x + block.attention.out(torch.cat(read, -1))
        x = x + block.feed_forward(block.feed_forward_norm(x))
    return stack.norm(x)


@pytest.mark.parametrize("window", [None, 1, 2, 4, 7, 40])
def test_a_stack_equals_the_oracle(window: int | None) -> None:
    stack = make_stack(window)
    x = drawn(2, 17, WIDTH)
    for text, states in zip(x, stack(x), strict=True):
        torch.testing.assert_close(states, reference(stack, text), atol=1e-11, rtol=0)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), window=st.sampled_from([None, 1, 3, 8]))
@torch.no_grad()
def test_texts_that_go_on_in_any_cuts_equal_whole_ones(
    data: st.DataObject, window: int | None
) -> None:
    stack = make_stack(window)
    texts = [drawn(data.draw(st.integers(1, 24)), WIDTH, seed=seed) for seed in range(3)]
    wanted = [stack(text[None])[0] for text in texts]
    caches = [stack.start_cache() for _ in texts]
    done = [0, 0, 0]
    while any(at < len(text) for at, text in zip(done, texts, strict=True)):
        lengths = [
            data.draw(st.integers(0, len(text) - at)) for at, text in zip(done, texts, strict=True)
        ]
        if not any(lengths):
            lengths = [len(text) - at for at, text in zip(done, texts, strict=True)]
        x = torch.full((3, max(lengths), WIDTH), 7.0, dtype=torch.float64)
        for place, (text, at, n) in enumerate(zip(texts, done, lengths, strict=True)):
            x[place, :n] = text[at : at + n]
        states, caches = stack.extend(x, lengths, caches)
        for place, (at, n) in enumerate(zip(done, lengths, strict=True)):
            expected = wanted[place][at : at + n]
            torch.testing.assert_close(states[place, :n], expected, atol=1e-11, rtol=0)
        done = [at + n for at, n in zip(done, lengths, strict=True)]


@pytest.mark.parametrize("window", [None, 3])
@torch.no_grad()
def test_two_that_go_on_from_one_cache_do_not_disturb_each_other(window: int | None) -> None:
    stack = make_stack(window)
    text, others = drawn(9, WIDTH), [drawn(5, WIDTH, seed=seed) for seed in (1, 2, 3)]
    _, (cache,) = stack.extend(text[None], [9], [stack.start_cache()])
    ahead = [stack.extend(other[None], [5], [cache])[1][0] for other in others]
    for other, longer in zip(others, ahead, strict=True):
        more = drawn(4, WIDTH, seed=9)
        states, _ = stack.extend(more[None], [4], [longer])
        wanted = stack(torch.cat([text, other, more])[None])[:, -4:]
        torch.testing.assert_close(states, wanted, atol=1e-11, rtol=0)


@pytest.mark.parametrize("size", [1, 3])
@torch.no_grad()
def test_branches_are_what_their_texts_would_go_on_with(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_SCORES", 2 * HEADS * size * 9)  # two leaves at once
    stack = make_stack()
    texts, lengths = drawn(2, 9, WIDTH), [9, 5]
    leaves, counts = drawn(7, size, WIDTH, seed=1), [4, 3]
    after = torch.tensor([0, 3, 9, 9, 5, 0, 2])
    _, caches = stack.extend(texts, lengths, [stack.start_cache() for _ in texts])
    found = stack.branch(leaves, after, counts, caches)
    of = [0] * 4 + [1] * 3
    for text, leaf, n, states in zip(texts[of], leaves, after.tolist(), found, strict=True):
        wanted = stack(torch.cat([text[:n], leaf])[None])[0, n:]
        torch.testing.assert_close(states, wanted, atol=1e-11, rtol=0)


@pytest.mark.parametrize("causal", [True, False])
def test_short_sequences_side_by_side_equal_each_alone(causal: bool) -> None:
    stack = make_stack()
    groups = [(2, 1), (3, 4), (1, 9)]
    x = drawn(sum(n * length for n, length in groups), WIDTH)
    found = stack.packed(x, groups, causal=causal)
    start = 0
    for n, length in groups:
        part = slice(start, start + n * length)
        wanted = stack(x[part].unflatten(0, (n, length)), causal=causal).flatten(0, 1)
        torch.testing.assert_close(found[part], wanted, atol=1e-11, rtol=0)
        start = part.stop


@pytest.mark.parametrize("causal", [True, False])
def test_places_that_are_not_real_change_nothing(causal: bool) -> None:
    stack = make_stack()
    x, longer = drawn(2, 6, WIDTH), drawn(2, 9, WIDTH, seed=3)
    longer[:, :6] = x
    real = torch.arange(9).expand(2, 9) < 6
    found = stack(longer, causal=causal, real=real)[:, :6]
    torch.testing.assert_close(found, stack(x, causal=causal), atol=1e-11, rtol=0)


def test_bfloat16_on_a_cpu_reads_what_float32_reads() -> None:
    stack = make_stack(dtype=torch.float32)
    with torch.no_grad():
        for parameter in stack.parameters():
            if parameter.ndim > 1:
                parameter.div_(12)
    x = drawn(1, 300, WIDTH).float()
    with torch.autocast("cpu", torch.bfloat16):
        found, packed = stack(x), stack.packed(x[0], [(1, 300)])
    torch.testing.assert_close(found.float(), stack(x), atol=0.05, rtol=0)
    torch.testing.assert_close(packed.float(), stack(x)[0], atol=0.05, rtol=0)


def test_the_room_of_a_window_does_not_grow_with_the_text() -> None:
    stack = make_stack(window=4)
    caches = [stack.start_cache()]
    for _ in range(200):
        _, caches = stack.extend(drawn(1, 1, WIDTH), [1], caches)
    assert caches[0].n_kept == 4
    assert caches[0].read(0)[0].untyped_storage().nbytes() < 64 * 2 * 2 * WIDTH * 8


@pytest.mark.parametrize(
    "sizes", [{"width": 0}, {"width": 18, "n_heads": 2}, {"n_layers": 0}, {"window": 0}]
)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ArgumentError):
        StackConfig(**{"width": 16, "n_heads": 2, **sizes})
