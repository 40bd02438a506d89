"""What subcommands share on the way in: texts, models, tokenizers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tokkit
from tokkit.cli.declarations import argument, option
from tokkit.cli.option_types import AnyText, Checked, InputFile, InputFolder, Source
from tokkit.cli.progress import progress
from tokkit.errors import ArgumentError, refused_by_system
from tokkit.files.reading import read_whole

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM
    from tokkit.text.tokenizer import TextTokenizer

_SOURCE = "a packaged model (smollm2, gemma3), a file, a folder or a hub id"
_PARALLEL = (
    "parallel text: one .txt a language, line k of each says the same; one must be called eng, en "
    "or English"
)


def _check_device(name: str) -> None:
    from tokkit.bytelm.token_models.transformers.loading import checked_device, import_torch

    checked_device(import_torch(), name)


TokenizerArgument = Annotated[str, argument("TOKENIZER", Source(), _SOURCE)]
ModelArgument = Annotated[str, argument("MODEL", Source(), _SOURCE)]
ModelArguments = Annotated[list[str], argument("MODEL", Source(), _SOURCE)]
DownloadFlag = Annotated[
    bool,
    option(
        "permit to fetch what a hub id names, where the local cache lacks it",
        name="--download",
        alias="--allow-download",
    ),
]
DeviceOption = Annotated[
    str | None, option("where torch computes, as cuda:0 (cpu)", Checked(_check_device), "DEVICE")
]
ParallelTextsOption = Annotated[str | None, option(_PARALLEL, InputFolder(), "FOLDER")]


@dataclass(frozen=True)
class Prompt:
    """The text to continue: an option, a file, or stdin where there is neither."""

    PANEL: ClassVar[str] = "Text"

    prompt: Annotated[str | None, option("the text to continue", AnyText(), "TEXT")] = None
    prompt_file: Annotated[
        str | None,
        option(
            "the text to continue, from a file; - or nothing for stdin",
            InputFile(stdin=True),
            "FILE",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse both at once, by an `ArgumentError`."""
        refuse_both("--prompt", self.prompt, "--prompt-file", self.prompt_file)

    def read(self) -> bytes:
        """Its bytes; see `read_text`."""
        return read_text(self.prompt, self.prompt_file)


@dataclass(frozen=True)
class InputText:
    """A text to look at: an option, a file, or stdin where there is neither."""

    PANEL: ClassVar[str] = "Text"

    text: Annotated[str | None, option("the text", AnyText(), "TEXT")] = None
    file: Annotated[
        str | None,
        option("the text, from a file; - or nothing for stdin", InputFile(stdin=True), "FILE"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse both at once, by an `ArgumentError`."""
        refuse_both("--text", self.text, "--file", self.file)

    def read(self) -> bytes:
        """Its bytes; see `read_text`."""
        return read_text(self.text, self.file)


def refuse_both(first: str, one: object, second: str, other: object) -> None:
    """Refuse two options that say the same thing.

    Raises:
        ArgumentError: both are given.
    """
    if one is not None and other is not None:
        raise ArgumentError(f"{first} and {second} exclude each other; leave one of them out")


def read_text(text: str | None, file: str | None) -> bytes:
    """The bytes of an option, else of a file, else of stdin.

    Raises:
        ArgumentError: neither was given, and stdin is a terminal.
        FormatError: the file or stdin cannot be read.
    """
    if text is not None:
        return os.fsencode(text)
    if file not in (None, "-"):
        return read_whole(file)
    if file is None and sys.stdin.isatty():
        raise ArgumentError("there is no text: give an option, a file or stdin (see --help)")
    with refused_by_system("read stdin", "give the text as an option or a file"):
        return sys.stdin.buffer.read()


def load_model(source: str, allow_download: bool, **options: Any) -> ByteLM:
    """`tokkit.load_lm`, shown while it takes long."""
    with progress(f"loading {source}"):
        return tokkit.load_lm(source, allow_download=allow_download, **options)


def load_tokenizer(source: str, allow_download: bool) -> TextTokenizer:
    """A tokenizer of text, shown while it takes long."""
    from tokkit.text.of_text import refuse_other_signals

    with progress(f"loading {source}"):
        loaded = tokkit.load_tokenizer(source, allow_download=allow_download)
    refuse_other_signals(loaded)
    return loaded
