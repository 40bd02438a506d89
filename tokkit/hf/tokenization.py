"""`ByteLevelTokenizer`: the tokenizer of transformers whose ids are the bytes of the text.

Text is never taken for a special symbol, whatever it looks like. A text is preceded by one blank,
so that position 0 predicts its first byte: with `labels=input_ids` the loss then covers every byte.
Rows are padded on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import AddedToken, PreTrainedTokenizer

from tokkit.arguments import as_bytes, as_ids
from tokkit.errors import ArgumentError
from tokkit.hf.symbols import BLANK_ID, END_ID

END_TOKEN = "<|end of text|>"
BLANK_TOKEN = "<|blank|>"


class ByteLevelTokenizer(PreTrainedTokenizer):
    """Bytes as ids; 256 is end of text, 257 the blank (BOS and padding).

    Decoding replaces what is not UTF-8 by U+FFFD; `decode_bytes` gives the bytes themselves.
    """

    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012  # the base class annotates it
    vocab_files_names: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, **options: Any) -> None:
        """See `transformers.PreTrainedTokenizer`.

        Args:
            **options: the special symbols, and that text is not searched for them, are fixed.
        """
        blank, end = (AddedToken(text, special=True) for text in (BLANK_TOKEN, END_TOKEN))
        self._added_tokens_decoder = {END_ID: end, BLANK_ID: blank}
        for fixed in ("added_tokens_decoder", "split_special_tokens", "special_tokens_pattern"):
            options.pop(fixed, None)
        options.setdefault("padding_side", "left")
        options.setdefault("truncation_side", "left")
        options |= {"eos_token": end, "bos_token": blank, "pad_token": blank}
        super().__init__(split_special_tokens=True, **options)

    @property
    def vocab_size(self) -> int:
        """256: the special symbols are counted by `len`."""
        return END_ID

    def get_vocab(self) -> dict[str, int]:
        """Bytes as the characters U+0000 to U+00FF, and the special symbols."""
        return {**{chr(byte): byte for byte in range(END_ID)}, **self._added_tokens_encoder}

    def encode_bytes(self, data: str | bytes) -> list[int]:
        """The ids of any bytes, with the blank before them, as calling the tokenizer gives."""
        return self.build_inputs_with_special_tokens(list(as_bytes(data)))

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """The bytes that ids stand for; special symbols stand for none.

        Raises:
            ArgumentError: an id below 0 or above 257.
        """
        ids = as_ids(ids, "ids")
        wrong = [token for token in ids if not 0 <= token <= BLANK_ID]
        if wrong:
            raise ArgumentError(f"ids must be between 0 and {BLANK_ID}, got {wrong[0]}")
        return bytes(token for token in ids if token < END_ID)

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """A blank before each text."""
        second = [] if token_ids_1 is None else [BLANK_ID, *token_ids_1]
        return [BLANK_ID, *token_ids_0, *second]

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 for a special symbol, 0 for a byte."""
        ids = (
            token_ids_0
            if already_has_special_tokens
            else self.build_inputs_with_special_tokens(token_ids_0, token_ids_1)
        )
        return [int(token >= END_ID) for token in ids]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens; what is not UTF-8 becomes U+FFFD, special symbols their names."""
        parts = (token.encode("latin-1") if len(token) == 1 else token.encode() for token in tokens)
        return b"".join(parts).decode(errors="replace")

    def save_vocabulary(
        self,
        save_directory: str,  # noqa: ARG002
        filename_prefix: str | None = None,  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Nothing: the vocabulary is always the same."""
        return ()

    def _tokenize(self, text: str, **_: Any) -> list[str]:
        return list(as_bytes(text).decode("latin-1"))

    def _convert_token_to_id(self, token: str) -> int:
        if len(token) != 1 or ord(token) >= END_ID:
            raise ArgumentError(
                f"{token!r} is no token: tokens are the characters U+0000 to U+00FF, a byte each; "
                "call the tokenizer on text"
            )
        return ord(token)

    def _convert_id_to_token(self, index: int) -> str:
        if not 0 <= index < END_ID:
            raise ArgumentError(f"ids must be between 0 and {BLANK_ID}, got {index}")
        return chr(index)
