"""Hugging Face `tokenizer.json`: BPE, Unigram and WordPiece models.

Source: the `tokenizers` library, 0.23. What a file can ask for and a `TokenizerSpec` cannot say is
refused by name: dropout, stages that would see text in the byte alphabet. Truncation,
padding and the decoder do not concern the spec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_int, want_object
from tokkit.files.reading import MAX_VOCAB_SIZE, check_token_sizes
from tokkit.text.formats import byte_alphabet
from tokkit.text.formats.hugging_face.added_tokens import (
    DeclaredToken,
    read_added_tokens,
    runtime_ids,
    unmarked_ids,
)
from tokkit.text.formats.hugging_face.models import (
    HfModel,
    drop_merges_of,
    read_bpe_merges,
    read_model,
    unigram_fields,
    word_fields,
    wordpiece_fields,
)
from tokkit.text.formats.hugging_face.normalizers import NormalizerPlan, read_normalizer
from tokkit.text.formats.hugging_face.pretokenizers import PretokenizerPlan, read_pretokenizer
from tokkit.text.formats.hugging_face.special_ids import begin_ids, end_ids, template_ids
from tokkit.text.formats.hugging_face.tokenizer_config import declared_tokens
from tokkit.text.normalizers import SpaceMark, WordsBySpace, chain
from tokkit.text.pretokenizer import drops_spaces
from tokkit.text.spec import AddedToken, MergeTable, Normalizer, TokenizerSpec, TokenKind

_CONTROL_LIKE = re.compile(r"[<\[{].*[>\]}]", re.DOTALL)
"""Spellings of unknown tokens that no text is expected to have."""


@dataclass
class Placed:
    """Tokens at their ids: bytes, kinds, the texts of control tokens, and how they are cut out.

    `also_model`: see the spec.
    """

    token_bytes: list[bytes]
    kinds: NDArray[np.uint8]
    specials: dict[str, int]
    added: list[AddedToken]
    also_model: list[int]


def read_hf_json(
    document: object, name: str, config: Mapping[str, object] | None = None
) -> TokenizerSpec:
    """Turn a parsed tokenizer.json into a spec.

    Args:
        document: the parsed file.
        name: for messages.
        config: tokenizer_config.json beside it, which names `bos_token` and `eos_token`.

    Raises:
        FormatError: damaged or contradictory.
        UnsupportedError: sound, but it asks for something that tokkit does not do.
    """
    root = want_object(document, name)
    _check_truncation(root.get("truncation"), f"{name}: truncation")
    model = read_model(root.get("model"), f"{name}: model")
    added = read_added_tokens(root.get("added_tokens"), model.ids, f"{name}: added_tokens")
    added = _marked_beside(added, config, model, f"{name}: tokenizer_config.json")
    normal = read_normalizer(root.get("normalizer"), f"{name}: normalizer")
    pre = read_pretokenizer(root.get("pre_tokenizer"), normal, f"{name}: pre_tokenizer")
    if normal.byte_level:
        _check_found_in_bytes(added, name)
    normalizer, renaming = _normalizers(normal, pre, late=any(token.normalized for token in added))
    if model.family == "word_bpe" and drops_spaces(pre.splits):
        model.word_space = "after" if model.suffix else "before"
    placed = _place(model, added, pre, normalizer, name)
    fields = _model_fields(model, placed, pre, name)
    known = {**model.ids, **{token.content: token.id for token in added}}
    size = len(placed.token_bytes)
    bos = template_ids(root.get("post_processor"), known, size, f"{name}: post_processor")
    config = config or {}
    return TokenizerSpec(
        name=name,
        family=model.family,
        token_bytes=tuple(placed.token_bytes),
        kinds=placed.kinds,
        special_tokens=placed.specials,
        normalizer=normalizer,
        renaming=renaming,
        splits=tuple(pre.splits),
        prefix_space=pre.prefix_space,
        prefix_unit=pre.prefix_unit,
        bos_ids=bos or begin_ids(config, placed.specials),
        eos_ids=end_ids(config, placed.specials),
        added_tokens=tuple(placed.added),
        also_model=tuple(sorted(set(placed.also_model))),
        runtime_ids=runtime_ids(added, model.ids),
        unmarked_ids=unmarked_ids(added, root.get("added_tokens")),
        unk_id=model.unk_id if _is_silent(model.unk_id, placed) else None,
        fuse_unk=model.fuse_unk,
        **fields,
    )


def _marked_beside(
    added: list[DeclaredToken], config: Mapping[str, object] | None, model: HfModel, where: str
) -> list[DeclaredToken]:
    """The added tokens, those as control tokens that only tokenizer_config.json marks as special.

    What is a token of the model too is left alone: text may have to be spelled by it.
    """
    marked = {
        node.get("content")
        for node in declared_tokens(config, where)
        if node.get("special") is True and node.get("content") not in model.ids
    }
    return [replace(token, special=True) if token.content in marked else token for token in added]


def _check_truncation(value: object, where: str) -> None:
    """Truncation is not applied, but a stride that makes the library panic is refused."""
    if value is None:
        return
    node = want_object(value, where)
    longest = want_int(node.get("max_length"), f"{where}.max_length")
    stride = want_int(node.get("stride", 0), f"{where}.stride")
    if not 0 <= stride < longest:
        raise FormatError(f"{where}: stride {stride} with max_length {longest}; expected it below")


def _check_found_in_bytes(added: list[DeclaredToken], name: str) -> None:
    """Where a text is written in the byte alphabet, a space is a letter and strips nothing."""
    for token in added:
        if token.normalized and (token.lstrip or token.rstrip or token.single_word):
            raise UnsupportedError(
                f"{name}: the added token {token.content!r} looks at what stands beside it in a "
                "text that the normalizer ByteLevel has renamed"
            )


def _place(
    model: HfModel,
    added: list[DeclaredToken],
    pre: PretokenizerPlan,
    normalizer: Normalizer | None,
    name: str,
) -> Placed:
    ids = [*model.ids.values(), *(token.id for token in added)]
    if not ids:
        raise FormatError(f"{name}: the vocabulary is empty; expected at least one token")
    size = max(ids) + 1
    if min(ids) < 0 or size > MAX_VOCAB_SIZE:
        raise FormatError(
            f"{name}: ids from {min(ids)} to {size - 1}; expected 0 to {MAX_VOCAB_SIZE - 1:,}"
        )
    if len(set(model.ids.values())) != len(model.ids):
        raise FormatError(f"{name}: two tokens of the vocabulary have the same id")
    placed = Placed([b""] * size, np.full(size, TokenKind.UNUSED, dtype=np.uint8), {}, [], [])
    _place_model_tokens(model, placed, pre)
    _refuse_unknown_in_text(model, added, name)
    if model.family == "word_bpe":
        _refuse_left_to_words(model, added, normalizer, name)
    for token in added:
        if token.special and len(token.content) == 1 and token.content in model.ids:
            _refuse_ordinary_control(token.content, name)
        looked_for = _looked_for(token, pre, normalizer)
        if not looked_for.content:
            raise UnsupportedError(
                f"{name}: the normalizer leaves nothing of the added token {token.content!r}; "
                "the library finds that between any two characters"
            )
        _place_added_token(token, looked_for, model, placed)
    check_token_sizes(list(map(len, placed.token_bytes)), name, least=0)
    return placed


def _place_model_tokens(model: HfModel, placed: Placed, pre: PretokenizerPlan) -> None:
    token_bytes, kinds = placed.token_bytes, placed.kinds
    for text, token_id in model.ids.items():
        word = model.in_word(text) if model.family == "word_bpe" else text
        data = byte_alphabet.bytes_of(word) if pre.byte_level else model.bytes_of(word, pre.mark)
        kind = TokenKind.NORMAL
        if data is None:
            # Outside the alphabet, or with a real space where spaces are marked.
            data, kind = model.decoded(word, pre.mark), TokenKind.DECODE_ONLY
        if data and model.word_space != "none":
            data = model.with_space(data, text)
        if data:
            token_bytes[token_id], kinds[token_id] = data, kind
    if not pre.byte_level:
        for byte, token_id in model.byte_ids.items():
            token_bytes[token_id] = bytes((byte,))
            kinds[token_id] = TokenKind.BYTE
    if model.unk_id is not None:
        token_bytes[model.unk_id] = b""
        kinds[model.unk_id] = TokenKind.UNUSED


def _refuse_unknown_in_text(model: HfModel, added: list[DeclaredToken], name: str) -> None:
    """Where the unknown token is no control token, text that is spelled like it makes it, too."""
    if model.unk_id is None or not (model.family == "unigram" or model.prefix):
        return  # a whole word that is spelled so is unknown either way
    text = next((text for text, token in model.ids.items() if token == model.unk_id), "")
    is_control = _CONTROL_LIKE.fullmatch(text) or any(token.id == model.unk_id for token in added)
    if text and not is_control:
        raise UnsupportedError(
            f"{name}: the unknown token is {text!r}, and text that is spelled so is that token as "
            "well; tokkit tells the two apart. Give it a spelling such as '<unk>'"
        )


def _refuse_left_to_words(
    model: HfModel, added: list[DeclaredToken], normalizer: Normalizer | None, name: str
) -> None:
    """Marks for the place in a word, and added tokens whose text may be left to the model."""
    controls = [token.content for token in added if token.special]
    for token in added:
        if token.special or token.single_word or token.content not in model.ids:
            continue
        made_later = normalizer is not None and not token.normalized
        if made_later or any(token.content in control for control in controls):
            raise UnsupportedError(
                f"{name}: the added token {token.content!r} is one of the model too, whose tokens "
                "are marked for their place in a word, and its text is not always cut out"
            )


def _is_silent(unk_id: int | None, placed: Placed) -> bool:
    """Whether the unknown token is that alone, and no added token in plain text as well."""
    return unk_id is not None and placed.kinds[unk_id] in (TokenKind.SPECIAL, TokenKind.UNUSED)


def _looked_for(
    token: DeclaredToken, pre: PretokenizerPlan, normalizer: Normalizer | None
) -> AddedToken:
    """How a token is cut out: one that is looked for in normalised text is normalised itself."""
    text = token.content
    if token.normalized:
        if normalizer is not None:
            text = normalizer(text)
        first = pre.prefix_unit == "normalized" and pre.prefix_space != "never"
        if first and text and not (pre.prefix_space == "unless_space" and text.startswith(" ")):
            text = " " + text
    return AddedToken(
        text, token.id, token.normalized, token.lstrip, token.rstrip, token.single_word
    )


def _place_added_token(
    token: DeclaredToken, looked_for: AddedToken, model: HfModel, placed: Placed
) -> None:
    """Place one token. Its bytes are what is looked for: a space there, a mark in raw text."""
    spelling = looked_for.content.encode("utf-8")
    kind = TokenKind.LITERAL
    if token.special:
        placed.specials[token.content] = token.id
        spelling, kind = b"", TokenKind.SPECIAL
    elif token.content in model.ids and placed.kinds[token.id] == TokenKind.NORMAL:
        # The model makes it too, perhaps of other bytes (`▁▁` in raw text are marks, in a piece
        # spaces): then no canonical encoding holds it for the sake of the text that is cut out.
        of_model = placed.token_bytes[token.id]
        if of_model != spelling or (model.family == "word_bpe" and token.single_word):
            spelling, kind = of_model, TokenKind.NORMAL
        elif model.family != "word_bpe":
            placed.also_model.append(token.id)
    placed.added.append(looked_for)
    placed.token_bytes[token.id] = spelling
    placed.kinds[token.id] = kind


def _refuse_ordinary_control(text: str, name: str) -> NoReturn:
    raise FormatError(
        f"{name}: the control token {text!r} is also a piece of ordinary text (a merge uses it, or "
        "it is a single character), so text that holds it could not be told from the control "
        "token; declare it as not special"
    )


def _normalizers(
    normal: NormalizerPlan, pre: PretokenizerPlan, *, late: bool
) -> tuple[Normalizer | None, Normalizer | None]:
    """What is done before and after the normalised added tokens are cut out.

    Args:
        normal: the file's normalizers.
        pre: its pretokenizers, some of which rename characters.
        late: whether there are such tokens, so that it matters where the renaming stands.
    """
    steps, renaming = list(normal.steps), list[Normalizer]()
    if pre.mark and normal.marked:
        steps.append(SpaceMark(pre.mark))
    if pre.words_by_space:
        renaming.append(WordsBySpace(pre.mark))
    if pre.mark and not normal.marked:
        renaming.append(SpaceMark(pre.mark))
    return (chain(steps), chain(renaming)) if late else (chain([*steps, *renaming]), None)


def _model_fields(
    model: HfModel, placed: Placed, pre: PretokenizerPlan, name: str
) -> dict[str, Any]:
    if pre.mark and model.byte_ids and pre.mark not in model.ids:
        raise UnsupportedError(
            f"{name}: byte_fallback without a token for {pre.mark!r}, whose bytes the library "
            "would spell for a space"
        )
    size = len(placed.token_bytes)
    if model.family in ("unigram", "wordpiece"):
        if pre.byte_level:
            kind = "Unigram" if model.family == "unigram" else "WordPiece"
            raise UnsupportedError(f"{name}: a {kind} model over the GPT-2 byte alphabet")
        of_family = unigram_fields if model.family == "unigram" else wordpiece_fields
        return of_family(model, size)
    if pre.byte_level and model.family == "bpe":
        singles = {
            data for data, kind in zip(placed.token_bytes, placed.kinds, strict=True)
            if len(data) == 1 and kind == TokenKind.NORMAL
        }  # fmt: skip
        if not singles:
            raise FormatError(f"{name}: byte-level BPE without a token for any single byte")
    drop_merges_of(model, placed.kinds)
    if model.family == "word_bpe":
        fields = word_fields(model, size)
    else:
        table = read_bpe_merges(model, placed.token_bytes, chars=not pre.byte_level)
        fields = {"merges": table}
    merges: MergeTable = fields["merges"]
    used_ids = set(np.concatenate((merges.left, merges.right, merges.result)).tolist())
    for text, token_id in placed.specials.items():
        if token_id in used_ids:
            _refuse_ordinary_control(text, name)
    return fields | {"ignore_merges": model.ignore_merges, "char_units": not pre.byte_level}
