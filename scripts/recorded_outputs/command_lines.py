"""The command lines that are recorded, by group; each group is one job."""

from __future__ import annotations

from scripts.recorded_outputs.commands import Command, run_command
from scripts.recorded_outputs.inputs import MODEL, PARALLEL, SAMPLES, TEXTS
from scripts.recorded_outputs.recording import Recording
from scripts.recorded_outputs.toy_tokenizers import TOY_SOURCES

BPE = str(TOY_SOURCES["bpe"].path)
LLAMA = str(TOY_SOURCES["bpe like llama3"].path)
WORDPIECE = str(TOY_SOURCES["wordpiece"].path)
OF_MIXTURE = str(TOY_SOURCES["mixture"].path)
LM = str(MODEL)
ENGLISH = str(TEXTS / "english.txt")
PROMPT = ("--prompt", "def area(r):\n    retu")
DRAW = ("--max-bytes", "12", "--seed", "3")


def _line(*arguments: str, **options: object) -> Command:
    return Command(arguments, **options)  # pyright: ignore[reportArgumentType]


TOKENIZE: dict[str, Command] = {
    "json": _line("tokenize", BPE, "--text", "The déjà vu, it's 12345", "--json"),
    "encode": _line("encode", BPE, "--file", ENGLISH, "--json"),
    "stdin": _line("tokenize", LLAMA, "--json", stdin=b"the \xff <tool> x<s>\n\n"),
    "specials": _line("tokenize", LLAMA, "--json", "--specials", "--text", "the <tool> x<s>\n\n"),
    "unknown": _line("tokenize", WORDPIECE, "--unk", "use", "--json", "--text", "the \u0378 b"),
    "plain": _line("tokenize", BPE, "--text", "The déjà vu", plain=True),
    "plain unknown": _line(
        "tokenize", WORDPIECE, "--unk", "use", "--text", "the \u0378", plain=True
    ),
    "lost": _line("tokenize", WORDPIECE, "--text", "the \u0378 b"),
    "empty": _line("tokenize", BPE, "--json", "--text", ""),
    "no tokenizer": _line("tokenize", ENGLISH, "--text", "a"),
    "no file": _line("tokenize", "missing.json", "--text", "a", usage=True),
    "no text file": _line("tokenize", BPE, "--file", "missing.txt", usage=True),
    "two texts": _line("tokenize", BPE, "--file", ENGLISH, "--text", "a", usage=True),
    "bad choice": _line("tokenize", BPE, "--unk", "drop", "--text", "a", usage=True),
}

GENERAL: dict[str, Command] = {
    "version": _line("--version"),
    "help": _line("--help", plain=True),
    **{
        f"help of {name}": _line(name, "--help", plain=True)
        for name in ("complete", "ensemble", "score", "tokenize", "mixture", "audit", "diff")
    },
    "no command": _line(usage=True),
    "unknown command": _line("tokenise", usage=True),
    "unknown option": _line("tokenize", BPE, "--txt", "a", usage=True),
}

MODEL_LINES: dict[str, Command] = {
    "complete": _line("complete", LM, *PROMPT, *DRAW, "--json"),
    "complete/stdin": _line("complete", LM, *DRAW, "--json", "--utf8", stdin=b"\xe6\x97"),
    "complete/filtered": _line(
        *("complete", LM, *PROMPT, *DRAW, "--json", "--temperature", "0.7", "--top-k", "9"),
        *("--top-p", "0.9", "--min-p", "0.01", "--stop", "x", "--no-repeat-ngram", "4"),
        *("--repetition-penalty", "0.3", "--repetition-length", "2"),
    ),
    "complete/tokens": _line("complete", LM, *PROMPT, *DRAW, "--json", "--unit", "token"),
    "complete/beams": _line(
        "complete", LM, *PROMPT, "--max-bytes", "4", "--beams", "2", "--json", "--stop", "n"
    ),
    "complete/gap": _line(
        "complete", LM, *PROMPT, *DRAW, "--suffix", "n r\n", "--heal", "both", "--json"
    ),
    "complete/pattern": _line("complete", LM, *PROMPT, *DRAW, "--pattern", "[a-c]{3}", "--json"),
    "complete/plain": _line("complete", LM, *PROMPT, *DRAW, plain=True),
    "complete/beams/plain": _line(
        "complete", LM, *PROMPT, "--max-bytes", "4", "--beams", "2", plain=True
    ),
    "score": _line("score", LM, "--file", ENGLISH, "--json"),
    "score/windows": _line("score", LM, LM, "--file", ENGLISH, "--window", "90", "--json"),
    "score/all": _line(
        "score", LM, "--text", "The cat sat", "--encodings", "all", "--beam", "3", "--json"
    ),
    "score/plain": _line("score", LM, "--text", "The cat sat", plain=True),
    "ensemble": _line(
        *("ensemble", LM, LM, *PROMPT, *DRAW, "--combine", "product", "--weights", "1,3"),
        "--json",
    ),
    "ensemble/plain": _line("ensemble", LM, LM, *PROMPT, *DRAW, plain=True),
    "bad/empty": _line("score", LM, "--text", ""),
    "bad/beam": _line("score", LM, "--text", "a", "--beam", "3"),
    "bad/stride": _line("score", LM, "--text", "a", "--window", "4", "--stride", "9"),
    "bad/weights": _line("ensemble", LM, LM, *PROMPT, "--weights", "1,2,3"),
    "bad/beams and seed": _line("complete", LM, *PROMPT, "--beams", "2", "--seed", "1"),
    "bad/length penalty": _line("complete", LM, *PROMPT, "--length-penalty", "1"),
    "bad/no model": _line("complete", "parallel", *PROMPT),
    "bad/tokenizer only": _line("score", BPE, "--text", "a"),
    "bad/unknown model": _line("score", "smollm3", "--text", "a", usage=True),
    "bad/temperature": _line("complete", LM, *PROMPT, "--temperature", "-1", usage=True),
    "bad/pattern": _line("complete", LM, *PROMPT, "--pattern", "(", usage=True),
    "bad/format": _line("complete", LM, *PROMPT, "--suffix", "a", "--fim", "no", usage=True),
}

