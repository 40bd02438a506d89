"""`tokkit tokenize`: the ids of a text, and the bytes that each stands for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tokkit.cli.declarations import option
from tokkit.cli.inputs import DownloadFlag, InputText, TokenizerArgument, load_tokenizer
from tokkit.cli.option_types import OutputFile
from tokkit.cli.output import LINES_AT_ONCE, JsonFlag, print_json, print_json_list
from tokkit.cli.progress import Meter
from tokkit.cli.terminal import console_of, has_colour, shown
from tokkit.errors import ArgumentError
from tokkit.report.wording import plural

if TYPE_CHECKING:
    from tokkit.text.tokenizer import TextTokenizer

EXAMPLES = (
    ('tokkit tokenize smollm2 --text "The capital of Fran"', "the tokens of a text"),
    ("tokkit tokenize path/to/tokenizer.json --file story.txt --json", "of a file, for a script"),
    ("tokkit tokenize smollm2 --file corpus.txt --into ids.npy", "a file of any size, as int32"),
)
_HUES = ("cyan", "yellow", "green", "magenta")


def tokenize(
    tokenizer: TokenizerArgument,
    text: InputText,
    specials: Annotated[bool, option("text that looks like a special token is one")] = False,
    unk: Annotated[
        Literal["raise", "use"],
        option("what becomes of text that the vocabulary lacks: an error, or the unknown token"),
    ] = "raise",
    into: Annotated[
        str | None,
        option(
            "write the ids of --file to a NumPy file (int32), on all cores and in bounded memory; "
            "after an interruption the same command goes on",
            OutputFile(),
            "FILE",
        ),
    ] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """The ids of a text, one a line, with the bytes that each stands for.

    On a terminal each token has a colour. Their number goes to stderr.
    """
    if into is not None:
        if text.file in (None, "-"):
            raise ArgumentError("--into is for texts that are files; name one by --file")
        loaded = load_tokenizer(tokenizer, allow_download)
        return _write(loaded, text.file, into, specials, unk, as_json)
    data = text.read()
    loaded = load_tokenizer(tokenizer, allow_download)
    lost: dict[int, bytes] = {}
    ids: Iterable[int] = loaded.iter_encode(data, specials=specials)
    if unk == "use":
        ids, lost = _with_unknown(loaded, data, specials)
    if as_json:
        print_json_list({"n_bytes": len(data)}, "tokens", _fields(loaded, ids, lost))
        return 0
    n_tokens = _print_lines(_pieces(loaded, ids, lost))
    print(f"{plural(n_tokens, 'token')}, {plural(len(data), 'byte')}", file=sys.stderr)
    if lost:
        stand = plural(len(lost), "unknown token stands", "unknown tokens stand")
        n_lost = sum(map(len, lost.values()))
        print(f"{stand} for {plural(n_lost, 'byte')}", file=sys.stderr)
    return 0


def _write(
    tokenizer: TextTokenizer,
    path: str,
    into: str,
    specials: bool,
    unk: Literal["raise", "use"],
    as_json: bool,
) -> int:
    """Encode a file into a file."""
    n_bytes = 0
    with Meter() as meter:

        def say(done: int, total: int) -> None:
            nonlocal n_bytes
            n_bytes = done
            meter(f"encoding {path}", done, total)

        ids = tokenizer.encode_file(path, into=into, specials=specials, unk=unk, progress=say)
    if as_json:
        print_json({"n_bytes": n_bytes, "n_tokens": len(ids), "into": into})
    else:
        print(f"{plural(len(ids), 'token')}, {plural(n_bytes, 'byte')}", file=sys.stderr)
    return 0


def _with_unknown(
    tokenizer: TextTokenizer, data: bytes, specials: bool
) -> tuple[list[int], dict[int, bytes]]:
    """The ids, and which bytes each unknown token among them stands for, by its place."""
    encoding = tokenizer.encode_with_offsets(data, specials=specials, unk="use")
    ids = encoding.ids.tolist()
    lost = {
        place: data[encoding.starts[place] : encoding.ends[place]]
        for place, token in enumerate(ids)
        if token == tokenizer.spec.unk_id
    }
    return ids, lost


def _pieces(
    tokenizer: TextTokenizer, ids: Iterable[int], lost: dict[int, bytes]
) -> Iterator[tuple[int, str]]:
    r"""Each id, and its bytes as Python writes them, so that controls are escapes: `'a\xc3'`."""
    for place, token in enumerate(ids):
        is_lost = place in lost
        yield (
            token,
            f"lost {lost[place]!r}" if is_lost else repr(tokenizer.token_bytes(token))[1:],
        )


def _print_lines(pieces: Iterator[tuple[int, str]]) -> int:
    """Print a line a token; how many there are."""
    n_tokens = 0
    coloured = has_colour(sys.stdout)
    console = console_of(sys.stdout) if coloured else None
    while block := list(islice(pieces, LINES_AT_ONCE)):
        if console is None:
            print("\n".join(f"{token}\t{piece}" for token, piece in block))
        else:
            for place, (token, piece) in enumerate(block, n_tokens):
                number = shown(f"{token:>8}  ", "dim")
                console.print(number, shown(piece, _HUES[place % 4]), sep="", soft_wrap=True)
        sys.stdout.flush()  # a reader that has gone is noticed here
        n_tokens += len(block)
    return n_tokens


def _fields(
    tokenizer: TextTokenizer, ids: Iterable[int], lost: dict[int, bytes]
) -> Iterator[dict[str, Any]]:
    for place, token in enumerate(ids):
        piece = tokenizer.token_bytes(token)
        text = piece.decode("utf-8", errors="replace")
        more = {"lost": lost[place].hex()} if place in lost else {}
        yield {"id": token, "text": text, "hex": piece.hex(), **more}
