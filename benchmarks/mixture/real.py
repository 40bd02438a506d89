"""What do the merges of real tokenizers say about their training data?

Infers the mixture of well-known tokenizers from the samples of `fetch/mixture_samples.py` (English
in several registers, other languages, code), sums it up to English, code and other languages, and
puts it beside what Hayase et al. inferred ("Data Mixture Inference", NeurIPS 2024, section 5).
Neither is the truth. Needs the vocabularies of `fetch/real_tokenizers.py`; what is missing is
skipped.

    python -m benchmarks.fetch.real_tokenizers
    python -m benchmarks.fetch.mixture_samples --corpus FOLDER
    python -m benchmarks.mixture.real --write-docs [--again] [--only NAME ...]

Counts of files are kept in `.cache`, so that `--again` repeats replay and estimate only.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fetch import mixture_samples, real_tokenizers
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import CACHE, ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from tokkit.mixture.inference import CountingOptions, infer_mixture
from tokkit.mixture.result import MixtureResult
from tokkit.text.tokenizer import load_tokenizer

PAGE = ROOT / "docs" / "mixture-real.md"
COUNTS = CACHE / "mixture-counts"
GROUPS = {"English": ["English *"], "code": ["code *"], "other": ["language *"]}
N_TOP = 8


@dataclass(frozen=True)
class Target:
    """A tokenizer to look into.

    Attributes:
        name: as people call it.
        path: under the folder of `fetch/real_tokenizers.py`.
        published: inferred percentages of English, code and other languages, if there are any.
        inherits: the path of a tokenizer that this one may build upon.
    """

    name: str
    path: str
    published: tuple[int, int, int] | None = None
    inherits: str | None = None


_CL100K = "tiktoken/cl100k_base.tiktoken"
TARGETS = (
    Target("GPT-2", "tiktoken/r50k_base.tiktoken", (99, 1, 0)),
    Target("GPT-3.5 (cl100k)", _CL100K, (34, 63, 3)),
    Target("GPT-4o (o200k)", "tiktoken/o200k_base.tiktoken", (28, 33, 39)),
    Target("Claude", "claude/tokenizer.json", (39, 57, 4)),
    Target("Llama 3", "llama3/tokenizer.json", (21, 30, 48), inherits=_CL100K),
    Target("Qwen 3", "qwen3/tokenizer.json", inherits=_CL100K),
    Target("DeepSeek V3", "deepseek_v3/tokenizer.json"),
    Target("Command R+", "command_r_plus/tokenizer.json"),
    Target("Mistral NeMo (tekken)", "mistral/tekken_240718.json", (35, 18, 47)),
    Target("Mistral 7B", "mistral/tokenizer.model.v1", (58, 26, 17)),
    Target("Gemma 3", "gemma3/tokenizer.json"),
)


def infer(target: Target, folder: Path, samples: Path) -> MixtureResult:
    """The mixture of one tokenizer."""
    inherits = [] if target.inherits is None else [load_tokenizer(folder / target.inherits)]
    categories = {path.name: path for path in sorted(samples.iterdir()) if path.name[0] != "."}
    return infer_mixture(
        folder / target.path,
        categories,
        inherits=inherits,
        counting=CountingOptions(cache=COUNTS),
    ).with_groups(GROUPS)


def as_record(result: MixtureResult, seconds: float) -> Record:
    """What the tables show of a result."""
    return {
        "groups": {
            name: [group.share, *(group.interval or ())] for name, group in result.groups.items()
        },
        "top": {name: result.proportions[name] for name in result.ranked()[:N_TOP]},
        "ruled out": sum(result.proportions[name] for name in result.ruled_out),
        "fits": result.fits,
        "untold": len(result.untold),
        "inherited": 0 if result.inherited is None else result.inherited.n_merges,
        "merges": result.n_merges,
        "unsupported": result.unsupported,
        "unexplained": result.unexplained,
        "misfit": result.misfit,
        "status": result.status,
        "verdict": result.trust()[0],
        "seconds": seconds,
    }


def summary(records: Records) -> str:
    """The tables."""
    published = {target.name: target.published for target in TARGETS}
    head = ["tokenizer", "merges", "English", "code", "other", "published E / c / o"]
    head += ["not told of", "ruled out", "unsupported", "unexplained", "misfit", "CPU s"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    tops = ["| tokenizer | largest categories, percent | verdict |", "|---|---|---|"]
    for record in records:
        name = record["key"]
        first, n = record["inherited"], record["merges"]
        cells = [name, f"{first + 1:,} to {first + n:,}"]
        for share, *ends in record["groups"].values():
            between = f" ({100 * ends[0]:.0f} to {100 * ends[1]:.0f})" if ends else ""
            cells.append(f"**{100 * share:.0f}**{between}" if record["fits"] else "none fits")
        others = published[name]
        cells.append("-" if others is None else " / ".join(map(str, others)))
        cells.append(str(record["untold"]))
        cells += [f"{record[key]:.1%}" for key in ("ruled out", "unsupported", "unexplained")]
        cells += [f"{record['misfit']:.2f}", f"{record['seconds']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
        top = ", ".join(f"{each} {100 * share:.1f}" for each, share in record["top"].items())
        tops.append(f"| {name} | {top if record['fits'] else '-'} | {record['verdict']} |")
    tables = "\n".join(lines) + "\n\n" + "\n".join(tops)
    return f"```text\n{records.header}\n```\n\n{tables}"


def main() -> int:
    """Infer what is missing, and print the tables; 1 if a tokenizer was skipped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokenizers", type=Path, default=real_tokenizers.DEFAULT_FOLDER)
    parser.add_argument("--samples", type=Path, default=mixture_samples.DEFAULT_FOLDER)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="as in the table")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--records", type=Path, default=FOLDER / "mixture-real.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    if not options.samples.is_dir():
        raise SystemExit(
            f"{options.samples} is missing; run python -m benchmarks.fetch.mixture_samples"
        )
    files = [path for path in options.samples.glob("[!.]*/*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in files)
    settings = {"categories": len({path.parent for path in files}), "sample bytes": n_bytes}
    if options.again:
        options.records.unlink(missing_ok=True)
    header = run_description("numpy", "scipy")
    header += f"\nsamples: {settings['categories']} categories, {n_bytes / 1e6:.0f} MB"
    records = Records(options.records, settings, header)
    skipped = False
    for target in TARGETS:
        if target.name in records or (options.only and target.name not in options.only):
            continue
        if not (options.tokenizers / target.path).exists():
            print(f"{target.name}: skipped, {target.path} is missing", file=sys.stderr)
            skipped = True
            continue
        start = time.process_time()
        result = infer(target, options.tokenizers, options.samples)
        records.add(target.name, as_record(result, time.process_time() - start))
        print(f"== {target.name}\n{result}\n", *result.warnings, *result.trust(), sep="\n")
        sys.stdout.flush()
    text = summary(records)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "mixture-real", text)
    return int(skipped)


if __name__ == "__main__":
    sys.exit(main())
