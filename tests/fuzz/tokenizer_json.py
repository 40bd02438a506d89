"""Compare drawn configurations of `tokenizer.json` with the `tokenizers` library.

    python -m tests.fuzz.tokenizer_json 5000 --seed 0 --records fuzz.jsonl

prints how many configurations came to which outcome, the reasons of refusals, and each
disagreement with the smallest configuration and text that show it. The same seed draws the same
configurations; with `--records` a run goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.draw_tokenizer_json import Case, draw_case
from tests.fuzz.hf_reference import HfReference, ReferenceFailureError
from tests.fuzz.laws import Difference, Subject
from tests.fuzz.shrink import shrink
from tokkit.errors import FormatError, TokkitError, UnsupportedError

Node = dict[str, Any]

PASSED, DIFFERS, REFUSED, UNLOADABLE = "passed", "differs", "refused", "fails in the reference"


@dataclass(frozen=True)
class Outcome:
    """What came of one configuration.

    Attributes:
        index: its number in the seed.
        status: passed, differs, refused (by tokkit), or fails in the reference.
        reason: why it was refused, or the law that does not hold.
        example: of a difference: the smallest configuration and text, what was expected and got.
    """

    index: int
    status: str
    reason: str = ""
    example: Node | None = None


def examine(seed: int, index: int, *, shrunk: bool = True) -> Outcome:
    """Draw one configuration and compare it."""
    try:
        case = draw_case(seed, index)
    except ReferenceFailureError as error:
        return Outcome(index, UNLOADABLE, str(error)[:200])
    try:
        difference = first_difference(Subject(case.document), case)
    except ReferenceFailureError as error:
        return Outcome(index, UNLOADABLE, str(error)[:200])
    except (FormatError, UnsupportedError) as error:
        return Outcome(index, *_refusal(error, case))
    if difference is None:
        return Outcome(index, PASSED)
    document = case.document
    if shrunk:
        document, difference = _shrunk(document, difference)
    example = {
        "document": document,
        "text": repr(difference.text),
        "expected": repr(difference.expected),
        "got": repr(difference.got),
    }
    return Outcome(index, DIFFERS, difference.law, example)


def _shrunk(document: Node, difference: Difference) -> tuple[Node, Difference]:
    law = difference.law

    def shows(candidate: Node, text: str | bytes) -> bool:
        return difference_in(candidate, text, law) is not None

    smaller, text = shrink(document, difference.text, shows)
    found = difference_in(smaller, text, law)
    # Laws about all texts of a case may need more than one.
    return (smaller, found) if found else (document, difference)


def _refusal(error: TokkitError, case: Case) -> tuple[str, str]:
    """A refusal counts only where the reference handles the configuration."""
    controls = frozenset(t["content"] for t in case.document["added_tokens"] if t["special"])
    try:
        reference = HfReference(case.document, controls=controls)
        handled = [text for text in case.texts if _handles(reference, text)]
    except ReferenceFailureError as failure:
        return UNLOADABLE, str(failure)[:200]
    if not handled:
        return UNLOADABLE, "every text"
    return REFUSED, f"{type(error).__name__}: {error}"


def _handles(reference: HfReference, text: str) -> bool:
    try:
        reference.encode(text, specials=True)
    except ReferenceFailureError:
        return False
    return True


def first_difference(subject: Subject, case: Case) -> Difference | None:
    """The first law that does not hold for one of the case's texts.

    Raises:
        ReferenceFailureError: the reference fails on every text.
    """
    failures: list[ReferenceFailureError] = []
    for i, text in enumerate(case.texts):
        try:
            for difference in subject.differences(text, canonical=i % 6 == 1 and len(text) < 40):
                return difference
        except ReferenceFailureError as failure:
            failures.append(failure)
    if len(failures) == len(case.texts):
        raise failures[0]
    for i, raw in enumerate(case.raws):
        for difference in subject.own_differences(raw, canonical=i == 0):
            return difference
    return next(subject.case_differences(case.texts[:6]), None)


def difference_in(document: Node, text: str | bytes, law: str) -> Difference | None:
    """A violation of `law` by one text, if there is one."""
    try:
        for difference in _differences(Subject(document), text):
            if difference.law == law:
                return difference
    except (ReferenceFailureError, FormatError, UnsupportedError):
        pass
    return None


def _differences(subject: Subject, text: str | bytes) -> Iterator[Difference]:
    if isinstance(text, str):
        yield from subject.differences(text)
        yield from subject.case_differences([text])
    else:
        yield from subject.own_differences(text)


def reason_of(message: str) -> str:
    """A refusal without what is particular to one configuration, for counting."""
    message = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "…", message)
    return re.sub(r"\d+", "N", message.removeprefix("tokenizer.json: "))[:150]


def counts_and_refusals(outcomes: list[Outcome]) -> list[str]:
    """The lines that say how many came to which outcome, and what was refused."""
    counts = Counter(outcome.status for outcome in outcomes)
    handled = len(outcomes) - counts[UNLOADABLE]
    read = counts[PASSED] + counts[DIFFERS]
    lines = [f"{counts[status]:7,} {status}" for status in (PASSED, DIFFERS, REFUSED, UNLOADABLE)]
    lines.append(f"read: {read / max(1, handled):.1%} of {handled:,} that the reference handles")
    reasons = Counter(reason_of(o.reason) for o in outcomes if o.status == REFUSED)
    lines += ["", "refused:", *(f"{n:7,} {reason}" for reason, n in reasons.most_common())]
    return lines


def summary(outcomes: list[Outcome]) -> str:
    """Counts by outcome, refusals by reason, and the shortest example of each disagreement."""
    lines = counts_and_refusals(outcomes)
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.example:
            groups.setdefault(signature(outcome), []).append(outcome)
    for name, group in sorted(groups.items(), key=lambda item: -len(item[1])):
        smallest = min(group, key=lambda outcome: len(repr(outcome.example)))
        lines += ["", f"{len(group)} x {name} (configuration {smallest.index})"]
        lines += [f"  {key}: {_shown(value)}" for key, value in (smallest.example or {}).items()]
    return "\n".join(lines)


def signature(outcome: Outcome) -> str:
    """The law and the kinds of parts that are left of a shrunk configuration."""
    document: Node = (outcome.example or {})["document"]
    text = json.dumps([document["normalizer"], document["pre_tokenizer"]])
    kinds = [kind for kind in re.findall(r'"type": "(\w+)"', text) if kind != "Sequence"]
    added = document["added_tokens"]
    flags = {key for token in added for key, on in token.items() if on is True}
    parts = [document["model"]["type"], *kinds, *(["added"] if added else []), *sorted(flags)]
    return f"{outcome.reason}: {' '.join(parts)}"


def _shown(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    parts = {key: part for key, part in value.items() if part not in (None, [], "1.0")}
    text = json.dumps(parts, ensure_ascii=False)
    return re.sub(r'("<0x00>.*?)"<0x0[12].*"<0xFE>.*?"<0xFF>', r'\1..., "<0xFF>', text)[:1500]


@contextlib.contextmanager
def quiet_panics() -> Generator[None]:
    """Send what the library's panics print to nowhere."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def run(seed: int, indices: range, records: Path | None, *, shrunk: bool = True) -> list[Outcome]:
    """Examine configurations; those that `records` holds already are not examined again."""
    known: dict[int, Outcome] = {}
    if records is not None and records.exists():
        lines = records.read_text(encoding="utf-8").splitlines()
        known = {outcome.index: outcome for outcome in (Outcome(**json.loads(x)) for x in lines)}
    outcomes: list[Outcome] = []
    with quiet_panics(), contextlib.ExitStack() as stack:
        file = stack.enter_context(records.open("a", encoding="utf-8")) if records else None
        for index in indices:
            outcome = known.get(index)
            if outcome is None:
                outcome = examine(seed, index, shrunk=shrunk)
                if file is not None:
                    file.write(json.dumps(asdict(outcome)) + "\n")
                    file.flush()
            outcomes.append(outcome)
    return outcomes


def main() -> int:
    """The command; 1 if something differs."""
    parser = argparse.ArgumentParser(description="Draw configurations, and compare them.")
    parser.add_argument("count", type=int, help="how many configurations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--records", type=Path, help="a file of outcomes, kept and gone on with")
    parser.add_argument("--unshrunk", action="store_true", help="leave examples as they are")
    options = parser.parse_args()
    indices = range(options.start, options.start + options.count)
    outcomes = run(options.seed, indices, options.records, shrunk=not options.unshrunk)
    print(summary(outcomes))
    return int(any(outcome.status == DIFFERS for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
