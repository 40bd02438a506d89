"""How long does an audit of a real tokenizer take, part by part?

CPU-seconds of this process, without the tokenizer's own library (which runs in another one), and
the size of the page. The files are those of `benchmarks/fetch/real_tokenizers.py`.

    python -m benchmarks.audit.speed [NAME ...]
"""

from __future__ import annotations

import sys
from time import process_time

from benchmarks.fetch.real_tokenizers import DEFAULT_FOLDER
from benchmarks.shared.machine import describe_run
from tokkit.audit.auditing import audit
from tokkit.audit.options import AuditOptions

NAMES = (
    "tiktoken/r50k_base.tiktoken", "tiktoken/cl100k_base.tiktoken", "llama3", "qwen3",
    "tiktoken/o200k_base.tiktoken", "gemma3", "mistral/tokenizer.model.v1",
)  # fmt: skip
PARTS = {
    "loading": "loading",
    "examining the vocabulary": "vocabulary",
    "measuring texts": "text",
    "looking for trouble": "safety",
}


def main() -> None:
    """Audit each, and print the table."""
    audit(DEFAULT_FOLDER / NAMES[0], options=AuditOptions(reference=False))  # compiles the kernels
    describe_run("tokenizers", "numba", "numpy")
    print(f"\n| tokenizer | ids | {' | '.join(PARTS.values())} | all, CPU-s | page, MB |")
    print("|---" * (len(PARTS) + 4) + "|")
    for name in sys.argv[1:] or NAMES:
        marks: list[tuple[str, float]] = []
        report = audit(
            DEFAULT_FOLDER / name,
            options=AuditOptions(reference=False),
            progress=lambda part, marks=marks: marks.append((part, process_time())),
        )
        ends = [*(at for _, at in marks[1:]), process_time()]
        seconds = {
            PARTS[part]: end - at for (part, at), end in zip(marks, ends, strict=True)
        }  # fmt: skip
        size = len(report.to_html().encode()) / 1e6
        cells = " | ".join(f"{seconds[part]:.1f}" for part in PARTS.values())
        total = sum(seconds.values())
        ids = report.subject.tokenizer.vocab_size
        print(f"| {name} | {ids:,} | {cells} | {total:.1f} | {size:.2f} |", flush=True)


if __name__ == "__main__":
    main()
