"""Sections and the page of a transfer say what its figures are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.report.page.reader import assert_links_lead_somewhere, assert_stands_alone
from tokkit.hypernets.telling.figures import BitsPerByte, Outlier, Spread, TransferFigures
from tokkit.hypernets.telling.transfer_report import (
    render_transfer_page,
    transfer_sections,
    verdict,
)
from tokkit.models.training.records import Record
from tokkit.models.training.telling.curve import TrainingCurve
from tokkit.report.section import Section
from tokkit.report.terminal import table_lines

NAN = float("nan")
NASTY = "<script>alert(1)</script>\n\u202e"


def figures(**other: Any) -> TransferFigures:
    outlier = Outlier(7, NASTY, 9.0, -0.5, 12.3)
    given: dict[str, Any] = {
        "method": "shared-first",
        "source": "old",
        "target": "new",
        "n_copied": 6,
        "n_combined": 2,
        "n_predicted": 1,
        "n_without": 1,
        "tied": False,
        "inputs": Spread(1.0, 0.7, 0.3, 0.1, (outlier,)),
        "outputs": Spread(2.0, 1.5, 0.4, 0.2, ()),
        "bits_per_byte": BitsPerByte(0.8, 1.25, 1.4, 9000, 3.5, 4.5),
        "notes": {"fold mean": 0.99931},
        "remarks": ("the end of text has another id",),
    }
    return TransferFigures(**given | other)


def cells(sections: list[Section], key: str) -> tuple[Any, ...]:
    (table,) = [t for section in sections for t in section.tables if t.key == key]
    return table.rows


def test_every_figure_is_told() -> None:
    made = transfer_sections(figures())
    assert cells(made, "cost") == (
        ("before", 0.8, 3.5),
        ("control", 1.25, None),
        ("after", 1.4, 4.5),
    )
    assert cells(made, "origins") == (
        ("copied", 6, 60.0),
        ("made of parts", 2, 20.0),
        ("predicted", 1, 10.0),
        ("without parts", 1, 10.0),
    )
    assert [row[1] for row in cells(made, "spread")] == [1.0, 0.7, 2.0, 1.5]
    assert cells(made, "input_outliers") == ((7, NASTY, 12.3, 9.0, -0.5),)
    assert cells(made, "notes") == (("fold mean", 0.999),)
    (chart,) = made[0].charts
    assert chart.series[0].values == (0.8, 1.25, 1.4)


def test_the_verdict_splits_the_cost_in_segmentation_and_rows() -> None:
    told = verdict(figures())
    assert "1.400 bits a byte, the old one 0.800" in told
    assert "+0.450 is the new segmentation, and +0.150 the new rows" in told


def test_the_page_stands_alone_and_texts_of_others_stay_texts() -> None:
    page = render_transfer_page(figures(source="a/<b>"))
    assert_stands_alone(page)
    assert_links_lead_somewhere(page)
    assert "<script>alert" not in page
    assert "the end of text has another id" in page
    assert page == render_transfer_page(figures(source="a/<b>"))


def test_what_is_missing_is_left_out_or_named() -> None:
    few = figures(
        n_copied=0,
        bits_per_byte=None,
        outputs=None,
        notes={},
        remarks=(),
        inputs=Spread(NAN, 0.7, 0.3, NAN, ()),
    )
    made = transfer_sections(few)
    assert [section.key for section in made] == ["cost", "origins", "spread"]
    assert "Not measured" in made[0].summary
    assert "0 rows are copied, 2 made from parts, 1 predicted" in verdict(few)
    assert_stands_alone(render_transfer_page(few))
    lines = [line for section in made for table in section.tables for line in table_lines(table)]
    assert not any("nan" in line for line in lines)


@pytest.mark.parametrize("turned", [False, True], ids=["long", "turned round"])
def test_a_hostile_row_is_the_first_outlier(turned: bool) -> None:
    """In norm or in direction alone."""
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(50, 16)) * 0.1 + 1).astype(np.float32)
    rows[40] *= -1 if turned else 3
    copied = np.arange(50) < 30
    spread = Spread.of(rows, copied, "token {}".format)
    assert spread.outliers[0].token == 40
    assert spread.outliers[0].text == "token 40"
    assert spread.outliers[0].deviation > 2 * spread.outliers[1].deviation
    assert len(spread.outliers) == 10
    assert all(not copied[each.token] for each in spread.outliers)
    assert spread.copied_norm == pytest.approx(float(np.median(np.linalg.norm(rows[:30], axis=1))))


@pytest.mark.parametrize("copied", [np.zeros(4, np.bool_), np.ones(4, np.bool_)])
def test_a_spread_without_one_kind_of_rows_is_told(copied: Any) -> None:
    spread = Spread.of(np.ones((4, 3), np.float32), copied, str)
    assert np.isnan(spread.new_norm if copied.all() else spread.copied_norm)
    assert [each.token for each in spread.outliers] == ([] if copied.all() else [0])
    json.dumps(transfer_sections(replace(figures(), inputs=spread))[2].tables[0].rows)


def test_a_training_is_told_as_curves() -> None:
    steps = [Record(k, 0.5 * k, 400.0 / k, 0.1) for k in range(1, 401)]
    evaluations = [Record(k, 0.5 * k, evaluation={"bits": 2 - k / 400}) for k in (0, 200, 400)]
    curve = TrainingCurve.of([*steps, *evaluations], "bits")
    assert len(curve.losses) == 100
    assert curve.seconds[-1] == 200
    assert curve.losses[0] == pytest.approx(np.mean([400 / k for k in (1, 2, 3, 4)]))
    made = transfer_sections(figures(training=curve))
    assert cells(made, "held_out") == ((0, 2.0), (100, 1.5), (200, 1.0))
    page = render_transfer_page(figures(training=curve))
    assert_stands_alone(page)
    assert_links_lead_somewhere(page)
    for title in ("Loss of the training", "What the training saves", "nothing is trained on"):
        assert title in page
    alone = replace(curve, evaluated_at=(), bits_per_byte=())
    assert "held_out" not in render_transfer_page(figures(training=alone))