PACKAGED_LINES: dict[str, dict[str, Command]] = {
    "smollm2": {
        "score": _line("score", "smollm2", "--file", ENGLISH, "--json"),
        "tokenize": _line("tokenize", "smollm2", "--text", "a b <|im_end|>", "--json"),
    },
    "gemma3": {"tokenize": _line("tokenize", "gemma3", "--text", "a b <bos>", "--json")},
}

MIXTURE: dict[str, Command] = {
    "json": _line(
        *("mixture", OF_MIXTURE, str(SAMPLES), "--json", "--html", "m.html"),
        *("--group", "latin=north,south", "--level", "0.8", "--max-merges", "500"),
        files=("m.html",),
        pages=("m.html",),
    ),
    "inherits": _line("mixture", OF_MIXTURE, str(SAMPLES), "--inherits", BPE, "--json"),
    "plain": _line("mixture", OF_MIXTURE, str(SAMPLES), "--max-merges", "300", plain=True),
    "no text": _line("mixture", OF_MIXTURE, LM),
    "bad group": _line("mixture", OF_MIXTURE, str(SAMPLES), "--group", "a"),
    "unknown category": _line("mixture", OF_MIXTURE, str(SAMPLES), "--group", "a=nobody"),
    "wordpiece": _line("mixture", WORDPIECE, str(SAMPLES)),
    "no folder": _line("mixture", OF_MIXTURE, "missing", usage=True),
    "bad level": _line("mixture", OF_MIXTURE, str(SAMPLES), "--level", "2", usage=True),
}

AUDIT: dict[str, Command] = {
    "gates": _line(
        *("audit", LLAMA, "--json", "--no-reference", "--fail-on", "note", "--name", "toy"),
        *("--max", "nfc-nfd-differ=0", "--write-baseline", "base.json"),
        *("--junit", "a.xml", "--texts", str(PARALLEL)),
        files=("base.json", "a.xml"),
    ),
    "baseline": _line(
        *("audit", LLAMA, "--no-reference", "--quiet", "--fail-on", "note", "--texts"),
        *(str(PARALLEL), "--baseline", "written/commands.audit.gates/base.json"),
    ),
    "failed gate": _line(
        *("audit", LLAMA, "--no-reference", "--quiet", "--texts", str(PARALLEL)),
        *("--fail-on", "note"),
    ),
    "no tokenizer": _line("audit", ENGLISH),
    "two on stdout": _line("audit", LLAMA, "--json", "--html", "-"),
    "unknown rule": _line("audit", LLAMA, "--max", "no-rule=1", usage=True),
    "unknown figure": _line("audit", LLAMA, "--at-least", "no.figure=1", usage=True),
    "no texts": _line("audit", LLAMA, "--texts", "missing", usage=True),
    "diff/two on stdout": _line("diff", BPE, LLAMA, "--json", "--html", "-"),
    "diff/no tokenizer": _line("diff", BPE, ENGLISH),
}

GROUPS: dict[str, dict[str, Command]] = {
    "general": GENERAL,
    "tokenize": TOKENIZE,
    "model": MODEL_LINES,
    "mixture": MIXTURE,
    "audit": AUDIT,
    **PACKAGED_LINES,
}


def record_group(recording: Recording, group: str) -> None:
    """Run the command lines of a group, one after the other."""
    for name, command in GROUPS[group].items():
        run_command(recording, f"commands/{group}/{name}", command)
