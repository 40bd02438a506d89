"""Bytes that are about to be pushed to a beam: evaluate in few calls what they will need.

Which heads a beam keeps depends on weights, which depend on rows, so that byte by byte it takes
nearly one model call a byte. Where the bytes are known, calls can be grouped:

1. the heads of the canonical encoding of the text, which nearly always are kept, in one call;
2. a *trial run* of the beam over the text, with the rows that there are, collects the heads without
   a row that it would keep; they are the next call. The real beam then goes on to the first row
   that is still missing, and the next trial starts there.

What the real beam does is the same as byte by byte; it only finds its rows ready. A trial may ask
for a few that are not needed in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokkit.bytelm.encodings.encoding_beam import EncodingBeam, Row, absorb
from tokkit.bytelm.encodings.evaluation import rows_in_calls
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import Node, Session

_TRIAL_BYTES = 128
_MAX_BLIND_SHARE = 0.5  # a trial ends where heads without a row carry more than this


class KnownText:
    """Some bytes, the contexts within them, and their rows.

    Attributes:
        n_calls: calls of the model.
        n_evaluated: rows it returned.
    """

    def __init__(
        self, vocabulary: ByteVocabulary, session: Session, beam: EncodingBeam, data: bytes
    ) -> None:
        """Prepare to push `data`.

        Args:
            vocabulary: the sorted tokens.
            session: the tree of contexts.
            beam: to push to.
            data: the bytes.
        """
        self._vocabulary = vocabulary
        self._session = session
        self._beam = beam
        self._data = data
        self._base = beam.length
        self._rows: dict[Node, Row] = {}
        self._children: dict[tuple[Node, int], Node] = {}
        self.n_calls = 0
        self.n_evaluated = 0

    def child(self, node: Node, token: int) -> Node:
        """The context one token longer; the same object each time."""
        key = (node, token)
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = self._session.extend(node, token)
        return found

    def push(self, guess: Mapping[Node, int], each: Callable[[], None] | None) -> None:
        """Push the bytes to the beam.

        Args:
            guess: contexts that are likely to be needed, with the number of bytes each spells.
            each: called before each byte, when no row is missing.
        """
        beam, done = self._beam, 0
        wanted = {**self._missing(beam), **guess}
        while True:
            self.evaluate(wanted)
            while done < len(self._data) and not beam.missing():
                if each is not None:
                    each()
                self._push_byte(beam, self._data[done])
                done += 1
            if done == len(self._data):
                return
            wanted = self._trial(beam, self._data[done : done + _TRIAL_BYTES])

    def _push_byte(self, beam: EncodingBeam, byte: int) -> None:
        beam.step(byte, self.child)
        beam.prune()
        beam.fill(self._rows)

    def _missing(self, beam: EncodingBeam) -> dict[Node, int]:
        return {head.node: head.start for head in beam.missing()}

    def _trial(self, beam: EncodingBeam, data: bytes) -> dict[Node, int]:
        """Heads without a row that the beam would keep, as far as the rows there are tell."""
        trial = beam.copy()
        wanted = self._missing(trial)
        for byte in data:
            if trial.drop_missing() > _MAX_BLIND_SHARE:
                break
            self._push_byte(trial, byte)
            wanted.update(self._missing(trial))
        return wanted

    def evaluate(self, wanted: Mapping[Node, int]) -> None:
        """Run the model on contexts, in one call if memory allows, and fill the beam.

        Args:
            wanted: contexts, with the number of bytes each spells.

        Raises:
            ModelError: the model returned NaN, or rows of the wrong length.
        """
        nodes = [node for node in wanted if node not in self._rows]
        session = self._session
        for chunk, rows in rows_in_calls(self._vocabulary, session, session.logprobs, nodes):
            for node, row in zip(chunk, rows, strict=True):
                absorbed = absorb(self._vocabulary, row)
                ahead = wanted[node] - self._base
                if ahead < len(self._data):  # keep only what agrees with the text
                    absorbed = absorbed.of_byte(self._vocabulary, self._data[ahead])
                self._rows[node] = absorbed
            self.n_calls += 1
            self.n_evaluated += len(rows)
        self._beam.fill(self._rows)
