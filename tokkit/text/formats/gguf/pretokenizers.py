r"""Pretokenizers that GGUF files only name: `tokenizer.ggml.pre`.

The patterns are those of the original tokenizers, which the names stand for. llama.cpp rewrites
some of them for its own regex engine; where the two are known to differ, the original is what the
model was trained with. (It spells out `(?i:...)` in ASCII, leaves a last `|\s+` to the gaps, and
puts letters for the classes of `O200K`.)
"""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.errors import UnsupportedError
from tokkit.text.formats.patterns import CL100K, GPT2, KIMI, O200K, QWEN2, TEKKEN, cl100k
from tokkit.text.spec import SplitRule

# The cased letters of an older Unicode; the tokenizer's own list.
_DEEPSEEK_LETTERS = """
0041-005A 0061-007A 00B5 00C0-00D6 00D8-00F6 00F8-01BA 01BC-01BF 01C4-0293 0295-02AF 0370-0373
0376 0377 037B-037D 037F 0386 0388-038A 038C 038E-03A1 03A3-03F5 03F7-0481 048A-052F 0531-0556
10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15
1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE
1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115
2119-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B
2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF
FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2
10CC0-10CF2 118A0-118DF 1E900-1E943
"""


def _class(code_points: str) -> str:
    """Ranges of hexadecimal code points as the inside of a class."""
    ends = (entry.split("-") for entry in code_points.split())
    return "".join("-".join(rf"\x{{{end}}}" for end in pair) for pair in ends)


_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
_DEEPSEEK_LLM = (
    r"[\r\n]",
    rf"\s?[{_class(_DEEPSEEK_LETTERS)}]+",
    "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
    r"\s+$",
    _CJK,
    r"\p{N}+",
)
_DEEPSEEK_CODER = (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _CJK, r"\p{N}")
_DIGITS = r"\p{N}{1,3}"
_CJK_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
_DEEPSEEK_WORDS = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
)
_DEEPSEEK_V3 = (
    _DIGITS,
    _CJK_KANA,
    _DEEPSEEK_WORDS + r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
_SPARK = (
    _DIGITS,
    _CJK_KANA,
    _DEEPSEEK_WORDS + r"| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+",
    r"\p{N}",
)
_YOUTU = (
    (
        "[\uac00-\ud7a3\u3131-\u318e]+"
        "|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+"
        "|[\u3105-\u312f]+|" + _CJK_KANA
    ),
    O200K.replace(r"\p{N}{1,3}", r"\p{N}"),
)
_FALCON = (r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]")
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]")
_DIGITS_GPT2 = (r"\p{N}", GPT2)
_BLOOM = (r" ?[^(\s|[.,!?…。，、।۔،])]+",)
_QWEN35 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_BAILING = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"
    r"|\s+(?!\S)|\s+"
)
_SEED = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_EXAONE_MOE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"
)
_JAIS2 = (
    CL100K.removesuffix(r"\s+(?!\S)|\s+")
    + "".join(
        rf"\s{{{n}}}(?!\S)|" for n in ("512", "256", "128", "64", "32", "16", "8", "4", "1,2")
    )
    + r"\s{1}"
)
_UFAKZEKA = QWEN2.removeprefix("(?i:'s|'t|'re|'ve|'m|'ll|'d)|")
_CHAMELEON = (
    "<sentinel:[0-9]+>",
    "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
    r"([\t\n]|    |  )",
    r"\p{N}",
    r"[\p{P}!-/:-@\[-`{-~]",
    GPT2,
)


@dataclass(frozen=True)
class NamedPretokenizer:
    """What a `tokenizer.ggml.pre` name stands for.

    Attributes:
        patterns: cuts, in order, each isolated.
        ignore_merges: a whole piece that is a token is that token.
        adds_bos: BOS is put before a text unless the file says otherwise.
        nfc: the original tokenizer normalises to NFC, which GGUF does not record.
    """

    patterns: tuple[str, ...]
    ignore_merges: bool = False
    adds_bos: bool = False
    nfc: bool = False

    @property
    def splits(self) -> tuple[SplitRule, ...]:
        """The cuts as rules."""
        return tuple(SplitRule(pattern) for pattern in self.patterns)


