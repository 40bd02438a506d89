"""`VllmLM`: a model behind a vLLM server, as a `TokenLM` over HTTP.

Protocol: vLLM's OpenAI-compatible `POST /v1/completions`, with prompts as lists of ids, one token
to sample, and the log-probabilities of the whole vocabulary at that token
(`return_tokens_as_token_ids`: keys `token_id:123`). Read from vLLM's sources (entrypoints/openai/
completion, 2026) and tested against a server that speaks it; not run against a GPU by us.

The server must be started with `--max-logprobs -1`: the default permits 20, and the representation
lemma needs all of them, so a server that gives fewer is refused. `logprobs=-1` asks for all. Many
versions answer it with an empty table (vllm-project/vllm#55717), those before 0.30 with an error
("must be a positive value"); both are then asked for as many as the tokenizer has ids, or the model
columns.

What it can give, and what not:

- Values are those of `--logprobs-mode raw_logprobs` (the default), float32 written as JSON, which
  loses nothing. Temperature 1 and neutral penalties are sent too, so that `processed_logprobs` are
  the same. Modes that return logits are recognised, since they do not sum to 1, and refused.
- A server that computes in bfloat16 is not batch-invariant: the same context gets slightly other
  numbers beside other requests. The chain rule then holds within one call of `logprob`, and only
  approximately across calls.
- vLLM clamps log-probabilities at -9999, which is taken as minus infinity.
- No BOS is added to prompts of ids, so it is added here; the empty context is BOS alone.
- A row is some 40 bytes a token: 6 MB for 150,000 tokens. The server also turns every id into text,
  at some microseconds each, unless it runs with `--skip-tokenizer-init`.
- Prefix caching on the server is what makes shared prefixes cheap; there is no cache here.

The object keeps one connection and is not thread-safe.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_kind, check_whole
from tokkit.bytelm.token_models.protocol import as_contexts, unknown_id
from tokkit.bytelm.token_models.starting_ids import boundary_ids
from tokkit.bytelm.token_models.tokenizer_option import check_tokenizer
from tokkit.bytelm.token_models.vllm.json_http import HttpOptions, JsonClient, StatusError
from tokkit.errors import ModelError
from tokkit.files.reading import MAX_VOCAB_SIZE

if TYPE_CHECKING:
    from tokkit.text.tokenizer import TextTokenizer

API_KEY_VARIABLE = "VLLM_API_KEY"
"""Read where no key is given; the variable that the server itself reads."""

_ALL = -1
_PREFIX = "token_id:"
_TOKEN = re.compile(_PREFIX + "[0-9]{1,9}")
_CLAMPED = -9999.0
_ENTRY_BYTES = 64
_SUM_TOLERANCE = 0.01
_MAX_PADDING_ROUNDS = 8
_NEUTRAL = {
    "n": 1,
    "max_tokens": 1,
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "stream": False,
    "echo": False,
    "return_tokens_as_token_ids": True,
}

Table = dict[str, Any]


class VllmLM:
    """A model on a vLLM server. Asks the server for a row at once, so that it fails early.

    Args:
        base_url: as `http://localhost:8000`, with or without `/v1`.
        tokenizer: that of the model, as tokkit loads it; its ids must be the server's.
        model: name on the server; default, the only one that it serves.
        bos_ids: ids that precede every text; default, see
            `tokkit.bytelm.token_models.starting_ids`.
        eos_ids: ids that end a text, in place of the tokenizer's; may be empty.
        batch_size: prompts in one request; bounds the size of a response.
        http: timeout, retries, and the API key; without a key, `$VLLM_API_KEY` is sent if it is
            set.

    Attributes:
        name: the model's name on the server.
        tokenizer, bos_ids, eos_ids: see above.
        vocab_size: columns of the arrays returned: the ids of the tokenizer.
        max_context: the longest context, BOS not counted; None where the server does not say.

    Raises:
        ArgumentError: a URL or an option that is none.
        ModelError: the server cannot be reached, answers with something else, permits too few
            log-probabilities, or its vocabulary is not the tokenizer's.
        EncodingError: `bos_ids` or `eos_ids` outside the vocabulary.
    """

    runs_alongside = True
    """A request waits for the server, and another model can compute meanwhile."""

    def __init__(
        self,
        base_url: str,
        tokenizer: TextTokenizer,
        *,
        model: str | None = None,
        bos_ids: Sequence[int] | int | None = None,
        eos_ids: Sequence[int] | int | None = None,
        batch_size: int = 8,
        http: HttpOptions | None = None,
    ) -> None:
        check_whole("batch_size", batch_size, 1, 1024)
        check_tokenizer(tokenizer)
        check_kind(model, (str, type(None)), "model")
        options = http or HttpOptions()
        if options.api_key is None:
            options = replace(options, api_key=os.environ.get(API_KEY_VARIABLE) or None)
        self._client = JsonClient(base_url, options)
        self.tokenizer = tokenizer
        self.vocab_size = tokenizer.vocab_size
        self._batch_size = batch_size
        self.bos_ids, self.eos_ids = boundary_ids(
            tokenizer, bos_ids=bos_ids, eos_ids=eos_ids, name=self._client.base_url
        )
        self.name, limit = self._served(model)
        self.max_context = None if limit is None else limit - 1 - len(self.bos_ids)
        self._n_columns = self.vocab_size
        self._n_logprobs = _ALL
        self._agree_on_columns()

    def __repr__(self) -> str:
        return f"VllmLM({self.name!r} at {self._client.base_url}, {self.vocab_size} ids)"

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Log-probabilities of the token after each context.

        Args:
            contexts: n lists of ids, without BOS.

        Returns:
            float64 (n, vocab_size), nats. Where the model has more columns than the tokenizer has
            ids, rows sum to slightly less than 1 in probability.

        Raises:
            EncodingError: an id outside the vocabulary.
            ModelError: a context is too long, or the server failed or answered nonsense.
        """
        prompts = [self._prompt(context) for context in as_contexts(contexts)]
        rows = np.empty((len(prompts), self.vocab_size))
        for start in range(0, len(prompts), self._batch_size):
            batch = prompts[start : start + self._batch_size]
            for k, table in enumerate(self._tables(batch), start):
                rows[k] = self._row(table)
        return rows

    def _prompt(self, context: Sequence[int]) -> list[int]:
        for token in context:
            if not 0 <= token < self.vocab_size:
                raise unknown_id(token, self.vocab_size)
        if self.max_context is not None and len(context) > self.max_context:
            raise ModelError(
                f"{self.name}: a context of {len(context)} tokens is longer than the "
                f"{self.max_context} that the server takes; shorten the prompt, or start it with "
                "a larger --max-model-len"
            )
        return [*self.bos_ids, *context]

    # -- what the server says ----------------------------------------------------------------

    def _served(self, wanted: str | None) -> tuple[str, int | None]:
        """Name and length limit of the model to use."""
        try:
            answer = self._client.request("/v1/models")
        except StatusError as error:
            self._explain(error)
        found: dict[str, Table] = {}
        for entry in _list_at(answer, "data"):
            name = cast(Table, entry).get("id") if isinstance(entry, dict) else None
            if isinstance(name, str):
                found[name] = cast(Table, entry)
        base = [name for name, entry in found.items() if not entry.get("parent")]
        if wanted is None and len(base) == 1:
            wanted = base[0]
        if wanted is None or wanted not in found:
            raise ModelError(
                f"{self._client.base_url} serves {', '.join(map(repr, found)) or 'no model'}, "
                f"asked for {wanted!r}; pass model= with one of them"
            )
        limit = found[wanted].get("max_model_len")
        return wanted, limit if type(limit) is int and limit > 0 else None

    def _agree_on_columns(self) -> None:
        """Find what to ask for so that the answer holds the whole vocabulary."""
        table = self._all_at_once()
        last = int(self._ids(table).max(initial=-1))
        if table:
            self._n_columns = max(self._n_columns, last + 1)
        for _ in range(0 if table else _MAX_PADDING_ROUNDS):
            self._n_logprobs = self._n_columns
            table = self._tables([list(self.bos_ids)])[0]
            last = int(self._ids(table).max(initial=-1))
            if last < self._n_columns:
                break
            self._n_columns = last + 1  # padding may push ids out of the most probable ones
        self._row(table)

    def _all_at_once(self) -> Table:
        """What the server gives when asked for all; empty where it does not know how."""
        try:
            return self._ask([list(self.bos_ids)])[0]
        except StatusError as error:
            if error.status == 400 and "positive" in error.reason:
                return {}
            self._explain(error)

    def _tables(self, prompts: list[list[int]]) -> list[Table]:
        """The log-probabilities after each prompt, as the server names them."""
        try:
            return self._ask(prompts)
        except StatusError as error:
            self._explain(error)

    def _ask(self, prompts: list[list[int]]) -> list[Table]:
        body = {
            **_NEUTRAL,
            "model": self.name,
            "prompt": prompts,
            "logprobs": self._n_logprobs,
        }
        # Not yet known while asking for all: a model may have more columns than the tokenizer ids.
        columns = max(2 * self._n_columns, 4096)
        limit = (1 << 20) + len(prompts) * columns * _ENTRY_BYTES
        answer = self._client.request("/v1/completions", body, max_bytes=limit)
        choices = _list_at(answer, "choices")
        if len(choices) != len(prompts):
            self._refuse(f"{len(choices)} choices for {len(prompts)} prompts")
        tables: dict[int, Table] = {}
        for choice in choices:
            fields = cast(Table, choice) if isinstance(choice, dict) else {}
            index, logprobs = fields.get("index"), fields.get("logprobs")
            steps = cast(Table, logprobs).get("top_logprobs") if isinstance(logprobs, dict) else 0
            if type(index) is not int or not isinstance(steps, list) or not steps:
                self._refuse("a choice without index or logprobs.top_logprobs")
            first = cast(list[Any], steps)[0]
            if not isinstance(first, dict):
                self._refuse("top_logprobs that are no table")
            tables[index] = cast(Table, first)
        if sorted(tables) != list(range(len(prompts))):
            self._refuse(f"choices with the indices {sorted(tables)}")
        return [tables[k] for k in range(len(prompts))]

    def _ids(self, table: Table) -> NDArray[np.int64]:
        size = len(_PREFIX)
        wrong = next((key for key in table if not _TOKEN.fullmatch(key)), None)
        if wrong is not None:
            self._refuse(f"the token {wrong!r:.80}, expected one such as 'token_id:123'")
        ids = np.array([int(key[size:]) for key in table], dtype=np.int64)
        if len(ids) and ids.max() >= MAX_VOCAB_SIZE:
            self._refuse(f"the token id {ids.max():,}, expected one below {MAX_VOCAB_SIZE:,}")
        return ids

    def _row(self, table: Table) -> NDArray[np.float64]:
        """float64 (vocab_size,): the table in the order of ids, checked."""
        ids = self._ids(table)
        if any(type(value) not in (float, int) for value in table.values()):
            self._refuse("a log-probability that is no number")
        try:
            values = np.array([float(value) for value in table.values()])
        except OverflowError:
            self._refuse("a log-probability that no float holds")
        if len(np.unique(ids)) < len(ids):
            self._refuse("the same token id twice")
        row = np.full(max(self._n_columns, int(ids.max(initial=0)) + 1), np.nan)
        row[ids] = values
        n_missing = int(np.isnan(row[: self.vocab_size]).sum())
        if n_missing:
            self._refuse(
                f"log-probabilities of {len(ids)} tokens, {n_missing} of the tokenizer's "
                f"{self.vocab_size} ids are missing; all are needed: start it with "
                "--max-logprobs -1, and pass the tokenizer of this very model"
            )
        total = float(np.exp(np.minimum(values, 1.0)).sum())
        if not np.isfinite(values).all() or abs(total - 1) > _SUM_TOLERANCE:
            self._refuse(
                f"numbers that sum to {total:.4g} in probability, expected 1; start it with "
                "--logprobs-mode raw_logprobs"
            )
        row = row[: self.vocab_size]
        row[row <= _CLAMPED] = -np.inf
        return row

    def _refuse(self, what: str) -> NoReturn:
        raise ModelError(f"{self._client.base_url} ({self.name}): the server returned {what}")

    def _explain(self, error: StatusError) -> NoReturn:
        cure = "look into the server's log"
        if error.status in (401, 403):
            cure = f"pass the server's key, or set {API_KEY_VARIABLE}"
        elif error.status == 404:
            cure = "check the URL and the model's name"
        elif "max allowed" in error.reason or "logprobs" in error.reason:
            cure = (
                "start the server with --max-logprobs -1, since the whole vocabulary is needed, "
                "and pass the tokenizer of this very model"
            )
        raise ModelError(f"{error}; {cure}") from error


def _list_at(answer: Any, key: str) -> list[Any]:
    value = cast(Table, answer).get(key) if isinstance(answer, dict) else None
    if not isinstance(value, list):
        raise ModelError(
            f"the server's answer has no list {key!r}; check that the URL is that of a vLLM server"
        )
    return cast(list[Any], value)
