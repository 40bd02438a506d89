"""A comparison of recordings finds what differs, and says what it could not look at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.record_outputs import main
from scripts.recorded_outputs.comparing import compare, excerpts
from scripts.recorded_outputs.recording import LONGEST, Recording, as_text, texts_path
from tokkit.errors import EncodingError

LONG = "".join(f"<p>{k}</p>" for k in range(LONGEST))


def recording(**outputs: object) -> Recording:
    made = Recording()
    for name, value in outputs.items():
        made.note(name, value)
    made.note("page", LONG, presentation=True)
    return made


def test_equal_recordings_have_no_difference() -> None:
    one, other = (recording(ids=[1, 2], page2=LONG) for _ in range(2))
    comparison = compare(one, other)
    assert comparison.passes(strict=True)
    assert comparison.n_compared == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([1, 2], [1, 3]),
        (0.1, float(np.nextafter(0.1, 1))),
        (float("-inf"), float("nan")),
        (b"a\xff", "a\xff"),
        (LONG, LONG[:-1]),
        (LONG, "short"),
        ({"a": 1}, {"b": 1}),
        (np.array([1.0, 2.0]), np.array([1.0, -2.0])),
    ],
)
def test_every_difference_is_found(before: object, after: object) -> None:
    comparison = compare(recording(x=before, y=1), recording(x=after, y=1))
    assert {each.name.partition("/")[0] for each in comparison.outputs} == {"x"}
    assert not comparison.passes()


def test_a_difference_is_quoted_where_it_begins() -> None:
    changed = LONG.replace("<p>77</p>", "<p>78</p>")
    (found,) = compare(recording(x=LONG), recording(x=changed)).outputs
    assert "<p>77</p>" in found.before
    assert "<p>78</p>" in found.after
    assert len(found.before) < LONGEST
    assert excerpts("ab", "abc") == ("'ab'", "'abc'")


def test_what_people_read_counts_only_when_asked() -> None:
    before, after = recording(x=1), recording(x=1)
    after.presentation["page"] = "another"
    comparison = compare(before, after)
    assert comparison.passes()
    assert not comparison.passes(strict=True)
    assert "page\n" in comparison.text(most=9)


def test_what_only_one_has_counts_unless_its_input_was_skipped_before() -> None:
    whole, less = recording(**{"real/a/ids": 1, "b": 2}), recording(b=2)
    assert [each.name for each in compare(whole, less).outputs] == ["real/a/ids"]
    assert [each.name for each in compare(less, whole).outputs] == ["real/a/ids"]
    less.skip("real/a", "not fetched")
    gained, lost = compare(less, whole), compare(whole, less)
    assert gained.passes()
    assert "real/a (not fetched)" in gained.text(most=9)
    assert not lost.passes()
    assert "skipped after, but not before: real/a (not fetched)" in lost.text(most=9)
    less.skipped = {"rea": "a name that only begins alike"}
    assert compare(less, whole).outputs


def test_a_part_is_compared_alone() -> None:
    before, after = recording(**{"a/x": 1, "b/x": 1}), recording(**{"a/x": 1, "b/x": 2})
    assert compare(before.part("a/"), after.part("a/")).n_compared == 1
    assert compare(before.part("a/"), after.part("a/")).passes()
    assert not compare(before.part("b/"), after.part("b/")).passes()


def test_a_crash_counts_and_an_error_is_an_output() -> None:
    def refuse() -> None:
        raise EncodingError("no token for byte 255")

    made, crashed = Recording(), Recording()
    made.measure("x", refuse)
    assert made.outputs == {"x": "EncodingError: no token for byte 255"}
    crashed.measure("x", int, "one")
    assert "ValueError" in crashed.crashed["x"]
    assert not compare(crashed, crashed).passes()


def test_two_outputs_cannot_have_one_name() -> None:
    one, other = recording(x=1), recording(x=2)
    with pytest.raises(ValueError, match="x"):
        one.note("x", 3)
    with pytest.raises(ValueError, match="two jobs"):
        one.add(other)


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-320, np.float32(1) / 3, np.float64(-745.13)])
def test_numbers_are_written_to_the_last_bit(value: float) -> None:
    assert json.loads(as_text({"x": value}))["x"] == float(value)


def test_the_command_compares_what_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / name for name in ("before.json", "after.json")]
    for path, text in zip(paths, (LONG, LONG + "!"), strict=True):
        recording(x=text).write(path)
    before, after = map(str, paths)
    assert main(["compare", before, before, "--strict"]) == 0
    capsys.readouterr()
    assert main(["compare", before, after]) == 1
    assert "<p>159</p>!'" in capsys.readouterr().out
    texts_path(paths[0]).unlink()
    assert main(["compare", before, after]) == 1
    assert "SHA-256" in capsys.readouterr().out
    paths[1].write_text("{}")
    assert main(["compare", before, after]) == 2
