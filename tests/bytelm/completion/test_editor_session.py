"""An editor session gives what a fresh start gives, and computes what changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.completion.fim_toys import WORDS, with_format
from tests.bytelm.drawing.speculation.shapes import SPECS
from tests.bytelm.random_bytes import RandomBytes
from tests.bytelm.toy_models import RandomLM
from tokkit import EditorSession
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.completion import complete
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.protocol import Node, Session
from tokkit.errors import ArgumentError, TokkitError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=8, deadline=None, derandomize=True)
pieces = st.lists(st.sampled_from([b"a", b"b", b" ", b"ab", "é".encode()]), max_size=12).map(
    b"".join
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), pieces),
        st.tuples(st.just("delete"), st.integers(0, 5), st.integers(0, 3)),
        st.tuples(st.just("move"), st.integers(-9, 9)),
        st.tuples(st.just("set_text"), pieces, st.none() | pieces),
    ),
    min_size=1,
    max_size=8,
)


def outcome(act: Any) -> bytes | str:
    """A text, or why there is none."""
    try:
        return act()
    except TokkitError as error:
        return f"{type(error).__name__}: {error}"


def apply(session: EditorSession, edit: tuple[Any, ...]) -> None:
    """An edit, as far as the text permits it."""
    name, *values = edit
    before, after = len(session.prefix), len(session.suffix or b"")
    if name == "delete":
        values = [min(values[0], before), min(values[1], after)]
    elif name == "move":
        values = [max(-before, min(values[0], after))]
    getattr(session, name)(*values)


@FEW
@given(spec=SPECS, edits=EDITS, tolerance=st.sampled_from([0.0, 0.1]))
def test_completions_after_any_edits_are_those_of_a_fresh_start(
    spec: TokenizerSpec, edits: list[tuple[Any, ...]], tolerance: float
) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(spec), seed)) for seed in range(2)]
    models: list[ByteModel] = [
        ByteLM(RandomLM(TextTokenizer(spec)), tolerance=tolerance),
        ByteLM(RandomLM(TextTokenizer(spec)), encodings="all", beam=2),
        ByteEnsemble(members, combine="mean"),
        RandomBytes(),
    ]
    for lm in models:
        session = EditorSession(lm)
        for k, edit in enumerate(edits):
            apply(session, edit)
            if session.suffix is not None:
                session.set_text(session.prefix)
            options: dict[str, Any] = {"max_bytes": 6, "seed": k}
            fresh = outcome(lambda o=options, s=session, m=lm: complete(m, s.prefix, **o))
            assert outcome(lambda o=options, s=session: s.complete(**o)) == fresh


def test_what_drops_mass_reads_a_text_that_grows_anew() -> None:
    chance = random.Random(0)
    members = [ByteLM(RandomLM(TextTokenizer(WORDS), k), tolerance=0.3) for k in range(2)]
    lm = ByteEnsemble(members)
    session = EditorSession(lm)
    for k in range(8):
        session.insert(bytes(chance.choice(b"ab ") for _ in range(chance.randrange(1, 20))))
        fresh = outcome(lambda n=k: complete(lm, session.prefix, max_bytes=4, seed=n))
        assert outcome(lambda n=k: session.complete(max_bytes=4, seed=n)) == fresh


@settings(FEW, max_examples=20)
@given(edits=EDITS, name=st.sampled_from(["starcoder", "codestral"]), heal=st.booleans())
def test_middles_after_any_edits_are_those_of_a_fresh_start(
    edits: list[tuple[Any, ...]], name: str, heal: bool
) -> None:
    lm = ByteLM(RandomLM(TextTokenizer(with_format(WORDS, FIM_FORMATS[name]))))
    shape: dict[str, Any] = {"heal": "both" if heal else "prefix"}
    session = EditorSession(lm, **shape)
    for k, edit in enumerate(edits):
        apply(session, edit)
        prefix, suffix = session.prefix, session.suffix
        options: dict[str, Any] = {"max_bytes": 6, "seed": k}
        keywords = options if suffix is None else options | shape
        fresh = outcome(lambda p=prefix, s=suffix, o=keywords: infill(lm, p, s, **o))
        assert outcome(lambda o=options: session.complete(**o)) == fresh
        assert (session.prefix, session.suffix) == (prefix, suffix)


@settings(FEW, max_examples=4)
@given(edits=EDITS)
def test_middles_without_a_format_are_those_of_a_fresh_start(edits: list[tuple[Any, ...]]) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(WORDS), seed)) for seed in range(2)]
    models: list[ByteModel] = [*members[:1], ByteEnsemble(members, combine="adaptive")]
    for lm in models:
        session = EditorSession(lm, budget=12)
        for k, edit in enumerate(edits):
            apply(session, edit)
            prefix, suffix = session.prefix, session.suffix or b""
            session.set_text(prefix, suffix)
            options: dict[str, Any] = {"max_bytes": 3, "seed": k, "temperature": 2}
            fresh = outcome(
                lambda m=lm, p=prefix, s=suffix, o=options: infill(
                    m, p, s, method="posterior", budget=12, **o
                )
            )
            assert outcome(lambda o=options, s=session: s.complete(**o)) == fresh


class CountingSession(Session):
    """Keeps what it has evaluated while its node lives, and counts."""

    def __init__(self, lm: CountingLM) -> None:
        super().__init__(lm.tokenizer.vocab_size)
        self._lm = lm
        self._known: WeakSet[Node] = WeakSet()

    def logprobs(self, nodes: Sequence[Node]) -> np.ndarray:
        for node in nodes:
            for walk in node.lineage():
                if walk in self._known:
                    break
                self._known.add(walk)
                self._lm.n_read += 1
            self._lm.n_asked += 1
        self._lm.on_ask()
        return self._lm.next_token_logprobs([node.ids() for node in nodes])


class CountingLM(RandomLM):
    n_read = n_asked = 0
    on_ask: Callable[[], object] = staticmethod(lambda: None)

    def session(self) -> CountingSession:
        return CountingSession(self)


@pytest.mark.parametrize("in_ensemble", [False, True])
def test_a_search_goes_on_from_the_prefix(in_ensemble: bool) -> None:
    lm = CountingLM(TextTokenizer(WORDS))
    member = ByteLM(lm)
    session = EditorSession(ByteEnsemble([member, member]) if in_ensemble else member, budget=10)
    text = b"aba ab " * 60
    session.set_text(text, b"b")
    session.complete(max_bytes=2, seed=0, temperature=0)
    begun = lm.n_read
    session.insert(b"ab")
    session.complete(max_bytes=2, seed=0, temperature=0)
    assert begun > 3 * 60 + 60
    assert lm.n_read - begun < 100  # the end of the prefix is read behind the suffix, and not kept


@pytest.mark.parametrize("suffix", [None, b" ab a"])
def test_only_what_changed_is_computed(suffix: bytes | None) -> None:
    lm = CountingLM(TextTokenizer(with_format(WORDS, FIM_FORMATS["starcoder"])))
    session = EditorSession(ByteLM(lm))
    text = b"aba ab " * 60
    session.set_text(text, suffix)
    session.complete(max_bytes=1, seed=0)
    begun, asked = lm.n_read, lm.n_asked
    for edit in (b"a", b" ", b"b"):
        session.insert(edit)
        session.complete(max_bytes=1, seed=0)
    session.delete(3)
    session.complete(max_bytes=1, seed=0)
    assert begun > 200
    assert lm.n_read - begun < 60
    assert lm.n_asked - asked < 160


def test_a_completion_can_be_cancelled() -> None:
    session = EditorSession(RandomBytes())
    session.set_text("a")
    pieces = session.stream(max_bytes=50, seed=0)
    first = next(pieces)
    session.cancel()
    assert list(pieces) == []
    whole = session.complete(max_bytes=50, seed=0)
    assert whole == complete(RandomBytes(), "a", max_bytes=50, seed=0)
    assert whole.startswith(first)


def test_a_later_completion_does_not_revive_one_that_was_cancelled() -> None:
    session = EditorSession(RandomBytes())
    session.set_text("a")
    first = session.stream(max_bytes=50, seed=0)
    assert next(first)
    session.cancel()
    second = session.stream(max_bytes=50, seed=0)
    assert next(second)
    assert list(first) == []
    assert list(second)


def test_a_search_can_be_cancelled_between_passes() -> None:
    lm = CountingLM(TextTokenizer(WORDS))
    session = EditorSession(ByteLM(lm), budget=200)
    session.set_text("aba", "ab a")
    assert session.complete(max_bytes=3, seed=0, temperature=0)
    whole = lm.n_asked
    lm.on_ask = lambda: session.cancel() if lm.n_asked > whole + whole // 4 else None
    session.insert("b")
    assert session.complete(max_bytes=3, seed=0, temperature=0) == b""
    assert lm.n_asked < 2 * whole - whole // 4
    lm.on_ask = lambda: None
    assert session.complete(max_bytes=3, seed=0, temperature=0)


def test_a_search_that_is_cancelled_in_its_last_pass_gives_nothing() -> None:
    lm = CountingLM(TextTokenizer(WORDS))
    session = EditorSession(ByteLM(lm), budget=20)
    session.set_text("aba", "ab a")
    assert len(session.complete(max_bytes=3, seed=3, temperature=0)) > 1
    last = lm.n_asked
    lm = CountingLM(TextTokenizer(WORDS))
    session = EditorSession(ByteLM(lm), budget=20)
    session.set_text("aba", "ab a")
    lm.on_ask = lambda: session.cancel() if lm.n_asked == last else None
    assert session.complete(max_bytes=3, seed=3, temperature=0) == b""
    assert lm.n_asked == last


def test_what_the_way_of_filling_does_not_take_is_refused_at_once() -> None:
    plain = RandomBytes()
    with_one = ByteLM(RandomLM(TextTokenizer(with_format(WORDS, FIM_FORMATS["starcoder"]))))
    refused: list[tuple[ByteModel, dict[str, Any]]] = [
        (plain, {"method": "best"}),
        (plain, {"method": "posterior", "heal": "both"}),
        (plain, {"method": "format", "budget": 9}),
        (with_one, {"budget": 9}),
        (with_one, {"method": "posterior", "fim": "starcoder"}),
    ]
    for lm, options in refused:
        with pytest.raises(ArgumentError, match="method"):
            EditorSession(lm, **options)
    session = EditorSession(plain)
    session.set_text("a", "b")
    beyond: list[dict[str, Any]] = [
        {"top_k": 3},
        {"stop": "x"},
        {"unit": "token"},
        {"draft": plain},
    ]
    for asked in beyond:
        with pytest.raises(ArgumentError, match="posterior"):
            session.stream(max_bytes=2, **asked)


def test_edits_move_bytes_between_prefix_and_suffix() -> None:
    session = EditorSession(RandomBytes())
    session.insert("abcd")
    assert (session.prefix, session.suffix) == (b"abcd", None)
    session.move(0)
    assert session.suffix is None
    session.move(-3)
    assert (session.prefix, session.suffix) == (b"a", b"bcd")
    session.delete(1, 1)
    assert (session.prefix, session.suffix) == (b"", b"cd")
    session.move(2)
    assert (session.prefix, session.suffix) == (b"cd", b"")
    for act in (
        lambda: session.move(1),
        lambda: session.move(-3),
        lambda: session.delete(3),
        lambda: session.delete(0, 1),
        lambda: session.delete(-1),
        lambda: EditorSession("smollm2"),  # pyright: ignore[reportArgumentType]
    ):
        with pytest.raises(ArgumentError):
            act()
    assert (session.prefix, session.suffix) == (b"cd", b"")
