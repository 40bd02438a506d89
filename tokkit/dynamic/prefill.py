"""Prefill of a shortened prompt: a decoder reads merged tokens and answers in its own.

What a merged token should look like to a model that never saw it is the question. Two answers:

- *rows*: an embedder predicts its input row, and the model reads the shorter sequence from its
  first layer on ("Retrofitting Large Language Models with Dynamic Tokenization", section 3.3).
- *states*: the first layers read the prompt as it is, and then of each merged token the state of
  its last part goes on alone: it has seen the parts before it. Saves time in the other layers
  only, and needs no embedder.

In both ways positions are counted in what a layer has read, without gaps (with the positions of the
whole prompt, rows did worse in a trial on four windows of code). The
cache is a `DynamicCache` of transformers whose layers may differ in length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import torch
from transformers import DynamicCache

from tokkit.arguments import as_ids, check_whole
from tokkit.dynamic.embedding import Embedder
from tokkit.dynamic.merged_sequences import MergedSequences
from tokkit.dynamic.vocabulary_index import VocabularyIndex
from tokkit.errors import ArgumentError, EncodingError, UnsupportedError

_TOLERANCE = 1e-3
_TRIAL = 6
"""Tokens of the trial."""
_tried: WeakSet[Any] = WeakSet()


@dataclass
class Prefilled:
    """A prompt that was read, and what comes after it, token by token.

    Attributes:
        model: of transformers.
        state: float (width,), what the head got last.
        logits: float (vocabulary,), of the next token.
        cache: keys and values.
        n_read: positions that the first layers have read.
        n_kept: positions that the others have read.
        depth: how many layers are the first.
    """

    model: Any
    state: torch.Tensor
    logits: torch.Tensor
    cache: Any
    n_read: int
    n_kept: int
    depth: int

    def extend(self, ids: Sequence[int]) -> torch.Tensor:
        """Read tokens of the model's own vocabulary.

        Returns:
            float (n, vocabulary): the logits after each of them.

        Raises:
            ArgumentError: the model is in training mode.
            EncodingError: an id without a row.
        """
        _refuse_training(self.model)
        tokens = _checked_ids(self.model, ids)
        if not len(tokens):
            return self.logits.new_empty((0, len(self.logits)))
        with torch.inference_mode():
            states = self.model.base_model.embed_tokens(tokens[None])
            states = _run(self, states, 0, self.depth, self.n_read)
            states = _run(self, states, self.depth, None, self.n_kept)
            states = self.model.base_model.norm(states)[0]
            logits = self.model.get_output_embeddings()(states)
        self.n_read += len(tokens)
        self.n_kept += len(tokens)
        self.state, self.logits = states[-1], logits[-1]
        return logits

    def generate(
        self,
        max_tokens: int,
        *,
        end_ids: Iterable[int] = (),
        index: VocabularyIndex | None = None,
        spellings: Sequence[Sequence[int]] = (),
    ) -> list[int]:
        """The most likely ids, one after another, up to one of `end_ids`, which is left out.

        Args:
            max_tokens: how many, at most.
            end_ids: which end the text.
            index: of a larger vocabulary, from which ids are taken; its base rows are the model's.
            spellings: the model's own ids of each further row of `index`; what was chosen is read
                as those, in one pass.

        Raises:
            ArgumentError: no number of tokens, or an index that does not fit.
        """
        check_whole("max_tokens", max_tokens, 0)
        ends = set(as_ids(end_ids, "end_ids", ordered=False))
        if index is not None:
            self._check_index(index, spellings)
        found: list[int] = []
        while len(found) < max_tokens:
            if index is None:
                token = int(self.logits.argmax())
            else:
                token = int(index.search(self.state.float().cpu().numpy(), 1)[0][0])
            if token in ends:
                break
            found.append(token)
            further = token - index.n_base if index is not None else -1
            self.extend([token] if further < 0 else spellings[further])
        return found

    def _check_index(self, index: VocabularyIndex, spellings: Sequence[Sequence[int]]) -> None:
        rows = tuple(self.model.get_output_embeddings().weight.shape)
        if (index.n_base, index.width) != rows or len(spellings) != index.n_parts:
            raise ArgumentError(
                f"{index!r} with {len(spellings)} spellings; expected {rows[0]} base rows of "
                f"{rows[1]}, those of the model's head, and a spelling for each further row"
            )


def prefill(
    model: Any,
    batch: MergedSequences,
    number: int = 0,
    *,
    bos_ids: Sequence[int] = (),
    depth: int | None = None,
    embedder: Embedder | None = None,
) -> Prefilled:
    """Let a model read one sequence of a merged batch.

    Args:
        model: of transformers, of the kind of Llama (`embed_tokens`, `layers`, `norm`), with full
            attention in all layers.
        batch: the prompts, merged.
        number: which of them.
        bos_ids: what the model expects before any text; not merged.
        depth: how many layers read the prompt as it is, before merged tokens are one state; None: a
            fifth of them. Of an embedder: none.
        embedder: predicts the input rows of merged tokens.

    Raises:
        ArgumentError: no such sequence, an empty prompt, a depth that the model does not have, a
            depth and an embedder, or a model in training mode.
        EncodingError: an id without a row.
        UnsupportedError: the model is built otherwise.
    """
    check_whole("number", number, 0, len(batch.sequences) - 1)
    _refuse_training(model)
    n_layers = _check_model(model)
    if embedder is not None and depth is not None:
        raise ArgumentError("depth is of merging by states; an embedder has none, leave one out")
    if depth is None:
        depth = 0 if embedder is not None else max(1, round(n_layers / 5))
    check_whole("depth", depth, 0, n_layers)
    bos = list(as_ids(bos_ids, "bos_ids"))
    spans: list[tuple[int, int]] = [(k, k + 1) for k in range(len(bos))]
    spans += [(a + len(bos), b + len(bos)) for a, b in batch.spans[number].tolist()]
    if not spans:
        raise ArgumentError("the prompt is empty; expected a token or bos_ids")
    ids = [*bos, *batch.originals[number].tolist()]
    tokens = _checked_ids(model, ids)
    read = Prefilled(model, torch.empty(0), torch.empty(0), DynamicCache(), 0, 0, depth)
    last = torch.tensor([end - 1 for _, end in spans])
    with torch.inference_mode():
        if embedder is not None:
            spellings = [[token] for token in bos]
            spellings += [list(batch.original_ids(t)) for t in batch.sequences[number].tolist()]
            weight = model.base_model.embed_tokens.weight
            states = torch.as_tensor(embedder.rows(spellings)).to(weight.device, weight.dtype)[None]
        else:
            states = _run(read, model.base_model.embed_tokens(tokens[None]), 0, depth, 0)
            states = states[:, last]
        states = _run(read, states, depth, None, 0)
        read.state = model.base_model.norm(states[:, -1])[0]
        read.logits = model.get_output_embeddings()(read.state)
    read.n_kept = len(spans)
    read.n_read = len(spans) if depth == 0 else len(ids)
    return read


def _run(read: Prefilled, states: torch.Tensor, first: int, stop: int | None, n_before: int) -> Any:
    """Some layers over new states, whose keys and values are added to the cache."""
    base = read.model.base_model
    n = states.shape[1]
    positions = torch.arange(n_before, n_before + n, device=states.device)[None]
    rotations = base.rotary_emb(states, positions)
    mask = torch.full((n, n_before + n), torch.finfo(states.dtype).min, device=states.device)
    mask = mask.triu(n_before + 1).to(states.dtype)[None, None]
    for layer in base.layers[first:stop]:
        states = layer(
            states,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=read.cache,
            use_cache=True,
            position_embeddings=rotations,
        )
    return states


def _checked_ids(model: Any, ids: Sequence[int]) -> torch.Tensor:
    tokens = as_ids(ids, "ids")
    weight = model.base_model.embed_tokens.weight
    if tokens and not (min(tokens) >= 0 and max(tokens) < len(weight)):
        raise EncodingError(
            f"ids reach from {min(tokens)} to {max(tokens)}, and the model has rows for 0 to "
            f"{len(weight) - 1}; are they of its tokenizer?"
        )
    return torch.tensor(tokens, dtype=torch.long, device=weight.device)


def _refuse_training(model: Any) -> None:
    if getattr(model, "training", False):
        raise ArgumentError(
            f"the {type(model).__name__} is in training mode, where dropout is drawn; call "
            "model.eval() first"
        )


def _check_model(model: Any) -> int:
    """How many layers a model has, after a trial of it.

    Raises:
        UnsupportedError: it is not built as this module expects.
    """
    base: Any = getattr(model, "base_model", None)
    parts = ("embed_tokens", "layers", "norm", "rotary_emb")
    missing = [part for part in parts if not hasattr(base, part)]
    if missing:
        raise UnsupportedError(
            f"{type(model).__name__} has no {missing[0]}; prefill takes models of the kind of Llama"
        )
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) if len(kinds) == 1 else 1
    if kinds != {"full_attention"} or (window and getattr(config, "use_sliding_window", True)):
        raise UnsupportedError(
            f"{type(model).__name__} has layers that see a window or none of the text "
            f"({', '.join(sorted(kinds))}); prefill takes full attention in all layers"
        )
    if model not in _tried:
        _try(model)
        _tried.add(model)
    return len(base.layers)


def _try(model: Any) -> None:
    """Refuse a model whose own logits are not those of its layers, called as they are here."""
    ids: list[int] = list(range(_TRIAL))
    own = Prefilled(model, torch.empty(0), torch.empty(0), DynamicCache(), 0, 0, 1)
    with torch.inference_mode():
        expected = model(torch.tensor([ids], device=model.device)).logits[0]
    try:
        found = torch.cat([own.extend(ids[:2]), own.extend(ids[2:])])
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise UnsupportedError(
            f"{type(model).__name__}: its layers cannot be called one by one: {error}"
        ) from error
    bound = _TOLERANCE * (1 + float(expected.abs().max()))
    if model.base_model.norm.weight.dtype != torch.float32:
        bound *= 50
    if not bool(((found - expected).abs() <= bound).all()):
        raise UnsupportedError(
            f"{type(model).__name__}: layer by layer it gives other logits than at once; prefill "
            "takes models of the kind of Llama"
        )
