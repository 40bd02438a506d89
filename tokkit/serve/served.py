"""What a server offers: byte-level models by name, and the tokenizers that count: `Served`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import tokkit
from tokkit.bytelm.batch.counted_tokens import count_tokens
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.fim_context import marker_ids
from tokkit.bytelm.completion.fim_formats import FimFormat, find_fim_format
from tokkit.bytelm.completion.fim_frame import without_dummy_prefix
from tokkit.bytelm.encodings.context_limit import context_limit
from tokkit.errors import ArgumentError, EncodingError
from tokkit.serve.refusals import RefusalError
from tokkit.text.tokenizer import TextTokenizer


@dataclass(frozen=True, eq=False)
class Served:
    """A model that is offered.

    Attributes:
        name: that clients ask for.
        model: any byte-level model.
        n_context: tokens that it reads at most, those that it writes included.
        template: of its chats, if it has one.
        counting: the tokenizer whose tokens count, where they are not those of `first`.
    """

    name: str
    model: ByteModel
    n_context: int
    template: str | None = None
    counting: TextTokenizer | None = None

    @property
    def first(self) -> ByteLM | None:
        """The first model over tokens inside, whose tokens count; None where there is none."""
        return next(token_models(self.model), None)

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """Whose tokens count."""
        if self.counting is not None:
            return self.counting
        return None if self.first is None else self.first.token_lm.tokenizer

    @property
    def readers(self) -> list[TextTokenizer | None]:
        """Of the models inside; a model that knows no tokens reads bytes."""
        return [lm.token_lm.tokenizer for lm in token_models(self.model)] or [None]

    def count(self, text: bytes) -> int:
        """Tokens of a text; bytes of a model that knows no tokens."""
        return count_tokens(text, self.tokenizer)

    def most(self, text: bytes) -> int:
        """Tokens of a text for the model inside that reads the most of them."""
        return max(count_tokens(text, reader) for reader in self.readers)

    def ends(self, text: bytes) -> list[int]:
        """Where the tokens of a text end, in bytes."""
        return _ends(text, self.tokenizer)

    def ends_of_most(self, text: bytes) -> list[int]:
        """The same for the model inside that reads the most of them."""
        return max((_ends(text, reader) for reader in self.readers), key=len)

    def tokens_of(self, text: bytes) -> list[tuple[int, bytes]]:
        """Ids and bytes of the tokens of a text that does not stand at a beginning.

        Bytes are their own ids where a model knows no tokens; -1 stands for what no token spells.
        """
        if self.tokenizer is None:
            return [(byte, bytes([byte])) for byte in text]
        with suppress(EncodingError):
            ids = without_dummy_prefix(self.tokenizer).encode(text, normalize=False)
            found = [(token, self.tokenizer.token_bytes(token)) for token in ids]
            if b"".join(data for _, data in found) == text:
                return found
        return [(-1, text)]

    def fim_format(self) -> FimFormat:
        """How it fills a gap in a text.

        Raises:
            ArgumentError: it does not.
        """
        if not isinstance(self.model, ByteLM) or self.model.encodings != "canonical":
            raise ArgumentError(
                f"{self.name} is no single model with canonical encodings, and fills no gaps; "
                "leave out the suffix"
            )
        return find_fim_format(self.model.token_lm.tokenizer)

    @property
    def fills(self) -> bool:
        """Whether it can fill a gap."""
        try:
            self.fim_format()
        except ArgumentError:
            return False
        return True

    @property
    def shows_files(self) -> bool:
        """Whether its FIM format shows other files, and its tokenizer has what that takes."""
        files, tokenizer = self.fim_format().files, self.tokenizer
        if files is None or tokenizer is None:
            return False
        markers = (files.repository[0], files.file[0], files.opening[0])
        return all(marker_ids(marker, tokenizer) is not None for marker in markers)

    def ids_as_text(self, ids: Sequence[int]) -> tuple[bytes, list[int]]:
        """The bytes that ids spell, and how many each of them has.

        Ids that precede every text, or end one, may stand at the beginning: they have no bytes.

        Raises:
            RefusalError: an id that the tokenizer does not have, or another control token.
        """
        if self.tokenizer is None or self.first is None:
            raise RefusalError(400, f"{self.name} has no tokens; send text", param="prompt")
        ends = self.tokenizer.eos_ids if self.counting else self.first.token_lm.eos_ids
        bounds = {*self.tokenizer.bos_ids, *ends}
        pieces: list[bytes] = []
        for token in ids:
            try:
                data = self.tokenizer.token_bytes(token)
            except EncodingError as error:
                raise RefusalError(400, f"prompt: {error}", param="prompt") from None
            if not data and not (token in bounds and not any(pieces)):
                raise RefusalError(
                    400,
                    f"the prompt holds the control token {token}, which stands for no text; send "
                    "text, or ids of text",
                    param="prompt",
                )
            pieces.append(data)
        return b"".join(pieces), list(map(len, pieces))


def _ends(text: bytes, tokenizer: TextTokenizer | None) -> list[int]:
    with suppress(EncodingError):
        if tokenizer is not None:
            return tokenizer.encode_with_offsets(text, normalize=False).ends.tolist()
    return list(range(1, len(text) + 1))


def counting_of(model: ByteModel, tokenizer: TextTokenizer | None) -> TextTokenizer | None:
    """A tokenizer where its tokens count: in an ensemble; a single model has its own."""
    return tokenizer if isinstance(model, tokkit.ByteEnsemble) else None


def token_models(model: ByteModel) -> Iterator[ByteLM]:
    """The models over tokens inside a model, in order."""
    if isinstance(model, ByteLM):
        yield model
    elif isinstance(model, tokkit.ByteEnsemble):
        for member in model.members:
            yield from token_models(member)


class Models:
    """All models of a server; the first is asked where a request names none."""

    def __init__(
        self,
        models: Mapping[str, ByteModel],
        cache_tokens: int,
        templates: Mapping[str, str] | None = None,
        tokenizer: TextTokenizer | None = None,
    ) -> None:
        """Offer some models.

        Args:
            models: by name, at least one. A single model is asked whatever a request calls it, for
                editors send names of their own.
            cache_tokens: what the cache of each holds at most.
            templates: of chats, of those models that have one.
            tokenizer: whose tokens count in ensembles.

        Raises:
            ArgumentError: no models, or a tokenizer without an ensemble.
        """
        if not models:
            raise ArgumentError("there is no model to serve; name at least one")
        if tokenizer and not any(counting_of(model, tokenizer) for model in models.values()):
            raise ArgumentError(
                "tokenizer counts the tokens of ensembles, and a single model has its own; leave "
                "it out, or serve several models"
            )
        self.by_name = {
            name: Served(
                name,
                model,
                _n_context(model, cache_tokens),
                (templates or {}).get(name),
                counting_of(model, tokenizer),
            )
            for name, model in models.items()
        }

    @property
    def first(self) -> Served:
        """The one that is asked where a request names none."""
        return next(iter(self.by_name.values()))

    def find(self, name: str) -> Served:
        """The model of a name.

        Raises:
            RefusalError: there are several, and none of that name.
        """
        name = name.strip()
        if name in self.by_name:
            return self.by_name[name]
        if not name or len(self.by_name) == 1:
            return self.first
        raise RefusalError(
            404,
            f"there is no model {name[:80]!r} here, only {', '.join(self.by_name)}",
            param="model",
            code="model_not_found",
        )


def _n_context(model: ByteModel, cache_tokens: int) -> int:
    limits = (context_limit(lm.token_lm) for lm in token_models(model))
    return min([cache_tokens // 2, *(limit for limit in limits if limit is not None)])


def check_names(names: Iterable[str]) -> None:
    """Refuse two models of one name.

    Raises:
        ArgumentError: there are two.
    """
    known: set[str] = set()
    for name in names:
        if name in known:
            raise ArgumentError(f"two models are named {name!r}; serve one of them")
        known.add(name)


def put_together(models: Iterable[tuple[str, ByteModel]], combine: str) -> dict[str, ByteModel]:
    """What a server offers of some models: their ensemble first, where there are several.

    Raises:
        ArgumentError: two of one name.
    """
    given = list(models)
    check_names(name for name, _ in given)
    single = dict(given)
    if len(single) < 2:
        return single
    name = "+".join(single)
    return {name: tokkit.ByteEnsemble(list(single.values()), combine=combine, name=name), **single}  # pyright: ignore[reportArgumentType]  # the ensemble checks it
