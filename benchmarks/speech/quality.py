"""How well is coded speech understood, and how does it sound, at 0.5 to 4 kbit a second?

    python -m benchmarks.fetch.speech --speech FOLDER
    python -m benchmarks.speech.quality [--minutes 60] [--seed 0] [--quick] [--write-docs]

DMCodec with and without its teachers, residual k-means of plain frames, and codec2, by judges that
taught nobody (`judging`), on speakers of whom nothing was learned (`corpus`). Both codecs see the
same segments, and are of the same size. Whatever was done is kept (windows of the teachers, layers
of k-means, checkpoints of the trainings, figures of each row), so that a run that was interrupted
goes on where it was. `--quick` does all of it in about two minutes, to see that it works.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fetch.speech import SPEECH
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import Records, replace_block
from benchmarks.speech.baselines import CODEC2, N_CODES, Codec2, ResidualKMeans
from benchmarks.speech.corpus import N_DIGITS, RATE, Floats, Spoken, learned, to_be_judged
from benchmarks.speech.judging import Listener, pesq, stoi, word_errors
from benchmarks.speech.teachers import Known, teach, windows
from tokkit.models import DMCodec, DMCodecConfig, DMCodecRecipe, Recording, Recordings
from tokkit.models.training import TrainingOptions, train

PAGE = ROOT / "docs" / "learned-tokenizers.md"
DEPTHS = (1, 2, 4, 8)
SPEECH_WIDTH, LANGUAGE_WIDTH = 384, 576
"""Of Whisper tiny.en and SmolLM2-135M."""
CONFIG = DMCodecConfig(
    speech_width=SPEECH_WIDTH,
    language_width=LANGUAGE_WIDTH,
    recipe=DMCodecRecipe(speech=0.05, language=0.05),
)
LEARNING_RATE = 2e-3
ROWS = {
    "mdct": "MDCT, residual k-means",
    "spectra": "spectra of the codec, residual k-means",
    "codec2": "codec2",
    "without": "DMCodec without teachers",
    "with": "DMCodec",
}
_ENGLISH = ("asterisk/", "fsdd/")

Through = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes:
        minutes: of CPU, for each training.
        n_train: recordings at most; None: all.
        n_windows: of the teachers, at most; None: all.
        n_frames, n_codes: of k-means.
        n_tested: signals of each test set at most; None: all.
        plain_steps: of the trainings; None: the default.
    """

    minutes: float
    n_train: int | None = None
    n_windows: int | None = None
    n_frames: int = 40_000
    n_codes: int = N_CODES
    n_tested: int | None = None
    plain_steps: int | None = None


def quick(minutes: float) -> Size:
    """Enough of each part to see that it works."""
    return Size(min(minutes, 0.4), 60, 1, 1500, 64, 2, 10)


