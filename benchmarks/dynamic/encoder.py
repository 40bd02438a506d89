"""How much shorter may an encoder's sequences be, in six languages, before its quality falls?

A small multilingual ModernBERT is trained here (`shared.small_encoder`), to fill in masked tokens,
and a classifier over its layers, to tell of which collection a line is: help, messages of an
interface, or manual pages. Neither ever sees a merged token. At inference batches of one language
are merged within words (`tokkit.merge_batch`) until they are 10 to 40% shorter, and what is merged
gets rows: the *mean* of those of its tokens, or what a small network *trained* for the encoder of
masked tokens predicts (`trained_embedder`), which reads the rows of the classifier without new
training. Beside it, for lines, *truncation*: each sequence cut where the merged one has its length.

*Lines*: the share of lines that are told right. *Masked*: the share of masked tokens (15%, the same
at every reduction; masks never merge) that are told right, and their bits per byte. All on ends of
the files that nothing was trained on.

    python -m benchmarks.dynamic.encoder --corpus FOLDER [--minutes M] [--write-docs]
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
import torch
from numpy.typing import NDArray

import tokkit
from benchmarks.dynamic.encoder_tables import REDUCTIONS, WAYS, curve, tables
from benchmarks.dynamic.trained_embedder import TrainedEmbedder, trained_embedder
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.shared.sample_texts import CORPUS
from benchmarks.shared.small_encoder import (
    CLS,
    LANGUAGES,
    LENGTH,
    MASK,
    MASKED_SHARE,
    SOURCES,
    SmallEncoder,
    classifier_of,
    line_ids,
    masked_logits,
    trained_classifier,
)
from tokkit.dynamic import DynamicTokenizer, EmbeddingCache, SubtokenEmbedder

PAGE = ROOT / "docs" / "dynamic.md"
IMAGE = ROOT / "docs" / "images" / "encoder-merging.svg"
PARTS = {"classifier": 0.075, "embedder": 0.125}
"""CPU time of the other trainings, in units of that of the encoder."""
BATCH = 64
N_LINES = 360
N_CHUNKS = 40
"""Of each collection of a language, for masked tokens."""

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Given:
    """One reduction of sequences, as a model reads them.

    Attributes:
        sequences: ids of a dynamic tokenizer.
        places: of each original place where it went; -1 where it was merged.
        reduction: by how much shorter they are.
    """

    sequences: list[NDArray[np.int32]]
    places: list[Ids]
    reduction: float


class Measured:
    """The encoder, its classifier, and who gives rows to merged tokens."""

    def __init__(self, encoder: SmallEncoder, minutes: float, *, as_it_is: bool) -> None:
        """Train, or take up, all of it."""
        seconds = 60 * minutes
        self.encoder = encoder
        self.masked: Any = encoder.masked_model(seconds, as_it_is=as_it_is)
        self.classifier: Any = trained_classifier(
            encoder,
            classifier_of(self.masked),
            PARTS["classifier"] * seconds,
            encoder.folder / "classifier",
        )
        network = trained_embedder(
            encoder, self.masked, PARTS["embedder"] * seconds, encoder.folder / "embedder"
        )
        self._network = network

    @cached_property
    def _tokenizers(self) -> dict[tuple[str, str], DynamicTokenizer]:
        made: dict[tuple[str, str], DynamicTokenizer] = {}
        for task, model in (("lines", self.classifier), ("masked", self.masked)):
            matrix = model.get_input_embeddings().weight.detach().float()
            embedders = SubtokenEmbedder(matrix.numpy()), TrainedEmbedder(self._network, matrix)
            for way, embedder in zip(WAYS, embedders, strict=False):
                cache = EmbeddingCache(embedder, max_rows=50_000)
                made[way, task] = DynamicTokenizer(self.encoder.tokenizer, cache)
        return made

    def language(self, language: str) -> Record:
        """All figures of one language."""
        lines, labels = self.encoder.corpus.lines(language, "figures")
        lines, labels = lines[:N_LINES], labels[:N_LINES]
        sequences = [
            np.concatenate([[CLS], line_ids(self.encoder.tokenizer, line)]) for line in lines
        ]
        chunks, hidden = self._chunks(language)
        n_bytes = sum(len(self.encoder.tokenizer.token_bytes(t)) for t in chunks[hidden].tolist())
        found: Record = {"lines": len(lines), "masked tokens": int(hidden.sum()), "rows": []}
        for target in REDUCTIONS:
            for way in WAYS if target else ("mean",):
                row: Record = {"target": target, "way": way}
                row["right"], row["shorter"] = self._lines(way, sequences, labels, target)
                if way != "truncation":
                    told, bits, row["masked shorter"] = self._masked(way, chunks, hidden, target)
                    row |= {"masked right": told, "bits": bits / n_bytes}
                found["rows"].append(row)
        return found

    def _chunks(self, language: str) -> tuple[Ids, NDArray[np.bool_]]:
        """Stretches of text int64 (n, LENGTH), and what of them is masked."""
        parts: list[Ids] = []
        for source in SOURCES:
            text = self.encoder.corpus.part(source, language, "figures")
            ids = np.array(self.encoder.tokenizer.encode(text), np.int64)
            n = len(ids) // (LENGTH - 1)
            parts.append(ids[: n * (LENGTH - 1)].reshape(n, LENGTH - 1)[:N_CHUNKS])
        chunks = np.concatenate(parts)
        chunks = np.concatenate([np.full((len(chunks), 1), CLS), chunks], axis=1)
        generator = np.random.default_rng(0)
        chunks = chunks[generator.permutation(len(chunks))]
        hidden = generator.random(chunks.shape) < MASKED_SHARE
        hidden[:, 0] = False
        return chunks, hidden

    def _lines(
        self, way: str, sequences: Sequence[Ids], labels: Ids, target: float
    ) -> tuple[list[int], float]:
        """Whether each line is told right, and by how much shorter the sequences are."""
        tokenizer = self._tokenizers["mean" if way == "truncation" else way, "lines"]
        right: list[int] = []
        saved = 0.0
        for first in range(0, len(sequences), BATCH):
            some = sequences[first : first + BATCH]
            given = self._given(tokenizer, some, target)
            read = given.sequences
            if way == "truncation":
                read = [ids[: len(m)] for ids, m in zip(some, read, strict=True)]
            rows, mask = tokenizer.embed_batch([each.tolist() for each in read])
            with torch.inference_mode():
                logits = self.classifier(
                    inputs_embeds=torch.from_numpy(rows), attention_mask=torch.from_numpy(mask)
                ).logits
            right += (logits.argmax(1).numpy() == labels[first : first + BATCH]).tolist()
            saved += given.reduction * sum(map(len, some))
        return list(map(int, right)), saved / sum(map(len, sequences))

    def _masked(
        self, way: str, chunks: Ids, hidden: NDArray[np.bool_], target: float
    ) -> tuple[list[int], float, float]:
        """Whether each masked token is told right, bits of all, and the reduction."""
        tokenizer = self._tokenizers[way, "masked"]
        ids = np.where(hidden, MASK, chunks)
        right: list[int] = []
        bits, saved = 0.0, 0.0
        for first in range(0, len(ids), BATCH):
            given = self._given(tokenizer, list(ids[first : first + BATCH]), target)
            rows, mask = tokenizer.embed_batch([each.tolist() for each in given.sequences])
            with torch.inference_mode():
                states = self.masked.base_model(
                    inputs_embeds=torch.from_numpy(rows), attention_mask=torch.from_numpy(mask)
                ).last_hidden_state
                for row, places in enumerate(given.places):
                    asked = hidden[first + row]
                    logprobs = (
                        masked_logits(self.masked, states[row, places[asked]])
                        .double()
                        .log_softmax(-1)
                    )
                    wanted = torch.from_numpy(chunks[first + row][asked])
                    right += (logprobs.argmax(1) == wanted).int().tolist()
                    bits -= float(logprobs[range(len(wanted)), wanted].sum()) / math.log(2)
            saved += given.reduction * len(given.sequences)
        return right, bits, saved / len(ids)

    def _given(self, tokenizer: DynamicTokenizer, some: Sequence[Ids], target: float) -> Given:
        batch = tokkit.merge_batch(
            list(some), tokenizer=tokenizer.tokenizer, target_reduction=target, min_count=1
        )
        places: list[Ids] = []
        for ids, spans in zip(some, batch.spans, strict=True):
            where = np.full(len(ids), -1, np.int64)
            alone = spans[:, 1] - spans[:, 0] == 1
            where[spans[alone, 0]] = np.flatnonzero(alone)
            places.append(where)
        return Given(tokenizer.adopt(batch), places, batch.reduction)


def missing(records: Records) -> Iterator[str]:
    """Languages that are not measured yet."""
    yield from (language for language in LANGUAGES if language not in records)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--minutes", type=float, default=10.0, help="of CPU, for the encoder (10)")
    parser.add_argument("--as-it-is", action="store_true", help="an unfinished encoder")
    parser.add_argument("--into", type=Path, default=FOLDER / "small-encoder")
    parser.add_argument("--records", type=Path, default=FOLDER / "dynamic-encoder.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args(arguments)
    encoder = SmallEncoder(options.corpus, options.into)
    settings = {"minutes": options.minutes, "as it is": options.as_it_is}
    header = run_description("torch", "transformers", "tokenizers", "numpy")
    records = Records(options.records, settings, header)
    if wanted := list(missing(records)):
        measured = Measured(encoder, options.minutes, as_it_is=options.as_it_is)
        for language in wanted:
            records.add(language, measured.language(language))
            print(f"{language} is measured", flush=True)
    text = f"```text\n{records.header}\n```\n\n{tables(records)}"
    print(text)
    if options.write_docs:
        replace_block(PAGE, "encoder", text)
        IMAGE.write_text(curve(records), encoding="utf-8")


if __name__ == "__main__":
    main()
