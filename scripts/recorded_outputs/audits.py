"""Audits and differences of tokenizers, in every form that they are written down in.

Small ones through the library; packaged ones through the command, which writes all forms at once.
Reports hold no times, dates or paths, so that nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scripts.recorded_outputs.commands import Command, run_command
from scripts.recorded_outputs.inputs import MODEL, PARALLEL, REAL, SAMPLES, TEXTS, drawn_text
from scripts.recorded_outputs.recording import Recording
from scripts.recorded_outputs.toy_tokenizers import TOY_SOURCES

if TYPE_CHECKING:
    import tokkit

AUDITED = ("bpe like llama3", "sentencepiece unigram", "wordpiece", "ranks")
WITH_REAL = ("llama3/tokenizer.json",)
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|endoftext|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def record_toys(recording: Recording) -> None:
    """Small tokenizers of several families; one with all that an audit may be given."""
    import tokkit

    for name in AUDITED:
        if f"tokenizers/toys/{name}" in recording.skipped:
            continue
        toy = TOY_SOURCES[name]
        source: Any = toy.path
        if "pattern" in toy.options:
            source = tokkit.load_tokenizer(toy.path, **toy.options)
        recording.measure(f"audits/toys/{name}", _forms, source, tokkit.AuditOptions())
    texts = {name: drawn_text(language, 240, seed=5).splitlines() for name, language in (
        ("eng", "north"), ("deu", "south"), ("rus", "east"))}  # fmt: skip
    corpora = {path.stem: path for path in sorted(SAMPLES.iterdir())}
    options = tokkit.AuditOptions(
        texts=texts, corpora=corpora, chat_template=TEMPLATE, reference=False
    )
    path = TOY_SOURCES["mixture"].path
    recording.measure("audits/toys/all options", _forms, path, options)
    weights = tokkit.AuditOptions(embeddings=MODEL, reference=False)
    recording.measure("audits/toys/embeddings", _forms, TOY_SOURCES["bpe"].path, weights)
    signals = tokkit.AuditOptions(
        signals=[k / 97 for k in range(97)], distortion=lambda one, other: abs(one - other)
    )
    recording.measure("audits/toys/signals", _forms, _quantizer(), signals)
    recording.measure("audits/toys/bad", _forms, TEXTS / "english.txt", options)


def _forms(source: Any, options: tokkit.AuditOptions) -> dict[str, object]:
    import tokkit

    report = tokkit.audit_tokenizer(source, options=options)
    return {"json": report.to_json(), "html": report.to_html(), "terminal": str(report)}


def _quantizer() -> Any:
    """A tokenizer of another modality: numbers below 1 as binary digits."""
    import tokkit

    base = next(each for each in tokkit.TextTokenizer.__mro__ if each.__name__ == "Tokenizer")

    def encode(_: object, x: float, /, *, budget: int | None = None) -> list[int]:
        return [int(x * 2**k) % 2 for k in range(1, min(8, budget or 8) + 1)]

    def decode(_: object, ids: Sequence[int]) -> float:
        return sum(digit / 2 ** (k + 1) for k, digit in enumerate(ids)) + 0.5 / 2 ** len(ids)

    members = {"modality": "speech", "vocab_size": 2, "encode": encode, "decode": decode}
    return type("Quantizer", (base,), {**members, "save": None, "load": None})()


def record_command(recording: Recording, name: str, source: str) -> None:
    """A tokenizer by the command: report, page, code scanning, tests, terminal."""
    files = ("a.json", "a.html", "a.sarif", "a.xml", "base.json")
    arguments = ["audit", source, "--json", "a.json", "--html", "a.html"]
    arguments += ["--sarif", "a.sarif", "--junit", "a.xml"]
    run_command(recording, f"audits/{name}", Command(tuple(arguments), files=files, plain=True))


def record_diffs(recording: Recording) -> None:
    """Differences of small tokenizers of one family, and of two families."""
    bpe, llama = (str(TOY_SOURCES[name].path) for name in ("bpe", "bpe like llama3"))
    pairs = {
        "two BPE": (bpe, llama),
        "the same": (bpe, bpe),
        "two families": (llama, str(TOY_SOURCES["wordpiece"].path)),
    }
    for title, (before, after) in pairs.items():
        outputs = ("--json", "d.json", "--html", "d.html", "--exit-code")
        command = ("diff", before, after, "--texts", str(PARALLEL), *outputs)
        run_command(
            recording,
            f"diffs/{title}",
            Command(command, files=("d.json", "d.html"), plain=True),
        )


def real_audits() -> dict[str, str]:
    """Name -> path of real tokenizers that are audited, where they have been fetched."""
    return {f"real/{name}": str(REAL / name) for name in WITH_REAL if (REAL / name).is_file()}
