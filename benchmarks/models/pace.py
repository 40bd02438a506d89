"""How many CPU-seconds does a step of each contender take, beside the others?

`words.py` gives every contender the number of steps that fill its minutes at the pace measured
here, so that what else a machine does while one of them trains, gives none of them more or fewer.
Each model is in a process of its own, as in a training, with one thread. They take turns of a few
steps, of which the first are not counted, and a contender's pace is that of its fastest. The first
contender is asked in every run; those that are asked later are scaled by it to the machine of the
first run. With `--again` those that were asked are asked once more on the same machine, and the
less counts. `--records FILE` goes on from the paces in a file of `words.py --collect`, whose models
were trained elsewhere.

    python -m benchmarks.models.pace [--documents FOLDER] [--into FOLDER] [--names NAME…]
        [--rounds N] [--again] [--records FILE]
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.models.contenders import BY_NAME, CONTENDERS, Contender
from benchmarks.models.learning import BATCH_BYTES, Documents, texts_of, tokenizer_of, training
from benchmarks.models.word_records import read_collected, write_figures
from benchmarks.shared.machine import run_description
from benchmarks.shared.records import FOLDER
from tokkit.models.text_models.learning import text_task
from tokkit.models.training import train
from tokkit.text.tokenizer import TextTokenizer

PACE = "pace.json"
REFERENCE = CONTENDERS[0].name
STEPS, SETTLING = 4, 2
"""Of a turn, and how many of them are not counted."""


def recorded(into: Path) -> Mapping[str, float]:
    """CPU-seconds of a step of each contender that was asked; none where none was."""
    path = into / PACE
    return json.loads(path.read_text(encoding="utf-8"))["seconds_a_step"] if path.exists() else {}


def paces_in(collected: Path) -> dict[str, float]:
    """CPU-seconds of a step of each contender in a file that `words.py` collected.

    Raises:
        SystemExit: the first contender, which all are compared with, is not in it.
    """
    records = read_collected(collected)
    if REFERENCE not in records:
        raise SystemExit(f"{collected} has no figures of {REFERENCE}, which paces need")
    return {name: records[name]["seconds_a_step"] for name in BY_NAME if name in records}


def measured(turns: Mapping[str, Callable[[int], float]], rounds: int) -> dict[str, float]:
    """The least of what each says in its turns, told the number of the round."""
    least = dict.fromkeys(turns, math.inf)
    for number in range(rounds):
        for name, turn in turns.items():
            least[name] = min(least[name], turn(number))
    return least


def turn_of(contender: Contender, tokenizer: TextTokenizer, text: Path) -> Callable[[int], float]:
    """A function that trains a model for a few steps and tells the CPU-seconds of the fastest."""
    model: Any = contender.build(tokenizer, 0)
    task = text_task(model, texts_of(text), seed=0)

    def turn(number: int) -> float:
        def loss(step: int) -> torch.Tensor:
            return task.loss(number * STEPS + step)

        result = train(model, loss, training(contender, STEPS, evaluations=0))
        return min(
            later.seconds - each.seconds for each, later in pairwise(result.records[SETTLING - 1 :])
        )

    return turn


def _work(connection: Connection, name: str, folder: Path, into: Path) -> None:
    """Take turns, in a process of its own, until None comes in place of a round's number."""
    torch.set_num_threads(1)
    documents = Documents(folder)
    turn = turn_of(BY_NAME[name], tokenizer_of(documents, into), documents.path("english"))
    for number in iter(connection.recv, None):
        connection.send(turn(number))


@contextmanager
def turns_of(
    names: Sequence[str], documents: Path, into: Path
) -> Generator[dict[str, Callable[[int], float]]]:
    """Turns of each contender in a process of its own, whose memory is as in a training.

    Raises:
        SystemExit: of a turn: its process has ended, and says why.
    """
    context = get_context("spawn")
    with ExitStack() as stack:

        def ended(connection: Connection) -> None:
            with suppress(OSError):  # where its process has ended already
                connection.send(None)

        def started(name: str) -> Callable[[int], float]:
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there, name, documents, into))
            process.start()
            there.close()
            stack.callback(process.join)
            stack.callback(ended, here)

            def turn(number: int) -> float:
                try:
                    here.send(number)
                    return here.recv()
                except (EOFError, OSError):
                    raise SystemExit(f"the process of {name} has ended") from None

            return turn

        yield {name: started(name) for name in names}


def scaled(found: Mapping[str, float], known: Mapping[str, float]) -> dict[str, float]:
    """What is known, with what was found of others, as if it had been found then."""
    factor = known[REFERENCE] / found[REFERENCE] if known else 1.0
    return {**{name: factor * each for name, each in found.items()}, **known}


def least_of(found: Mapping[str, float], known: Mapping[str, float]) -> dict[str, float]:
    """What was found on the machine that the known are of, where that is less."""
    return {**known, **{name: min(each, known.get(name, each)) for name, each in found.items()}}


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=Path, default=FOLDER / "documents")
    parser.add_argument("--into", type=Path, default=FOLDER / "words")
    parser.add_argument("--names", nargs="*", default=[each.name for each in CONTENDERS])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--again", action="store_true", help="on the machine of the first run")
    parser.add_argument("--records", type=Path, help="that has the paces of other contenders")
    options = parser.parse_args(arguments)
    paces = known = recorded(options.into)
    if options.records is not None:
        paces = scaled(paces_in(options.records), paces)
    asked = [name for name in options.names if options.again or name not in paces]
    if asked:
        tokenizer_of(Documents(options.documents), options.into)
        names = list(dict.fromkeys([REFERENCE, *asked]))
        with turns_of(names, options.documents, options.into) as turns:
            found = measured(turns, options.rounds)
        paces = least_of(found, paces) if options.again else scaled(found, paces)
    if paces != known:
        figures = {"machine": run_description("torch"), "seconds_a_step": paces}
        write_figures(options.into / PACE, figures)
    for name, seconds in paces.items():
        print(f"{name:20} {seconds:.3f} s a step, {BATCH_BYTES / seconds:,.0f} bytes a CPU-second")


if __name__ == "__main__":
    main()
