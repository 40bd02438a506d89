"""What runs in the sandbox for `own_library`: a library that loads a tokenizer's file.

Which library a file belongs to follows from its format:

- tokenizer.json: `tokenizers`. Control tokens that the file forgets to mark as special are marked,
  so that they stay text like the others; ids are those that the file declares, wherever the library
  numbers them anew. What a file may leave on that is not of the text is off: padding, truncation,
  dropout, and the post-processor, which puts tokens around it.
- SentencePiece `.model`: `sentencepiece`.
- tiktoken rank files: `tiktoken`, with the encoding of `tiktoken_ext` that the file belongs to, or,
  for the rank files of other makers (Llama 3, Qwen), with their pattern. What their makers' code
  does to a text before (NFC) is done here as well.
- tekken JSON: `tiktoken` with the file's own pattern, which is how `mistral_common` reads it.
"""

from __future__ import annotations

import base64
import json
import time
import unicodedata
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Protocol

from tokkit.audit.reference.file_kinds import kind_of
from tokkit.text.formats.patterns import recognise_tiktoken
from tokkit.text.formats.tiktoken import parse_ranks

MAX_SECONDS_OF_REPEATS = 1.0


class _Library(Protocol):
    """A tokenizer as its own library has it.

    Attributes:
        unmarked: ids of control tokens that the file does not mark as special.
    """

    unmarked: list[int]

    def encode(self, texts: Sequence[str]) -> list[list[int]]: ...

    def encode_by_default(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]: ...


class _Tokenizers:
    """A tokenizer.json."""

    def __init__(self, data: bytes, controls: Sequence[int], declared: dict[int, int]) -> None:
        from tokenizers import Tokenizer

        text = data.decode()
        library: Any = _bare(Tokenizer.from_str(text))
        known = set(controls)
        runtime = {old: new for new, old in declared.items()}
        added: dict[int, Any] = library.get_added_tokens_decoder()
        placed = {runtime.get(token, token): token for token in known}
        self.unmarked = [placed[i] for i in added if i in placed and not added[i].special]
        if self.unmarked:
            document: dict[str, Any] = json.loads(text)
            for token in document["added_tokens"]:
                token["special"] = bool(token.get("special")) or token["id"] in known
            library = _bare(Tokenizer.from_str(json.dumps(document)))
        self._library = library
        self._runtime = runtime
        self._declared = declared

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self._library.encode_special_tokens = True
        found = self._library.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._as_declared(encoding.ids) for encoding in found]

    def encode_by_default(self, text: str) -> list[int]:
        self._library.encode_special_tokens = False
        return self._as_declared(self._library.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        moved = [[self._runtime.get(token, token) for token in sequence] for sequence in ids]
        return list(self._library.decode_batch(moved, skip_special_tokens=False))

    def _as_declared(self, ids: list[int]) -> list[int]:
        return [self._declared.get(token, token) for token in ids]


def _bare(library: Any) -> Any:
    """The library without what it adds to the encoding of a text, or leaves out of it."""
    library.no_padding()
    library.no_truncation()
    library.post_processor = None
    if getattr(library.model, "dropout", None):
        library.model.dropout = None
    return library


class _Tiktoken:
    """A vocabulary of ranks; `first_id` is the id of rank 0, `form` a normal form of Unicode."""

    def __init__(self, encoding: Any, first_id: int = 0, form: str = "") -> None:
        self.unmarked: list[int] = []
        self._encoding = encoding
        self._first_id = first_id
        self._form = form

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._moved(self._encoding.encode_ordinary(self._read(text))) for text in texts]

    def encode_by_default(self, text: str) -> list[int]:
        return self._moved(self._encoding.encode(self._read(text)))

    def _read(self, text: str) -> str:
        return unicodedata.normalize(self._form, text) if self._form else text  # pyright: ignore[reportArgumentType]

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        first = self._first_id
        return [
            self._encoding.decode([token - first for token in sequence if token >= first])
            for sequence in ids
        ]

    def _moved(self, ids: list[int]) -> list[int]:
        return [token + self._first_id for token in ids] if self._first_id else ids


class _SentencePiece:
    """A SentencePiece model."""

    def __init__(self, data: bytes) -> None:
        sentencepiece: Any = import_module("sentencepiece")
        self.unmarked: list[int] = []
        self._processor: Any = sentencepiece.SentencePieceProcessor(model_proto=data)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._processor.encode(list(texts), num_threads=1)

    def encode_by_default(self, text: str) -> list[int]:
        return self._processor.encode(text)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        return self._processor.decode([list(sequence) for sequence in ids])


