"""What models are asked after a training, on models whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch: Any = pytest.importorskip("torch")
import benchmarks.models.pace as pace
import benchmarks.models.words as words
from benchmarks.models.contenders import BY_NAME
from benchmarks.models.examining import (
    CLASSES,
    Window,
    bits_per_byte,
    choice_accuracy,
    class_of,
    looked_through,
    perturbation_costs,
    perturbed,
    word_accuracy,
    word_frequencies,
)
from benchmarks.models.word_page import comparison_page
from benchmarks.models.word_records import german_lines, joined, run_lines, seconds_to, table_lines
from tokkit.models.text_models.cached_state import CachedState
from tokkit.models.text_models.glimpses import Glimpses

TEXT = b"the cat saw 3.14 dogs and the end"


class Reciting:
    """A reader that expects one text again and again, each byte with probability 0.9."""

    name, law, glances = "reciting", None, False

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.glimpses = Glimpses()

    def evaluating(self) -> Any:
        return torch.inference_mode()

    def _row(self, place: int) -> NDArray[np.float64]:
        row = np.full(257, 0.1 / 256)
        row[self._text[place % len(self._text)]] = 0.9
        return np.log(row)

    def begin(self) -> tuple[int, NDArray[np.float64]]:
        return 0, self._row(0)

    def extend(
        self, caches: Sequence[int], data: Sequence[bytes]
    ) -> tuple[list[int], list[NDArray[np.float64]]]:
        rows = [
            np.array([self._row(cache + k + 1) for k in range(len(each))]).reshape(-1, 257)
            for cache, each in zip(caches, data, strict=True)
        ]
        return [cache + len(each) for cache, each in zip(caches, data, strict=True)], rows

    read_through = extend

    def glance(self, cache: int, data: bytes) -> None:
        """Nothing is known without reading on."""


def reciting(text: bytes) -> Any:
    """The same as a byte-level model."""
    from tokkit.bytelm.byte_model import ByteModel

    class Model(ByteModel):
        name = "reciting"

        def open(self, prefix: str | bytes = b"") -> CachedState:
            state = CachedState(Reciting(text))
            state.push(prefix)
            return state

    return Model()


def test_bits_are_those_of_the_bytes() -> None:
    windows = list(looked_through(reciting(TEXT), [TEXT, TEXT[:9]]))
    assert bits_per_byte(windows) == pytest.approx(-np.log2(0.9))


def test_words_are_right_where_all_their_bytes_and_the_end_are() -> None:
    (window,) = looked_through(reciting(TEXT), [TEXT])
    frequencies = word_frequencies(b"the the dogs " * 60)
    right = word_accuracy([window], frequencies)
    # The last of the six words does not end: what is recited goes on with the first.
    assert right == {"0": (3, 4), "1-9": (0, 0), "10-99": (1, 1), "100+": (1, 1), "numbers": (1, 1)}
    likeliest = window.likeliest.copy()
    likeliest[TEXT.index(b"aw")] ^= 1
    likeliest[TEXT.index(b" and")] = ord("x")  # goes on behind "dogs"
    other = word_accuracy([Window(TEXT, window.logprobs, likeliest)], frequencies)
    assert other["0"] == (1, 4)
    assert other["10-99"] == (0, 1)


@pytest.mark.parametrize(
    ("word", "name"),
    [(b" the", "100+"), (b"dogs,", "0"), (b" 1,000.", "numbers"), (b"...", None), (b" x", "1-9")],
)
def test_classes_are_counts_in_training(word: bytes, name: str | None) -> None:
    assert class_of(word, {b"the": 100, b"dogs": 12, b"x": 9}) == name


def test_perturbations_change_as_much_as_they_say() -> None:
    generator = np.random.default_rng(0)
    text = b"abcdefghij" * 100
    assert perturbed(text, "replace", 0.0, generator) == text
    assert perturbed(text, "upper", 1.0, generator) == text.upper()
    assert len(perturbed(text, "delete", 0.2, generator)) == pytest.approx(800, abs=50)
    swapped = perturbed(text, "permute", 0.1, generator)
    assert sorted(swapped) == sorted(text)
    assert swapped != text


def test_targets_stay_clean_and_what_is_recited_costs_more_after_deletions() -> None:
    costs = perturbation_costs(reciting(b"ab"), [b"ab" * 40])
    assert costs["none"] == pytest.approx(-np.log2(0.9))
    assert costs["replace 20%"] == pytest.approx(costs["none"])
    assert max(costs[f"delete {share}"] for share in ("5%", "10%", "20%")) > costs["none"] + 1


def test_the_true_end_is_chosen_where_it_is_likelier() -> None:
    texts = [b"ab" * 6, *(bytes([letter]) * 12 for letter in b"xyz")]
    assert choice_accuracy(reciting(b"ab"), texts[:1] + texts[1:]) >= 0.25


@pytest.mark.slow
def test_the_comparison_runs_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "ASKED_WINDOWS", 4)
    documents, into = tmp_path / "documents", tmp_path / "into"
    for language in ("english", "german", "russian"):
        (documents / language).mkdir(parents=True)
        for name in ("train", "held_out"):
            text = b"".join(
                b"The %d cats saw %d dogs in %s. " % (k, k * k, name.encode()) for k in range(900)
            )
            (documents / language / f"{name}.txt").write_bytes(text)
    places = ["--documents", str(documents), "--into", str(into)]
    names = ["--names", "subword", "best"]
    asked = [*places, *names, "--minutes", "0.03", "--german", "0.01"]
    with pytest.raises(SystemExit, match=r"run python -m benchmarks\.models\.pace"):
        words.main(asked)
    pace.main([*places, *names, "--rounds", "1"])
    words.main(asked)
    first = (into / "best" / "figures.json").read_bytes()
    words.main(asked)
    assert (into / "best" / "figures.json").read_bytes() == first
    figures = json.loads(first)
    assert figures["curve"][-1]["bits_per_byte"] < figures["curve"][0]["bits_per_byte"]
    assert capsys.readouterr().out.count("| best |") == 2
    for name in ("subword", "best"):
        check_figures(json.loads((into / name / "figures.json").read_bytes()))
    file, page = tmp_path / "records" / "words.json", tmp_path / "words.html"
    words.main(["--into", str(into), "--collect", str(file), "--page", str(page)])
    told = capsys.readouterr().out
    file.write_text(json.dumps({"of another folder": {}, **json.loads(file.read_text())}))
    words.main(["--into", str(into), "--collect", str(file)])
    collected = json.loads(file.read_text())
    assert collected.pop("of another folder") == {}
    file.write_text(json.dumps(collected))
    assert capsys.readouterr().out == told
    words.main(["--records", str(file), "--page", str(tmp_path / "again.html")])
    assert capsys.readouterr().out == told
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_a_pace_is_that_of_the_fastest_of_turns_that_alternate() -> None:
    order: list[tuple[str, int]] = []

    def turn(name: str, seconds: list[float]) -> Any:
        return lambda number: order.append((name, number)) or seconds[number]

    turns = {"a": turn("a", [1.0, 9.0, 2.0]), "b": turn("b", [3.0, 4.0, 5.0])}
    assert pace.measured(turns, 3) == {"a": 1.0, "b": 3.0}
    assert order == [(name, number) for number in range(3) for name in "ab"]


@pytest.mark.slow
def test_a_process_that_dies_ends_the_measurement(tmp_path: Path) -> None:
    with (
        pytest.raises(SystemExit, match="the process of nobody has ended"),
        pace.turns_of(["nobody"], tmp_path, tmp_path) as turns,
    ):
        turns["nobody"](0)


def test_a_later_pace_is_scaled_to_the_machine_of_the_first() -> None:
    known = {pace.REFERENCE: 2.0, "b": 3.0}
    assert pace.scaled({pace.REFERENCE: 4.0, "c": 10.0}, known) == {**known, "c": 5.0}
    assert pace.scaled(known, {}) == known
    assert pace.least_of({pace.REFERENCE: 4.0, "b": 1.0}, known) == {pace.REFERENCE: 2.0, "b": 1.0}


def test_nobody_is_measured_where_every_pace_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def turns_of(names: list[str], *_: Path) -> Any:
        asked.append(names)
        return nullcontext({name: lambda number: 2.0 for name in names})

    monkeypatch.setattr(pace, "turns_of", turns_of)
    monkeypatch.setattr(pace, "tokenizer_of", lambda *_: None)
    places = ["--documents", str(tmp_path), "--into", str(tmp_path)]
    for _ in range(2):
        pace.main([*places, "--names", "best"])
        pace.main([*places, "--names", "best", pace.REFERENCE])
    assert asked == [[pace.REFERENCE, "best"]]
    assert capsys.readouterr().out.count("2.000 s a step") == 8
    pace.main([*places, "--names", pace.REFERENCE, "--again"])
    assert asked[1:] == [[pace.REFERENCE]]


def test_paces_of_committed_records_are_gone_on_from(tmp_path: Path) -> None:
    file, into = tmp_path / "words.json", tmp_path / "into"
    records = {pace.REFERENCE: 2.0, "best": 3.0, "byte+": 5.0, "best-seed-1": 3.0}
    file.write_text(json.dumps({name: {"seconds_a_step": each} for name, each in records.items()}))
    asked = ["--into", str(into), "--records", str(file), "--names", "best"]
    pace.main(asked)
    assert pace.recorded(into) == {pace.REFERENCE: 2.0, "best": 3.0, "byte+": 5.0}
    # Those of the folder stand; the file's are brought to the folder's machine.
    pace.write_figures(into / pace.PACE, {"seconds_a_step": {pace.REFERENCE: 4.0, "best": 7.0}})
    pace.main(asked)
    assert pace.recorded(into) == {pace.REFERENCE: 4.0, "best": 7.0, "byte+": 10.0}
    file.write_text("{}")
    with pytest.raises(SystemExit, match=f"no figures of {pace.REFERENCE}"):
        pace.main(asked)


def check_figures(figures: dict[str, Any]) -> None:
    """What holds for figures of any model, whatever they are."""
    steps = [point["step"] for point in figures["curve"]]
    assert steps == sorted(set(steps))
    assert figures["flops_per_byte"] > 6 * 1e4
    for language in ("english", "russian"):
        found = figures[language]
        assert 0 < found["bits_per_byte"] <= found["own_bits_per_byte"] + 1e-3
        assert list(found["words"]) == list(CLASSES)
        assert all(0 <= right <= total for right, total in found["words"].values())
    assert len(figures["perturbed"]) == 11
    assert min(figures["perturbed"].values()) > 0
    assert 0 <= figures["choices"] <= 1


def record(bits: float, steps: Sequence[int], **others: Any) -> dict[str, Any]:
    """What was measured of a model that improves evenly."""
    curve = [{"step": step, "seconds": 2.0 * step, "bits_per_byte": 8.0 - step} for step in steps]
    language = {"bits_per_byte": bits, "own_bits_per_byte": bits, "words": dict.fromkeys(
        CLASSES, (1, 4)
    )}  # fmt: skip
    return {
        "machine": "machine: A; load 1.0\nversions: torch\ncommand: one", "parameters": 1000,
        "flops_per_byte": 5e6, "minutes": 1.0,
        "bytes_a_second": 10.0, "curve": curve, "english": language, "russian": language,
        "perturbed": {"none": 2.0, "delete 5%": 3.0}, "choices": 0.5, **others,
    }  # fmt: skip


def test_a_page_shows_what_was_measured_in_order(tmp_path: Path) -> None:
    german = {
        "curve": record(2.0, (0, 2, 4))["curve"],
        "before": {"english": 2.0, "german": 3.0},
        "after": {"english": 2.5, "german": 2.25},
    }
    records = {"slow": record(2.5, (0, 1, 2)), "quick": record(2.1, (0, 2, 4), german=german)}
    page = comparison_page(records, batch_bytes=10)
    assert "quick needs the fewest bits: 2.100 a byte" in page
    for told in ("CPU seconds", "megabytes read", "petaFLOP", "German after English", "25", "50"):
        assert told in page
    assert page.index(">quick<") < page.index(">slow<")


def test_controls_have_as_many_parameters() -> None:
    def size(name: str) -> int:
        model = BY_NAME[name].build(None, 0)  # type: ignore[arg-type]  # of bytes
        return sum(each.numel() for each in model.parameters())

    for name in ("byte+ahead", "best-ahead"):
        assert size(name) == size(f"{name}-control") > size(name.removesuffix("ahead").strip("-"))
    assert size("best-wide") == pytest.approx(size("best-wide-control"), rel=1e-3)
    assert size("byte+") == pytest.approx(size("byte+control"), rel=1e-3)
    assert size("best-lookahead") == size("best") < size("best-wide")


def test_seeds_are_told_as_their_mean_and_deviation() -> None:
    german = {
        "curve": record(2.0, (0, 2))["curve"],
        "before": {"english": 2.0, "german": 3.0},
        "after": {"english": 2.5, "german": 2.25},
    }
    records = {
        "a": record(2.0, (0, 2), german=german),
        "a-seed-1": record(2.2, (0, 1)),
        "a-seed-2": record(2.4, (0, 1)),
        "b": record(2.1, (0, 2)),
    }
    found = joined(records)
    assert list(found) == ["a", "b"]
    assert found["b"] is records["b"]
    assert found["a"]["seeds"] == 3
    assert found["a"]["english"]["bits_per_byte"] == pytest.approx(2.2)
    assert found["a"]["spread"]["english"]["bits_per_byte"] == pytest.approx(0.2)
    assert found["a"]["curve"] == records["a"]["curve"]
    assert found["a"]["german"] == german
    later = joined({"a": records["b"], "a-seed-1": records["a"]})  # a later seed alone has it
    assert later["a"]["german"] == german and "german" not in later["a"]["spread"]
    told = list(german_lines({"a": records["b"], "a-seed-1": records["a"]}))
    assert told[2].startswith("| a | 3.000 | 2.250 | 2.000 | 2.500 | ")
    lines = list(table_lines(records, ["c", "b"]))
    assert lines[2].startswith("| b | 0.0M | 5.0 | 10 | 2.100 |")
    assert "| a, 3 seeds |" in lines[3]
    assert "2.200 ± 0.200" in lines[3]
    assert len({line.count("|") for line in lines}) == 1
    assert "Deviation of seeds" in comparison_page(records, batch_bytes=10)


def test_the_documentation_has_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "models.md"
    page.write_text("<!-- words: begin --> old <!-- words: end -->\n")
    monkeypatch.setattr(words, "DOCS", page)
    monkeypatch.setattr(words, "DOCS_PAGE", tmp_path / "page.html")
    words.write_docs({})
    names = ", ".join(each.name for each in words.CONTENDERS)
    assert f"Not yet measured: {names}." in page.read_text()
    assert not (tmp_path / "page.html").exists()
    words.write_docs({"best": record(2.1, (0, 2))})
    assert f"Not yet measured: {names.replace(' best,', '', 1)}." in page.read_text()
    assert "| best | 50.0 |" in page.read_text()
    assert "old" not in page.read_text()
    assert (tmp_path / "page.html").exists()


def test_a_target_is_reached_between_evaluations() -> None:
    curve = record(2.0, (0, 2, 4))["curve"]
    assert seconds_to(curve, 5.0) == pytest.approx(6.0)
    assert seconds_to(curve, 4.0) == 8.0
    assert seconds_to(curve, 3.9) is None
    assert seconds_to(curve, 9.0) == 4.0  # at its first evaluation after a step


def test_each_machine_is_told_once_with_its_loads_and_commands() -> None:
    told = "machine: {}, 2 cores; load {}\nversions: torch\ncommand: {}"
    runs = [("A", 0.5, "one"), ("A", 2.0, "one"), ("A", 1.0, "two"), ("B", 3.0, "one")]
    records = {str(k): {"machine": told.format(*run)} for k, run in enumerate(runs)}
    assert list(run_lines(records)) == [
        "machine: A, 2 cores; load 0.5 to 2.0\nversions: torch",
        "command: one",
        "command: two",
        "machine: B, 2 cores; load 3.0\nversions: torch",
        "command: one",
    ]
