"""Inferred training mixtures of a small tokenizer, from fixed samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.recorded_outputs.inputs import SAMPLES
from scripts.recorded_outputs.recording import Recording, array_digest
from scripts.recorded_outputs.toy_tokenizers import TOY_SOURCES

if TYPE_CHECKING:
    import tokkit


def record_mixtures(recording: Recording) -> None:
    """Both methods, inheritance, groups, and what is refused. The page may change."""
    import tokkit

    tokenizer = tokkit.load_tokenizer(TOY_SOURCES["mixture"].path)
    other = tokkit.load_tokenizer(TOY_SOURCES["bpe"].path)
    samples = {path.stem: path for path in sorted(SAMPLES.iterdir())}

    def measure(title: str, source: Any = tokenizer, /, **options: Any) -> None:
        recording.measure(f"mixture/{title}", _inferred, source, samples, options)

    measure("default")
    measure("few merges", max_merges=200, level=0.5)
    measure("inherits", inherits=[other, tokenizer])
    measure("inherits another", inherits=[other], max_merges=300)
    measure("linear program", method="linear-program", max_merges=60)
    measure("bad level", level=2)
    whole = {name: path.read_bytes() for name, path in samples.items()}
    result = tokkit.infer_mixture(tokenizer, whole)
    grouped = result.with_groups({"latin": ["north", "south"], "rest": ["e*"]})
    recording.note("mixture/grouped", _forms(grouped))
    recording.note("mixture/page", grouped.to_html(), presentation=True)
    recording.measure("mixture/bad group", result.with_groups, {"x": ["none"]})
    measure("wordpiece", TOY_SOURCES["wordpiece"].path)


def _inferred(
    source: Any, samples: Mapping[str, Path], options: dict[str, Any]
) -> dict[str, object]:
    import tokkit

    return _forms(tokkit.infer_mixture(source, samples, **options))


def _forms(result: tokkit.MixtureResult) -> dict[str, object]:
    covariance = result.covariance
    return {
        "json": result.to_json(),
        "text": str(result),
        "residuals": array_digest(result.residuals),
        "covariance": None if covariance is None else covariance,
    }