def _load_ranks(
    data: bytes, name: str, pattern: str, specials: dict[str, int], form: str
) -> _Tiktoken:
    """A rank file with tiktoken's own encoding, or with what is given of another one."""
    import tiktoken

    ranks = parse_ranks(data, name)
    encoding = recognise_tiktoken(len(ranks), max(ranks, key=ranks.__getitem__))
    public: Any = import_module("tiktoken_ext.openai_public")

    def given(*_: object, **__: object) -> dict[bytes, int]:
        return ranks

    public.load_tiktoken_bpe = given  # the original would fetch them
    make = getattr(public, {"gpt2": "r50k_base"}.get(encoding or "", encoding or ""), None)
    if make is not None:
        return _Tiktoken(tiktoken.Encoding(**make()))
    return _Tiktoken(
        tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials),
        form=form,
    )


def _load_tekken(document: dict[str, Any], name: str) -> _Tiktoken:
    import tiktoken

    config = document["config"]
    n_special = config["default_num_special_tokens"]
    ranks = {
        base64.b64decode(token["token_bytes"]): token["rank"]
        for token in document["vocab"][: config["default_vocab_size"] - n_special]
    }
    encoding = tiktoken.Encoding(
        name, pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={}
    )
    return _Tiktoken(encoding, first_id=n_special)


_loaded: list[_Library] = []


def load(
    path: str,
    controls: Sequence[int],
    declared: Sequence[tuple[int, int]],
    pattern: str,
    specials: dict[str, int],
    form: str,
) -> dict[str, object]:
    """Load a file.

    Args:
        path: of the file.
        controls: ids of tokens that stay text (tokenizer.json).
        declared: pairs of the id at which the library has a token and the one of the file.
        pattern: of the pretokenizer, for rank files of no encoding that tiktoken has.
        specials: control tokens, likewise.
        form: the normal form of Unicode that a rank file implies, or nothing.

    Returns:
        `name` and `version` of the library, and `unmarked` control tokens; or `missing`, the
        package that is not installed; or `none`, why there is no library for the file.
    """
    data = Path(path).read_bytes()
    try:
        kind = kind_of(data, Path(path))
        if kind == "gguf":
            return {"none": "llama.cpp, which reads GGUF files, is not run by the audit"}
        loaders: dict[str, tuple[str, Callable[[], _Library]]] = {
            "hf": ("tokenizers", lambda: _Tokenizers(data, controls, dict(declared))),
            "sentencepiece": ("sentencepiece", lambda: _SentencePiece(data)),
            "tiktoken": ("tiktoken", lambda: _load_ranks(data, "file", pattern, specials, form)),
            "tekken": ("tiktoken", lambda: _load_tekken(json.loads(data), "file")),
        }
        if kind not in loaders:
            return {"none": f"no library reads files of the format {kind}"}
        package, loader = loaders[kind]
        library = loader()
    except ModuleNotFoundError as error:
        return {"missing": str(error.name)}
    _loaded[:] = [library]
    version = metadata.version(package)
    return {"name": package, "version": version, "unmarked": library.unmarked}


def encode(texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text; control tokens in it are text."""
    return _loaded[0].encode(texts)


def encode_each(texts: Sequence[str]) -> list[list[int] | None]:
    """As `encode`; None where the library raises an error."""
    return [_tried(lambda one: _loaded[0].encode([one])[0], text) for text in texts]


def encode_by_default(texts: Sequence[str]) -> list[list[int] | None]:
    """Ids of each text as the library's plain call gives them; None where it raises an error."""
    return [_tried(_loaded[0].encode_by_default, text) for text in texts]


def _tried(encode: Callable[[str], list[int]], text: str) -> list[int] | None:
    try:
        return encode(text)
    except Exception:
        return None


def decode(ids: Sequence[Sequence[int]]) -> list[str]:
    """The text of each sequence of ids, control tokens written out."""
    return _loaded[0].decode(ids)


def seconds_to_encode(text: str, repeats: int) -> float:
    """CPU seconds that one `encode` takes: the least of some repeats.

    Those of this thread, where libraries are told to work: under a limit on CPU time Linux counts
    those of the process in ticks.
    """
    times: list[float] = []
    while len(times) < repeats and (not times or sum(times) < MAX_SECONDS_OF_REPEATS):
        start = time.thread_time()
        _loaded[0].encode([text])
        times.append(time.thread_time() - start)
    return min(times)


HANDLERS = {
    handler.__name__: handler
    for handler in (load, encode, encode_each, encode_by_default, decode, seconds_to_encode)
}
