"""Token healing as transformers does it (`generate(..., token_healing=True)`), to compare with.

What its code does (`GenerationMixin.heal_tokens`, transformers 5): it decodes the prompt, strips
white space from both ends, tokenizes it anew, replaces BOS by padding, and lets the model choose
the last token again, with a bias of 10 nats for those whose text extends it and 11 for itself. It
knows only extensions of *one* token, and it gives no probability to anything.

Where it does nothing, or raises: white space in the last token is to be written as the vocabulary
writes it, and that character is taken from `convert_tokens_to_ids(" ")`. Where `" "` is not a
token, but there is an unknown-token, as in both packaged models, it is the `<` of `<unk>` or
`<|endoftext|>`. So the last token of a prompt that ends inside the first piece of a word is looked
for as `<pie`. No token extends that; what the trie then returns are made-up strings, which nearly
always are one unknown-token, and the prompt is left as it was. If some of them are tokens, the
lookup of the last token's own bias is a `KeyError`.

One thing is changed here, for speed and with no effect on the result: the trie of the vocabulary,
which it builds at each call, is kept. So there can be one `Healer` at a time.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from transformers.generation import utils

import tokkit
from benchmarks.fetch.real_tokenizers import DEFAULT_FOLDER
from benchmarks.shared.cuts import common_prefix
from benchmarks.shared.smollm2_tokenizer import load_smollm2_tokenizer

GEMMA_FILE = DEFAULT_FOLDER / "gemma3" / "tokenizer.json"


class Healer:
    """A packaged model behind transformers' own `generate` and tokenizer."""

    def __init__(self, name: str, lm: tokkit.ByteLM) -> None:
        """Load transformers' tokenizer; the weights are those of `lm`.

        Args:
            name: of a packaged model.
            lm: the same model.
        """
        token_lm: Any = lm.token_lm
        self._model = token_lm._model
        self._ours = lm.token_lm.tokenizer
        self.tokenizer = load_tokenizer(name)
        generation: Any = utils
        trie = generation.ExtensionsTrie(self.tokenizer.get_vocab())

        def kept(_: object) -> Any:
            return trie

        generation.ExtensionsTrie = kept

    def check(self, texts: list[str]) -> None:
        """Compare its ids with tokkit's, BOS aside.

        Raises:
            SystemExit: they differ.
        """
        bos = self.tokenizer.bos_token_id
        for text in texts:
            theirs = [i for i in self.tokenizer(text).input_ids if i != bos]
            if theirs != self._ours.encode(text):
                raise SystemExit(f"transformers and tokkit tokenize differently: {text!r}")

    def complete(self, prompt: bytes, wanted: bytes) -> int:
        """How many bytes of `wanted` the greedy completion begins with.

        White space that it strips from the beginning of a prompt is not held against it.

        Args:
            prompt: must be UTF-8.
            wanted: generation stops where the text leaves `prompt + wanted`, or covers it.

        Raises:
            KeyError: see the module.
            UnicodeDecodeError: the prompt ends inside a character.
        """
        inputs = self.tokenizer(prompt.decode(), return_tensors="pt").input_ids
        given = len(prompt.lstrip())
        target = (prompt + wanted).lstrip()

        def left(ids: Any, *_: object) -> torch.Tensor:
            text = self._ours.decode(ids[0].tolist())
            done = len(text) >= len(target) or not target.startswith(text)
            return torch.tensor([done])

        with torch.no_grad():
            ids = self._model.generate(
                inputs,
                tokenizer=self.tokenizer,
                token_healing=True,
                do_sample=False,
                max_new_tokens=len(wanted) + 8,
                stopping_criteria=[left],
                pad_token_id=self.tokenizer.pad_token_id,
            )
        text = self._ours.decode(ids[0].tolist())
        ended = int(ids[0, -1]) in self._ours.eos_ids and text == target.removesuffix(b"\n")
        return max(0, common_prefix(text, target) - given) + ended


def load_tokenizer(name: str) -> Any:
    """Transformers' tokenizer of a packaged model.

    Gemma's comes from its tokenizer.json: the conversion from GGUF cuts long runs of spaces in
    other places. For SmolLM2 the conversion only drops a step, which is put back.

    Raises:
        SystemExit: Gemma's file has not been fetched.
    """
    if name == "gemma3":
        return _load_gemma()
    return load_smollm2_tokenizer()


def _load_gemma() -> Any:
    from transformers import PreTrainedTokenizerFast

    if not GEMMA_FILE.is_file():
        raise SystemExit(
            f"no {GEMMA_FILE}: python -m benchmarks.fetch.real_tokenizers --only gemma3"
        )
    special = {f"{kind}_token": f"<{kind}>" for kind in ("bos", "eos", "unk", "pad")}
    return cast(Any, PreTrainedTokenizerFast)(tokenizer_file=str(GEMMA_FILE), **special)