_LLAMA3 = NamedPretokenizer((CL100K,), ignore_merges=True, adds_bos=True)
_QWEN2 = NamedPretokenizer((QWEN2,), nfc=True)
_GPT2 = NamedPretokenizer((GPT2,))
_KINDS: tuple[tuple[str, NamedPretokenizer], ...] = (
    ("default", NamedPretokenizer(_DEFAULT)),
    (
        "gpt-2 mpt olmo jais phi-2 roberta-bpe exaone4 granite-docling trillion gigachat a.x-4.0",
        _GPT2,
    ),
    ("mellum jina-v1-en jina-v2-code jina-v2-es jina-v2-de jina-es jina-de", _GPT2),
    ("modern-bert", NamedPretokenizer((GPT2,), nfc=True)),
    ("llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano", _LLAMA3),
    ("dbrx smaug-bpe chatglm-bpe glm4", NamedPretokenizer((CL100K,))),
    ("qwen2 deepseek-r1-qwen", _QWEN2),
    ("stablelm2 grok-2 hunyuan solar-open megrez kormo f2llmv2", NamedPretokenizer((QWEN2,))),
    ("qwen35", NamedPretokenizer((_QWEN35,), nfc=True)),
    ("gpt-4o llama4 minimax-m2 kanana2 talkie", NamedPretokenizer((O200K,))),
    ("granite-embed-multi-97m", NamedPretokenizer((O200K,), ignore_merges=True)),
    ("tekken", NamedPretokenizer((TEKKEN,), ignore_merges=True, adds_bos=True)),
    ("kimi-k2", NamedPretokenizer((KIMI,), ignore_merges=True)),
    ("deepseek-llm", NamedPretokenizer(_DEEPSEEK_LLM)),
    ("deepseek-coder", NamedPretokenizer(_DEEPSEEK_CODER)),
    ("deepseek-v3 hunyuan-dense joyai-llm hy_v4", NamedPretokenizer(_DEEPSEEK_V3)),
    ("spark2_5", NamedPretokenizer(_SPARK)),
    ("youtu", NamedPretokenizer(_YOUTU, ignore_merges=True)),
    ("falcon", NamedPretokenizer(_FALCON)),
    (
        "starcoder refact smollm codeshell exaone minerva-7b mellum2",
        NamedPretokenizer(_DIGITS_GPT2),
    ),
    ("command-r", NamedPretokenizer(_DIGITS_GPT2, nfc=True)),
    ("bloom poro-chat gpt3-finnish", NamedPretokenizer(_BLOOM)),
    ("viking", NamedPretokenizer((*_BLOOM, r"\p{N}"))),
    ("bailingmoe bailingmoe2 llada-moe", NamedPretokenizer((_BAILING,))),
    ("seed-coder", NamedPretokenizer((_SEED,))),
    ("superbpe", NamedPretokenizer((r"\p{N}+", r"(?=(\d{3})+(?!\d))"))),
    ("exaone-moe", NamedPretokenizer((_EXAONE_MOE,))),
    ("jais-2", NamedPretokenizer((_JAIS2,))),
    ("tiny_aya cohere2moe", NamedPretokenizer((r"\d{1,3}(?=(?:\d{3})*\b)", O200K))),
    ("chameleon", NamedPretokenizer(_CHAMELEON, adds_bos=True)),
    ("laguna", NamedPretokenizer((r"[^\n]+|[\n]+", QWEN2))),
    ("minicpm5", NamedPretokenizer((_DIGITS, cl100k(r"\p{N}+")), ignore_merges=True)),
    ("ufakzeka", NamedPretokenizer((_UFAKZEKA,))),
)
GGUF_PRETOKENIZERS = {name: kind for names, kind in _KINDS for name in names.split()}
"""By name."""


def gguf_pretokenizer(name: str, where: str) -> NamedPretokenizer:
    """The pretokenizer that `tokenizer.ggml.pre` names.

    Raises:
        UnsupportedError: an unknown name; guessing would silently cut text in other places.
    """
    try:
        return GGUF_PRETOKENIZERS[name]
    except KeyError:
        raise UnsupportedError(
            f"{where}: tokenizer.ggml.pre is {name[:80]!r}, which tokkit does not know; it knows "
            f"{', '.join(GGUF_PRETOKENIZERS)}. Load the original model's tokenizer.json instead"
        ) from None
