"""GPT-2's own files: `vocab.bpe` (or `merges.txt`), with `encoder.json` (or `vocab.json`) for ids.

Without the latter, ids follow from the merges: the 256 bytes in GPT-2's order, the results of the
merges, then `<|endoftext|>`.
"""

from __future__ import annotations

from tokkit.errors import FormatError
from tokkit.text.formats.byte_alphabet import BYTES_IN_GPT2_ORDER, CHAR_OF_BYTE
from tokkit.text.formats.files import decode_utf8
from tokkit.text.formats.hf_json import read_hf_json
from tokkit.text.formats.json_text import want_object
from tokkit.text.spec import TokenizerSpec

END = "<|endoftext|>"


def read_gpt2_bpe(data: bytes, name: str, vocab: object = None) -> TokenizerSpec:
    """Read a list of merges.

    Args:
        data: the file: `left right` a line, comments at the top begin with `#version`.
        name: for messages.
        vocab: parsed `encoder.json`: token, in the byte alphabet -> id.

    Raises:
        FormatError: a line that is no merge, or a merge that the vocabulary cannot express.
        UnsupportedError: words end in `</w>` (CLIP).
    """
    lines = decode_utf8(data, name).split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    merges: list[object] = [line.rstrip("\r") for line in lines if line.strip("\r")]
    if not merges:
        raise FormatError(f"{name}: no merges; expected lines of two tokens and a space")
    if vocab is None:
        ids = {CHAR_OF_BYTE[byte]: i for i, byte in enumerate(BYTES_IN_GPT2_ORDER)}
        for merge in merges:
            ids.setdefault(str(merge).replace(" ", ""), len(ids))
        ids[END] = len(ids)
    else:
        ids = want_object(vocab, f"{name}: encoder.json")
    suffixed = any(str(merge).endswith("</w>") for merge in merges[:10])
    added = [{"id": ids[END], "content": END, "special": True}] if END in ids else []
    document = {
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "model": {
            "type": "BPE",
            "vocab": ids,
            "merges": merges,
            "end_of_word_suffix": "</w>" if suffixed else None,
        },
    }
    return read_hf_json(document, name)