class Bench:
    """The rows of the table, made when they are asked for."""

    def __init__(self, data: Path, size: Size, seed: int) -> None:
        """Read the recordings.

        Args:
            data: what `benchmarks.fetch.speech` wrote.
            size: how much is done.
            seed: of the trainings.
        """
        self.size, self.seed = size, seed
        self._made = data / "made"
        train_on, validate = learned(data)
        step = 1 if size.n_train is None else max(1, len(train_on) // size.n_train)
        self.train, self.validation = train_on[::step], validate
        self.sets = {name: each[: size.n_tested] for name, each in to_be_judged(data).items()}
        self._listener = Listener()

    def through(self, row: str, depth: int) -> Through:
        """What a row does to a signal, at a number of streams."""
        if row in ("mdct", "spectra"):
            size = self.size
            frames = size.n_frames if row == "mdct" else size.n_frames // 2
            coder = ResidualKMeans(
                row, self.train, self._made, n_frames=frames, n_codes=size.n_codes
            )
            return lambda signal: coder.through(signal, depth)
        if row == "codec2":
            codec = Codec2(CODEC2[depth][0])
            prompts = [each.samples for each in self.train if each.name.startswith("asterisk")]
            codec.find_delay([each for each in prompts if len(each) > RATE][:5], stoi)
            return codec.through
        model = self.codec(row)
        return lambda signal: model.decode(model.encode(signal, budget=depth))[: len(signal)]

    def codec(self, row: str) -> DMCodec:
        """A trained codec, or one that is trained now."""
        import torch

        recipe = CONFIG.recipe
        if self.size.plain_steps is not None:
            recipe = replace(recipe, plain_steps=self.size.plain_steps, start_frames=3000)
        if row == "without":
            recipe = replace(recipe, speech=0.0, language=0.0)
        config = replace(CONFIG, n_codes=self.size.n_codes, recipe=recipe)
        known = self._known()
        data = Recordings(
            [_recording(each, known.get(each.name)) for each in self.train],
            [Recording(each.samples, RATE) for each in self.validation],
        )
        torch.manual_seed(self.seed)
        model = DMCodec(config)
        options = TrainingOptions(
            seconds=60 * self.size.minutes, learning_rate=LEARNING_RATE, seed=self.seed
        )
        kind = "quick" if self.size.n_train else f"{self.size.minutes:g}"
        folder = self._made / f"{row}-{kind}-{self.seed}"
        result = train(model, data, options, folder=folder, progress=_told)
        for record in result.records:
            if record.evaluation:
                figures = ", ".join(
                    f"{name} {each:.4f}" for name, each in record.evaluation.items()
                )
                print(f"{row}, step {record.step}: {figures}", flush=True)
        return model.eval()

    def _known(self) -> Mapping[str, Known]:
        english = [each for each in self.train if each.name.startswith(_ENGLISH)]
        if self.size.n_windows is not None:
            taught = list(windows(english))[: self.size.n_windows]
            english = [each for window in taught for each, _ in window]
        kind = "teachers" if self.size.n_train is None else "teachers-quick"
        return teach(english, self._made / kind)

    def judged(self, through: Through) -> dict[str, dict[str, float]]:
        """Figures of each test set."""
        return {name: self._of_set(signals, through) for name, signals in self.sets.items()}

    def _of_set(self, signals: Sequence[Spoken], through: Through) -> dict[str, float]:
        decoded = [through(each.samples) for each in signals]
        pairs = [(each.samples, other) for each, other in zip(signals, decoded, strict=True)]
        figures = {
            "stoi": float(np.mean([stoi(*pair) for pair in pairs])),
            "pesq": float(np.nanmean([pesq(*pair) for pair in pairs])),
        }
        if signals[0].name.startswith("digits"):
            errors = [
                word_errors(each.text.split(), self._listener.heard(other))
                for each, other in zip(signals, decoded, strict=True)
            ]
            figures["wer"] = sum(errors) / (N_DIGITS * len(signals))
        return figures


def _recording(spoken: Spoken, known: Known | None) -> Recording:
    if known is None:
        return Recording(spoken.samples, RATE)
    return Recording(
        spoken.samples, RATE, known.speech.astype(np.float32), known.language.astype(np.float32)
    )


def _unchanged(signal: Floats) -> Floats:
    return signal


def _told(what: str, done: int, of: int) -> None:
    del what, done, of


def tables(found: Mapping[str, Mapping[str, Mapping[str, float]]], names: Sequence[str]) -> str:
    """A table for each test set: a row for each coder, a column for each rate."""
    parts: list[str] = []
    for name in names:
        figures = [each for each in ("stoi", "pesq", "wer") if each in found["original 0"][name]]
        parts.append(f"**{name}**:")
        for figure in figures:
            head = " | ".join(f"{depth / 2:g} kbit/s" for depth in DEPTHS)
            lines = [f"| {figure.upper()} | {head} |", "|---|" + "---|" * len(DEPTHS)]
            for row, title in ROWS.items():
                cells = [_shown(found[f"{row} {depth}"][name][figure], figure) for depth in DEPTHS]
                lines.append(f"| {title} | {' | '.join(cells)} |")
            if figure == "wer":
                original = _shown(found["original 0"][name][figure], figure)
                lines.append(f"| the original | {' | '.join([original] * len(DEPTHS))} |")
            parts.append("\n".join(lines))
    modes = ", ".join(f"{bits / 1000:g}" for bits, _ in CODEC2.values())
    parts.append(f"codec2 stands at its nearest rates: {modes} kbit/s.")
    return "\n\n".join(parts)


def _shown(value: float, figure: str) -> str:
    return f"{100 * value:.1f}%" if figure == "wer" else f"{value:.3f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=SPEECH, help="what was fetched")
    parser.add_argument("--minutes", type=float, default=60, help="of CPU, for each training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--records", type=Path, help="where results are kept, to go on")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    size = quick(options.minutes) if options.quick else Size(options.minutes)
    bench = Bench(options.data, size, options.seed)
    kind = "quick" if options.quick else f"{options.minutes:g}-{options.seed}"
    header = run_description("torch", "numpy", "pystoi", "pesq", "pocketsphinx", "pycodec2")
    settings: dict[str, Any] = {
        "minutes": size.minutes,
        "seed": options.seed,
        "config": str(CONFIG),
    }
    path = options.records or options.data / "made" / f"figures-{kind}.jsonl"
    records = Records(path, settings, header)
    for row, depth in [
        ("original", 0),
        *((row, depth) for row in options.rows for depth in DEPTHS),
    ]:
        if (key := f"{row} {depth}") not in records:
            through = bench.through(row, depth) if depth else _unchanged
            records.add(key, {"figures": bench.judged(through)})
            print(f"{key}: {line_of(records, key)}", flush=True)
    found = {each["key"]: each["figures"] for each in records}
    if set(options.rows) < set(ROWS):
        return
    text = f"```text\n{records.header}\n```\n\n" + tables(found, list(bench.sets))
    print(text)
    if options.write_docs:
        replace_block(PAGE, "speech quality", text)


def line_of(records: Records, key: str) -> str:
    """The figures of a row, in a line."""
    figures = next(each["figures"] for each in records if each["key"] == key)
    return "; ".join(
        f"{name} " + ", ".join(f"{what} {value:.3f}" for what, value in each.items())
        for name, each in figures.items()
    )


if __name__ == "__main__":
    main()
