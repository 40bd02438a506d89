"""What an audit is to look at, beside the tokenizer itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from tokkit.arguments import as_items, check_flags, check_functions, check_kind, refuse_single_text
from tokkit.audit.safety.growth import GrowthCurve
from tokkit.errors import ArgumentError
from tokkit.mixture.samples.sources import Source
from tokkit.tokenizer import Tokenizer


@dataclass(frozen=True)
class AuditOptions:
    """What an audit is to look at, beside the tokenizer itself.

    Attributes:
        reference: whether to compare with the file's own implementation, in a process of its own,
            where its package is installed.
        embeddings: weights of a model with this vocabulary, in which to look for tokens that were
            never trained: a `.safetensors` file, a folder of them, a `.gguf` file, or the name of
            a packaged model ("smollm2", "gemma3").
        texts: language -> sentences; sentence k of each says the same. `eng` or `English` is
            what others are compared with. None: the parallel text that tokkit ships.
        corpora: category -> a sample, as `tokkit.infer_mixture` takes them; for the section about
            the training data. Text BPE only.
        inherits: with `corpora`: tokenizers whose merges this one may have taken over; see
            `infer_mixture`.
        chat_template: a Jinja template to examine (it is not run); None: the one beside the file.
        on_growth: called with the times of adversarial texts, which differ from run to run and are
            no part of the report.
        signals: for other modalities than text: what to encode.
        contexts: of each signal, where the tokenizer needs one, as the edges of a graph.
        labels: of each signal a class from 0, or one for each of its places, as of nodes; below 0
            where it is unknown. How well they follow from the codes is told.
        distortion: how far a decoded signal is from the one that was encoded; smaller is better.
            None: see `tokkit.audit.codebook.encoded.default_distortion`.
        against: another tokenizer of the same signals; how many bits more than it this one takes at
            equal distortion is told (BD-rate).

    Raises:
        ArgumentError: `contexts`, `labels`, `distortion` or `against` without `signals`, or
            `inherits` without `corpora`.
    """

    reference: bool = True
    embeddings: str | PathLike[str] | None = None
    texts: Mapping[str, Sequence[str]] | None = None
    corpora: Mapping[str, Source] | None = None
    inherits: Sequence[Any] = field(default=())
    chat_template: str | None = None
    on_growth: Callable[[Sequence[GrowthCurve]], None] | None = None
    signals: Sequence[Any] | None = None
    contexts: Sequence[Any] | None = None
    labels: Sequence[Any] | None = None
    distortion: Callable[[Any, Any], float] | None = None
    against: Tokenizer[Any] | None = None

    def __post_init__(self) -> None:
        check_flags(reference=self.reference)
        check_functions(on_growth=self.on_growth, distortion=self.distortion)
        refuse_single_text(self.inherits, "inherits")
        for name, kind in (
            ("embeddings", (str, PathLike)),
            ("texts", Mapping),
            ("corpora", Mapping),
            ("chat_template", str),
            ("against", Tokenizer),
        ):
            if (value := getattr(self, name)) is not None:
                check_kind(value, kind, name)
        for name in ("signals", "contexts", "labels"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, as_items(value, name, "pass a list"))
        for each in (self.texts or {}).values():
            refuse_single_text(each, "each of texts")
        for each in (self.corpora or {}).values():
            check_kind(each, (PathLike, Iterable), "each of corpora")
        for name in ("contexts", "labels", "distortion", "against"):
            if self.signals is None and getattr(self, name) is not None:
                raise ArgumentError(f"{name} is about signals; give signals too, or leave it out")
        if self.inherits and self.corpora is None:
            raise ArgumentError(
                "inherits is about the training mixture, which is inferred from corpora; give "
                "corpora too, or leave inherits out"
            )
