"""What is told of the training of a `VQGraph`: who classifies held-out nodes right."""

from __future__ import annotations

from tokkit.models.training.telling.signal_story import SignalStory, Values

ACCURACY = "accuracy_"
"""How the names of those figures begin."""
_WHO = {
    "teacher": "the teacher, with the graph",
    "codes": "the codes alone",
    "student": "the student, without the graph",
}


def _told(values: Values) -> str:
    return ", ".join(f"{value:.1%} by {_WHO[who]}" for who, value in values.items())


STORY = SignalStory(
    kind="vqgraph",
    signals="nodes",
    key="accuracies",
    prefix=ACCURACY,
    held_out="Shares of the nodes that are classified right, of those whose labels nothing is "
    "learned from. The teacher learns first, then its student.",
    title="Right",
    by="By",
    label=lambda who: _WHO[who],
    unit="%",
    digits=1,
    verdict=lambda values: f"Right of the nodes whose labels were held out: {_told(values)}.",
    line=lambda values: f"held out {_told(values)}",
    factor=100.0,
)
