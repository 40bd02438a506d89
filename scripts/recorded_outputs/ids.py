"""What a tokenizer makes of texts: ids, offsets, bytes, and which sequences are canonical."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.recorded_outputs.inputs import SENTENCE, real_files, texts
from scripts.recorded_outputs.recording import Recording, array_digest, as_text, sha256
from scripts.recorded_outputs.toy_tokenizers import TOY_SOURCES

if TYPE_CHECKING:
    import tokkit

N_MASKS = 8
"""Steps of `SENTENCE` at which all tokens that may follow are recorded."""
N_CANONICAL = 80
"""Ids of a text that are asked about; the automaton of a Unigram model takes its time."""


def record_toys(recording: Recording) -> None:
    """The small tokenizers."""
    for name, toy in TOY_SOURCES.items():
        name = f"tokenizers/toys/{name}"
        if name not in recording.skipped:
            _record(recording, name, toy.path, **toy.options)


def record_real(recording: Recording, folder: str) -> None:
    """The files in one folder of real tokenizers."""
    for path in real_files():
        if path.parent.name == folder:
            name = f"tokenizers/real/{folder}/{path.name}"
            _record(recording, name, path)


def _record(recording: Recording, name: str, path: Path, **options: Any) -> None:
    import tokkit

    found: list[tokkit.TextTokenizer] = []

    def loaded() -> str:
        found.append(tokkit.load_tokenizer(path, **options))
        return repr(found[0])

    recording.measure(f"{name}/loaded", loaded)
    for tokenizer in found:
        record_tokenizer(recording, name, tokenizer)


def record_tokenizer(recording: Recording, name: str, tokenizer: tokkit.TextTokenizer) -> None:
    """All that is asked of one tokenizer."""
    recording.measure(f"{name}/facts", _facts, tokenizer)
    recording.measure(f"{name}/saved", _saved, tokenizer)
    for title, data in texts().items():
        for way, options in WAYS.items():
            recording.measure(f"{name}/{title}/{way}", _views, tokenizer, data, options)
    recording.measure(f"{name}/lone surrogate", tokenizer.encode, "a\ud800")
    recording.measure(f"{name}/id beyond", tokenizer.decode, [tokenizer.vocab_size])
    batch = [SENTENCE, "", SENTENCE[::-1]]
    recording.measure(f"{name}/batch", tokenizer.encode_batch, batch, unk="use")
    recording.measure(f"{name}/canonical", _canonical, tokenizer)


WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "not normalised": {"normalize": False},
    "specials": {"specials": True},
    "unknown used": {"specials": True, "unk": "use"},
}


def _facts(tokenizer: tokkit.TextTokenizer) -> dict[str, object]:
    merges = tokenizer.merges
    arrays = [] if merges is None else [merges.left, merges.right, merges.result, merges.rank]
    tokens = [tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size)]
    return {
        "name": tokenizer.name,
        "modality": tokenizer.modality,
        "size": tokenizer.vocab_size,
        "special tokens": list(tokenizer.special_tokens.items()),
        "bos": tokenizer.bos_ids,
        "eos": tokenizer.eos_ids,
        "dummy prefix": tokenizer.dummy_prefix,
        "merges": [array_digest(array) for array in arrays],
        "tokens": sha256(b"".join(b"%d %b" % (len(token), token) for token in tokens)),
    }


def _saved(tokenizer: tokkit.TextTokenizer) -> str:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(folder)
        files = sorted(path for path in Path(folder).iterdir())
        again = type(tokenizer).load(folder)
        same = again.encode(SENTENCE, unk="use") == tokenizer.encode(SENTENCE, unk="use")
        return f"{[(path.name, sha256(path.read_bytes())) for path in files]}, same ids: {same}"


def _views(tokenizer: tokkit.TextTokenizer, data: bytes, options: dict[str, Any]) -> str:
    """One text in one way, as one output."""
    ids = tokenizer.encode(data, **options)
    encoding = tokenizer.encode_with_offsets(data, **options)
    found: dict[str, object] = {
        "ids": ids,
        "offsets": encoding.offsets.tolist(),
        "decoded": tokenizer.decode(ids),
        "same ids with offsets": encoding.ids.tolist() == ids,
        "count": tokenizer.count(data, **options),
        "canonical": tokenizer.is_canonical(ids[:N_CANONICAL]),
    }
    if "unk" not in options:
        found["one by one"] = list(tokenizer.iter_encode(data, **options)) == ids
    if not options:
        found["normalised"] = tokenizer.normalize(data)
        found["pieces"] = [(part.text.tobytes(), part.bounds) for part in tokenizer.pieces(data)]
    return as_text(found)


def _canonical(tokenizer: tokkit.TextTokenizer) -> dict[str, object]:
    """What may follow at each step of a sentence, and which of its neighbours are canonical."""
    import numpy as np

    ids = tokenizer.encode(SENTENCE, normalize=False, unk="use")
    automaton = tokenizer.canonical
    state = automaton.START
    masks: list[str] = []
    ends: list[bool] = []
    for token in ids[:N_MASKS]:
        mask = automaton.mask(state)
        masks.append(f"{int(mask.sum())} {sha256(np.packbits(mask).tobytes())[:16]}")
        ends.append(bool(automaton.may_end(state)))
        state = automaton.advance(state, token)
        if state == automaton.DEAD:
            break
    without = [tokenizer.is_canonical(ids[:k] + ids[k + 1 :]) for k in range(len(ids))]
    swapped = [
        tokenizer.is_canonical([*ids[:k], ids[k + 1], ids[k], *ids[k + 2 :]])
        for k in range(len(ids) - 1)
    ]
    return {
        "masks": masks,
        "may end": ends,
        "prefixes": [tokenizer.is_canonical(ids[:k]) for k in range(len(ids) + 1)],
        "one left out": without,
        "two swapped": swapped,
    }
