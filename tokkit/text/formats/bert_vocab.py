"""BERT's `vocab.txt`: one WordPiece token a line, whose number is its id.

The file says nothing of case, accents or control tokens: tokenizer_config.json beside it does, and
where it does not, the defaults of `BertTokenizer` hold (lower case, no accents). Source:
`transformers`, `models/bert/tokenization_bert.py`, and `WordPiece::read_file` of `tokenizers`.
`do_basic_tokenize` and `never_split`, of an older class, are read by neither.
"""

from __future__ import annotations

from collections.abc import Mapping

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.reading import MAX_VOCAB_SIZE, decode_utf8
from tokkit.files.shipped import shipped_table
from tokkit.text.formats.hugging_face.special_ids import token_text
from tokkit.text.formats.hugging_face.tokenizer_config import added_tokens_beside
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.spec import TokenizerSpec
from tokkit.text.white_space import WHITE_SPACE

_TABLE = shipped_table("bert_classes.toml", "tokkit.text.formats")
_CONTROL_TOKENS: dict[str, dict[str, str]] = {
    name: kind["controls"] for kind in _TABLE["kinds"] for name in kind["classes"]
}
"""Classes that tokenize as BERT does, and their control tokens where the config names no others."""


def read_bert_vocab(
    data: bytes, name: str, config: Mapping[str, object] | None = None
) -> TokenizerSpec:
    """Read a vocabulary.

    Args:
        data: the file.
        name: for messages.
        config: tokenizer_config.json beside it.

    Raises:
        FormatError: no unknown token, a token twice, or a damaged config.
        UnsupportedError: a config of a class that does not tokenize as BERT does.
    """
    config = config or {}
    where = f"{name}: tokenizer_config.json"
    controls = _control_texts(config, name)
    ids, n_tokens = _read_lines(data, name)
    added = added_tokens_beside(ids, n_tokens, controls, config, where)
    placed = {node["content"]: node["id"] for node in added}
    cls, sep = controls["cls_token"], controls["sep_token"]
    document = bert_document(
        ids,
        added,
        controls["unk_token"],
        handle_chinese_chars=config.get("tokenize_chinese_chars"),
        strip_accents=config.get("strip_accents"),
        lowercase=config.get("do_lower_case"),
    )
    ends = {"cls": [cls, placed[cls]], "sep": [sep, placed[sep]]}
    document["post_processor"] = {"type": "BertProcessing", **ends}
    return read_hf_json(document, name, config)


def bert_document(
    vocab: Mapping[str, int], added: list[dict[str, object]], unknown: str, **options: object
) -> dict[str, object]:
    """A tokenizer.json of BERT's kind, parsed; `options` are those of its normalizer."""
    return {
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", **options},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "vocab": vocab, "unk_token": unknown},
    }


def _control_texts(config: Mapping[str, object], name: str) -> dict[str, str]:
    kind = config.get("tokenizer_class")
    kind = kind.removesuffix("Fast").removesuffix("Tokenizer") if isinstance(kind, str) else "Bert"
    if kind not in _CONTROL_TOKENS:
        raise UnsupportedError(
            f"{name}: tokenizer_config.json names the class {kind[:60]!r}, which does not cut "
            "words as BertTokenizer does; save it as tokenizer.json, if it has a fast form"
        )
    return {
        role: token_text(config.get(role)) or default
        for role, default in _CONTROL_TOKENS[kind].items()
    }


def _read_lines(data: bytes, name: str) -> tuple[dict[str, int], int]:
    """Token -> number of its line, and the number of tokens.

    As in the library white space at the end of a line is none of the token, and of lines that are
    alike the last counts. What an empty line stands for no text has.
    """
    lines = decode_utf8(data, name).split("\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) > MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: {len(lines):,} lines; expected at most {MAX_VOCAB_SIZE:,}")
    ids = {line.rstrip(WHITE_SPACE): number for number, line in enumerate(lines)}
    n_tokens = len(ids)
    ids.pop("", None)
    return ids, n_tokens
