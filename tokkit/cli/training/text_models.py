"""What `tokkit train` may be asked for models of text, and how it trains them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import DeviceOption, read_text
from tokkit.cli.option_types import AnyText, InputFolder, Real, Source, Whole
from tokkit.cli.output import print_json, save_text
from tokkit.cli.progress import Meter
from tokkit.errors import ArgumentError
from tokkit.files.sources import full_name
from tokkit.report.wording import size, visible

if TYPE_CHECKING:
    from tokkit.models.text_models.text_model import TextModel
    from tokkit.models.training import TrainingOptions, TrainingResult

_MINUTES, _RATE, _WEIGHT_DECAY, _EVALUATIONS = 10.0, 2e-3, 0.1, 20
_NAMES = {"start": "from", "settings": "set"}
"""Options that do not bear the name of their field."""
OF_BYTEIFIED = ("lesson_bytes",)
SUBWORD, OF_SUBWORD = "subword", ("tokenizer", "vocab_size")
_NOT_OF_BYTEIFIED = (
    "width", "layers", "heads", "ngrams", "gate", "tokenizer", "vocab_size", "start", "batch_bytes",
    "held_out", "device",
)  # fmt: skip
_OF_NEW_MODELS = (
    "width", "layers", "heads", "ngrams", "gate", "settings", "tokenizer", "vocab_size",
)  # fmt: skip


@dataclass(frozen=True)
class TextTraining:
    """Options of the models of text."""

    PANEL: ClassVar[str] = "Models of text"

    width: Annotated[int | None, option("of the backbone's states", Whole(1), "N")] = None
    layers: Annotated[int | None, option("blocks of the backbone", Whole(1), "N")] = None
    heads: Annotated[int | None, option("of its attention", Whole(1), "N")] = None
    ngrams: Annotated[bool, option("add embeddings of hashed n-grams")] = False
    gate: Annotated[bool, option("mix the place before into each")] = False
    settings: Annotated[
        list[str] | None,
        option(
            "any field of the configuration, as backbone.window=256 (hypernet: of its options, as "
            "sampler.text_bytes=50000); repeatable",
            AnyText(),
            "NAME=VALUE",
            name="--set",
        ),
    ] = None
    tokenizer: Annotated[
        str | None, option("of subword, in place of one that is trained", Source(), "TOKENIZER")
    ] = None
    vocab_size: Annotated[
        int | None, option("of the tokenizer that is trained (8192)", Whole(257), "N")
    ] = None
    start: Annotated[
        str | None,
        option(
            "go on from the model in a folder, with these texts",
            InputFolder(),
            "FOLDER",
            name="--from",
        ),
    ] = None
    steps: Annotated[int | None, option("updates, in place of minutes", Whole(1), "N")] = None
    batch_bytes: Annotated[int | None, option("of text in each step (4096)", Whole(1), "N")] = None
    window_bytes: Annotated[
        int | None, option("that are read at once, at most (1024)", Whole(1), "N")
    ] = None
    held_out: Annotated[
        float | None,
        option("share of the text to evaluate on (0.05)", Real(0, below=1), "SHARE"),
    ] = None
    lesson_bytes: Annotated[
        int | None,
        option("of text that the model of byteified reads (400000)", Whole(1), "N"),
    ] = None
    optimizer: Annotated[
        Literal["adamw", "muon"], option("muon: for the matrices between hidden states")
    ] = "adamw"
    bf16: Annotated[bool, option("compute products in bfloat16")] = False
    device: DeviceOption = None

    def options(self, minutes: float | None, rate: float | None, seed: int) -> TrainingOptions:
        """Budget and optimiser, with the defaults of models of text."""
        from tokkit.models.training import TrainingOptions

        if minutes is None and self.steps is None:
            minutes = _MINUTES
        return TrainingOptions(
            steps=self.steps,
            seconds=None if minutes is None else 60 * minutes,
            clock="cpu" if self.device is None else "wall",
            learning_rate=_RATE if rate is None else rate,
            optimizer=self.optimizer,
            weight_decay=_WEIGHT_DECAY,
            seed=seed,
            autocast="bfloat16" if self.bf16 else None,
            device=self.device,
            evaluations=_EVALUATIONS,
        )

    def refuse(self, why: str, among: Collection[str] | None = None) -> None:
        """Refuse options that have no effect.

        Args:
            why: they have none.
            among: names of fields; None for all.

        Raises:
            ArgumentError: one is not at its default.
        """
        for each in fields(self):
            told = among is None or each.name in among
            if told and getattr(self, each.name) != each.default:
                name = _NAMES.get(each.name, each.name).replace("_", "-")
                raise ArgumentError(f"--{name} is {why}; leave it out")


NOT_OF_HYPERNETS = {each.name for each in fields(TextTraining)} - {"settings"}


def train_text_model(
    kind: str,
    files: list[str],
    into: str,
    asked: TextTraining,
    options: TrainingOptions,
    html: str | None,
    as_json: bool,
) -> int:
    """Train a model of text, and tell how it went.

    Args:
        kind: of the model.
        files: to learn from.
        into: the folder of the training.
        asked: how.
        options: budget and optimiser.
        html: where a page goes, if anywhere.
        as_json: whether to tell it as JSON.

    Returns:
        The exit code.
    """
    from tokkit.models.text_models.building import check_settings
    from tokkit.models.text_models.corpus import Corpus, Texts
    from tokkit.models.training import train as train_model

    if kind != SUBWORD:
        asked.refuse(f"of {SUBWORD}", OF_SUBWORD)
    settings = _settings(asked)
    if asked.start is None:
        check_settings(kind, settings)
    else:
        asked.refuse("of a new model, and --from names one", _OF_NEW_MODELS)
    data = [read_text(None, file) for file in files]
    if not any(data):
        raise ArgumentError(
            f"the text is empty; there is nothing to learn from in {', '.join(files)}"
        )
    how = {name: getattr(asked, name) for name in ("batch_bytes", "window_bytes", "held_out")}
    texts = Texts(data, **{name: each for name, each in how.items() if each is not None})
    with Meter() as meter:
        learned = Corpus(texts, seed=options.seed).learned_texts()
        model = _text_model(kind, learned, asked, options.seed, meter)
        result = train_model(model, texts, options, folder=into, progress=meter)
    _tell(kind, model, result, into, html, as_json)
    return 0


def train_byteified(
    source: str,
    files: list[str],
    into: str,
    asked: TextTraining,
    options: TrainingOptions,
    html: str | None,
    as_json: bool,
) -> int:
    """Make a byte model of a token model, and tell how it went.

    Args:
        source: of the token model.
        files: to learn from.
        into: the folder of lessons and training.
        asked: how.
        options: budget and optimiser.
        html: where a page goes, if anywhere.
        as_json: whether to tell it as JSON.

    Returns:
        The exit code.
    """
    from tokkit.models.byteified.byteify import byteify
    from tokkit.models.byteified.config import DecoderConfig
    from tokkit.models.saving.configs import changed_config
    from tokkit.models.text_models.building import read_settings
    from tokkit.models.text_models.corpus import Texts

    asked.refuse(
        "not of byteified models (--set has the fields of their decoder)", _NOT_OF_BYTEIFIED
    )
    decoder = changed_config(DecoderConfig(), read_settings(asked.settings or ()))
    window = {} if asked.window_bytes is None else {"window_bytes": asked.window_bytes}
    texts = Texts([read_text(None, file) for file in files], **window)
    lessons = {} if asked.lesson_bytes is None else {"lesson_bytes": asked.lesson_bytes}
    with Meter() as meter:
        model, result = byteify(
            full_name(source), texts, into, options, decoder=decoder, progress=meter, **lessons
        )
    _tell("byteified", model, result, into, html, as_json)
    return 0


def _tell(
    kind: str,
    model: TextModel,
    result: TrainingResult,
    into: str,
    html: str | None,
    as_json: bool,
) -> None:
    """Tell how a training went, as asked for."""
    from tokkit.models.text_models.training_page import TextTrainingFigures, render_text_training
    from tokkit.models.training.processes import is_first

    if not is_first():  # of several processes the first tells
        return
    n_parameters = sum(each.numel() for each in model.parameters())
    figures = TextTrainingFigures.of(result, kind=kind, n_parameters=n_parameters)
    if html is not None:
        save_text(html, render_text_training(result, figures, name=into))
    if as_json:
        print_json({"folder": into, **asdict(figures)})
    elif html != "-":
        told = f"{figures.loss:.3f} bits a byte in training"
        if figures.bits_per_byte is not None:
            told += f", {figures.bits_per_byte:.3f} on text that was held out"
        again = "finished before, nothing was learned; " if result.was_finished else ""
        line = (
            f"{into}: {again}{figures.steps:,} steps, {size(figures.n_bytes)} in "
            f"{figures.seconds:,.0f} seconds, {told}"
        )
        save_text("-", visible(line) + "\n")


def _text_model(
    kind: str, texts: list[bytes], asked: TextTraining, seed: int, meter: Meter
) -> TextModel:
    """The model to train: one that is there, or a new one."""
    from tokkit.models.text_models.building import model_class, new_model
    from tokkit.models.text_models.text_model import TextModel

    if asked.start is not None:
        model: Any = tokkit.load_lm(asked.start)
        if not isinstance(model, model_class(kind)):
            found = model.kind if isinstance(model, TextModel) else type(model).__name__
            raise ArgumentError(f"{asked.start!r} holds a {found}; expected one of kind {kind}")
        return model
    tokenizer = None if asked.tokenizer is None else tokkit.load_tokenizer(asked.tokenizer)
    meter("preparing the model")
    return new_model(
        kind,
        _settings(asked),
        texts=texts,
        tokenizer=tokenizer,
        vocab_size=asked.vocab_size,
        seed=seed,
    )


def _settings(asked: TextTraining) -> dict[str, Any]:
    """Fields of the configuration that differ from the default."""
    from tokkit.models.saving.configs import merged
    from tokkit.models.text_models.building import read_settings

    settings = read_settings(asked.settings or ())
    shape = {"width": asked.width, "n_layers": asked.layers, "n_heads": asked.heads}
    known = {name: each for name, each in shape.items() if each is not None}
    found: Any = settings.get("backbone")
    inner = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    twice = [f"backbone.{name}" for name in known if inner.get(name, known[name]) != known[name]]
    if asked.ngrams and settings.setdefault("ngrams", {}) is None:
        twice.append("ngrams")
    if asked.gate and settings.setdefault("gate", True) is False:
        twice.append("gate")
    if twice:
        raise ArgumentError(
            f"--set {twice[0]} says something else than the option for it; leave one of them out"
        )
    return merged({"backbone": known}, settings) if known else settings
