"""Who spoke where: what is heard is what the state says, and the page shows it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bytelm.test_ensemble import letters
from tokkit.bytelm.ensemble import COMBINATIONS, ByteEnsemble, Combine
from tokkit.bytelm.ensembles.speakers import SHOWN_BYTES, Spoken, listen, render_speakers_page


def spoken_of(combine: Combine, text: bytes) -> Spoken:
    ensemble = ByteEnsemble([letters(b"ab", 0), letters(b"abc", 1)], combine=combine)
    return Spoken(("<one>", "two"), combine, text, 3, *listen(ensemble.open(), text))


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_what_is_heard_is_what_the_state_says(combine: Combine) -> None:
    ensemble = ByteEnsemble([letters(b"ab", 0), letters(b"abc", 1)], combine=combine)
    text = b"abbaab"
    state = ensemble.open()
    shares, bits, member_bits = listen(state, text)
    stepwise = ensemble.open()
    for k in range(len(text)):
        np.testing.assert_allclose(shares[k], stepwise.posterior(), atol=1e-12)
        stepwise.push(text[k : k + 1])
    np.testing.assert_allclose(bits.sum() * np.log(2), -ensemble.logprob(text))
    alone = [member.logprob(text) for member in ensemble.members]
    np.testing.assert_allclose(member_bits.sum(axis=0) * np.log(2), -np.array(alone))
    np.testing.assert_allclose(state.posterior(), ensemble.open(text).posterior(), atol=1e-12)


def test_a_page_shows_every_byte_with_its_speaker() -> None:
    spoken = spoken_of("adaptive", b"abba\nb<a")
    page = render_speakers_page(spoken)
    assert page == render_speakers_page(spoken)
    assert page.count('class="spoken"') == 2
    assert "&lt;one&gt;" in page
    assert "<one>" not in page
    for place in range(3):
        share = spoken.shares[place]
        told = f"&lt;one&gt; {share[0]:.2f}, two {share[1]:.2f}; {spoken.saved[place]:+.2f} bits"
        assert told in page


def test_a_text_without_probability_has_a_page() -> None:
    spoken = spoken_of("product", b"abcab")
    assert np.isinf(spoken.bits).any()
    assert "no probability" in render_speakers_page(spoken)


def test_only_the_beginning_of_a_long_text_is_coloured() -> None:
    n = SHOWN_BYTES + 10
    flat = np.ones(n)
    spoken = Spoken(("a", "b"), "mean", b"x" * n, 0, np.full((n, 2), 0.5), flat, np.ones((n, 2)))
    page = render_speakers_page(spoken)
    assert page.count('title="a 0.50, b 0.50') == 2 * SHOWN_BYTES
