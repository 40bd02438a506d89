"""Write what is read and what is refused into `docs/concepts/tokenizers.md`, between two marks.

PYTHONPATH=. python scripts/make_tokenizer_lists.py

The lists are found by asking the readers: a small file for each part and option of a format.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scripts.page_block import with_block
from tokkit.errors import TokkitError
from tokkit.text.formats.byte_alphabet import BYTE_OF_CHAR
from tokkit.text.formats.gguf.pretokenizers import GGUF_PRETOKENIZERS
from tokkit.text.formats.gguf.tokenizer import GGUF_MODELS
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.formats.patterns import TIKTOKEN
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.regex.syntax import parse
from tokkit.text.tokenizer import TextTokenizer

Node = dict[str, Any]

PAGE = Path(__file__).parents[1] / "docs" / "concepts" / "tokenizers.md"
START = "<!-- lists: written by `python scripts/make_tokenizer_lists.py` -->\n"
END = "<!-- end of lists -->"

BYTE_LEVEL: Node = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
METASPACE: Node = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}
MARK_SPACES: Node = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}

NORMALIZERS: dict[str, Node] = {
    **{f"`{kind}`": {"type": kind} for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase")},
    **{f"`{kind}`": {"type": kind} for kind in ("StripAccents", "Nmt", "Strip", "ByteLevel")},
    "`BertNormalizer`": {"type": "BertNormalizer"},
    "`Replace` of a string": {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
    "`Replace` of a pattern": {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
    "`Prepend`": {"type": "Prepend", "prepend": "x"},
    "`Prepend` with `Replace` of spaces by `▁`": {
        "type": "Sequence",
        "normalizers": [{"type": "Prepend", "prepend": "▁"}, MARK_SPACES],
    },
    "`Precompiled`": {"type": "Precompiled", "precompiled_charsmap": None},
    "`Sequence`": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
}
PRETOKENIZERS: dict[str, Node] = {
    "`ByteLevel`": BYTE_LEVEL,
    "`ByteLevel` with `add_prefix_space`": {**BYTE_LEVEL, "add_prefix_space": True},
    "`Metaspace`, never": METASPACE,
    "`Metaspace`, first": {**METASPACE, "prepend_scheme": "first"},
    "`Metaspace`, always": {**METASPACE, "prepend_scheme": "always"},
    "`Whitespace`": {"type": "Whitespace"},
    "`WhitespaceSplit`": {"type": "WhitespaceSplit"},
    "`BertPreTokenizer`": {"type": "BertPreTokenizer"},
    "`Digits`": {"type": "Digits", "individual_digits": True},
    "`Punctuation`": {"type": "Punctuation", "behavior": "Isolated"},
    "`Split` at a string": {"type": "Split", "pattern": {"String": "-"}, "behavior": "Isolated"},
    "`Split` at a pattern": {"type": "Split", "pattern": {"Regex": r"\s+"}, "behavior": "Removed"},
    "`CharDelimiterSplit`": {"type": "CharDelimiterSplit", "delimiter": "-"},
    "`UnicodeScripts`": {"type": "UnicodeScripts"},
    "`FixedLength`": {"type": "FixedLength", "length": 5},
}
BPE: Node = {
    "type": "BPE",
    "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3},
    "merges": [["a", "b"]],
}
BYTE_TOKENS = {f"<0x{byte:02X}>": 4 + byte for byte in range(256)}
MODELS: dict[str, Node] = {
    "BPE": BPE,
    "BPE with `unk_token` and `fuse_unk`": {**BPE, "unk_token": "<unk>", "fuse_unk": True},
    "BPE with `byte_fallback`": {
        **BPE,
        "byte_fallback": True,
        "vocab": {**BPE["vocab"], **BYTE_TOKENS, "▁": 260},
    },
    "BPE with `ignore_merges`": {**BPE, "ignore_merges": True},
    "BPE with `end_of_word_suffix`": {
        **BPE,
        "end_of_word_suffix": "</w>",
        "vocab": {"a": 0, "b</w>": 1, "ab</w>": 2},
        "merges": [["a", "b</w>"]],
    },
    "BPE with `continuing_subword_prefix`": {
        **BPE,
        "continuing_subword_prefix": "##",
        "vocab": {"a": 0, "##b": 1, "ab": 2},
        "merges": [["a", "##b"]],
    },
    "BPE with `dropout`": {**BPE, "dropout": 0.1},
    "Unigram": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]]},
    "WordPiece": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1}},
    "WordLevel": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1}},
}
FLAGS = ("special", "normalized", "lstrip", "rstrip", "single_word")
PROCESSORS: dict[str, Node] = {
    "`ByteLevel`": {"type": "ByteLevel"},
    "`BertProcessing`": {"type": "BertProcessing", "sep": ["a", 0], "cls": ["a", 0]},
    "`RobertaProcessing`": {"type": "RobertaProcessing", "sep": ["a", 0], "cls": ["a", 0]},
    "`TemplateProcessing`": {"type": "TemplateProcessing", "single": [], "special_tokens": {}},
    "`Sequence`": {"type": "Sequence", "processors": []},
}
PATTERNS: dict[str, str] = {
    "classes, properties, scripts": r"[a-z&&[^b]]|\p{Lu}|\p{Han}|\P{N}|[[:alpha:]]|\p{Emoji}",
    "`\\w \\d \\s \\h \\R`": r"\w\d\s\h\R",
    "anchors `^ $ \\A \\z \\b \\B`": r"^a|a$|\Aa|a\z|\ba|\Ba",
    "lookahead": r"a(?=bc+)|a(?!bc+)",
    "lookbehind": r"(?<=ab)c|(?<!ab)c",
    "lazy repetition": r"a*?b",
    "possessive repetition": r"a++b",
    "atomic groups": r"(?>a|ab)b",
    "flags `(?i) (?m)`": r"(?i:a)(?m:.)",
    "extended flag `(?x)`": r"(?x: a b )",
    "backreferences": r"(a)\1",
    "grapheme clusters `\\X`": r"\X",
    "conditions": r"(a)?(?(1)b|c)",
    "`\\K`": r"a\Kb",
}
SENTENCEPIECE: dict[str, Node] = {
    "BPE": {"model_type": "bpe"},
    "BPE with `byte_fallback`": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 290},
    "UNIGRAM": {"model_type": "unigram"},
    "UNIGRAM with user-defined symbols": {"model_type": "unigram", "user_defined_symbols": "<t>"},
    "CHAR": {"model_type": "char"},
    "WORD": {"model_type": "word"},
    "`treat_whitespace_as_suffix`": {"model_type": "bpe", "treat_whitespace_as_suffix": True},
    "`nmt_nfkc_cf`": {"model_type": "bpe", "normalization_rule_name": "nmt_nfkc_cf"},
    "no dummy prefix": {"model_type": "bpe", "add_dummy_prefix": False},
    "white space kept": {"model_type": "bpe", "remove_extra_whitespaces": False},
}


def refusal(read: Callable[[], object]) -> str:
    """Why something is refused, or "" if it is read."""
    try:
        read()
    except TokkitError as error:
        # "it: ..." for a file, "the pretokenizer pattern ... uses ..., which ..." for a pattern.
        why = str(error).removeprefix("it: ").split("; ")[0]
        return why.partition(" uses ")[2].partition(" at position")[0] or why
    return ""


def document(**parts: Any) -> Node:
    """A small tokenizer.json."""
    return {"added_tokens": [], "model": BPE, **parts}


def byte_level_document(**parts: Any) -> Node:
    """A small tokenizer.json whose vocabulary is the byte alphabet."""
    model: Node = {**BPE, "vocab": {char: i for i, char in enumerate(BYTE_OF_CHAR)}, "merges": []}
    return {"added_tokens": [], "model": model, **parts}


def of_document(node: Node) -> Callable[[], object]:
    """Read a tokenizer.json, and compile it."""
    return lambda: TextTokenizer(read_hf_json(node, "it"))


def of_sentencepiece(options: Node) -> Callable[[], object]:
    """Train a small model with `options`, and read it."""
    trainer: Any = importlib.import_module("sentencepiece").SentencePieceTrainer
    model: Any = io.BytesIO()
    trainer.train(
        sentence_iterator=iter(["ab abc b", "a bc ab"] * 5),
        model_writer=model,
        hard_vocab_limit=False,
        minloglevel=2,
        **{"vocab_size": 10, "normalization_rule_name": "identity", **options},
    )
    return lambda: TextTokenizer(read_sentencepiece(model.getvalue(), "it"))


def listed(title: str, answers: Iterable[tuple[str, str]]) -> str:
    """A paragraph of what is read, and a list of what is refused and why."""
    answers = list(answers)
    read = ", ".join(name for name, why in answers if not why)
    refused = "".join(f"- not read: {name} ({why})\n" for name, why in answers if why)
    return f"**{title}**: {read}.\n" + (f"\n{refused}" if refused else "")


def pretokenizer_table() -> str:
    """Which pretokenizers are read alone, after spaces became `▁`, and after ByteLevel."""
    lines = ["| pretokenizer | alone | after Metaspace | after ByteLevel |\n|---|---|---|---|\n"]
    for name, node in PRETOKENIZERS.items():
        byte_level = node["type"] == "ByteLevel"
        alone = (byte_level_document if byte_level else document)(pre_tokenizer=node)
        marked = document(pre_tokenizer=_sequence(METASPACE, node))
        after = byte_level_document(pre_tokenizer=_sequence(BYTE_LEVEL, node))
        answers = [refusal(of_document(case)) for case in (alone, marked, after)]
        cells = ["refused" if why else "read" for why in answers]
        lines.append(f"| {name} | {' | '.join(cells)} |\n")
    return "".join(lines)


def _sequence(*stages: Node) -> Node:
    return {"type": "Sequence", "pretokenizers": list(stages)}


def lists() -> str:
    """All of what is written between the marks."""
    token = {"id": 4, "content": "<t>"}
    flagged = {f"`{flag}`": document(added_tokens=[{**token, flag: True}]) for flag in FLAGS}
    normalizers = {
        name: (byte_level_document if name == "`ByteLevel`" else document)(normalizer=node)
        for name, node in NORMALIZERS.items()
    }
    models = {name: document(model=node) for name, node in MODELS.items()}
    processors = {name: document(post_processor=node) for name, node in PROCESSORS.items()}
    parts = [
        "### tokenizer.json\n",
        *(
            listed(title, ((name, refusal(of_document(case))) for name, case in cases.items()))
            for title, cases in (
                ("Normalizers", normalizers),
                ("Models", models),
                ("Flags of added tokens", flagged),
                ("Post-processors (for BOS and EOS)", processors),
            )
        ),
        pretokenizer_table(),
        "### Patterns\n",
        listed("In a `Split`, and in the tables of other formats", (
            (name, refusal(lambda pattern=pattern: parse(pattern, "oniguruma")))
            for name, pattern in PATTERNS.items()
        )),
        "### SentencePiece, GGUF, tiktoken\n",
        listed("SentencePiece", (
            (name, refusal(of_sentencepiece(options))) for name, options in SENTENCEPIECE.items()
        )),
        listed("`tokenizer.ggml.model`", ((f"`{name}`", "") for name in GGUF_MODELS)),
        listed("`tokenizer.ggml.pre`", ((f"`{name}`", "") for name in sorted(GGUF_PRETOKENIZERS))),
        listed("tiktoken encodings", ((f"`{name}`", "") for name in TIKTOKEN)),
    ]  # fmt: skip
    return "\n" + "\n".join(parts)


def with_lists(page: str) -> str:
    """The page with the lists of today."""
    return with_block(page, START, END, lists())


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_lists(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
