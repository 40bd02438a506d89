"""Filling in the middle with a model that learnt it: SmolLM2 after `benchmarks/train_fim.py`.

`TOKKIT_TEST_FIM_MODEL` names its folder; the default is where the recipe puts it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.real.test_real_healing import FromScratch
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion import UNITS
from tokkit.bytelm.cover import END
from tokkit.bytelm.fim_frame import HEALS
from tokkit.bytelm.infilling import Infilling, infill

pytestmark = [pytest.mark.real, pytest.mark.slow]

FOLDER = Path(
    os.environ.get("TOKKIT_TEST_FIM_MODEL", Path(__file__).parents[2] / ".cache" / "smollm2-fim")
)
GAPS = (
    (b"def area(width, height):\n    retu", b"rn width * height\n"),
    (b"import os\nimport nump", b" as np\n"),
    (b"s = 'caf\xc3", b"\xa9'\nprint(s)\n"),
)


@pytest.fixture(scope="module")
def lm() -> ByteLM:
    for package in ("torch", "transformers", "safetensors"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra `hf`)")
    if not (FOLDER / "model.safetensors").exists():
        pytest.skip(f"no FIM model at {FOLDER}; benchmarks/train_fim.py makes one")
    from tokkit.bytelm.loading import load_lm

    return load_lm(FOLDER, threads=1)


@pytest.mark.parametrize("heal", HEALS)
@pytest.mark.parametrize("parts", GAPS, ids=repr)
def test_the_law_of_a_middle_equals_brute_force(
    lm: ByteLM, parts: tuple[bytes, bytes], heal: str
) -> None:
    assert heal in HEALS
    gap = Infilling(lm, *parts, heal=heal)
    assert gap.format.name == "starcoder"
    oracle = FromScratch(gap.lm, gap.frame.ids)
    text, logprob = gap.frame.begins, 0.0
    for byte in b"ab" + gap.frame.ends:
        logprob += np.log(oracle.next_byte(text)[byte])
        text += bytes([byte])
    logprob += np.log(oracle.next_byte(text)[END])
    assert gap.logprob(b"ab") == pytest.approx(logprob, abs=1e-3)


@pytest.mark.parametrize("unit", UNITS)
def test_an_obvious_middle_is_filled_in(lm: ByteLM, unit: str) -> None:
    assert unit in UNITS
    prefix = "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self."
    suffix = "\n\n    def norm(self):\n        return (self.x ** 2 + self.y ** 2) ** 0.5\n"
    for cut in (0, 3, 6):
        cut_prefix = prefix[: len(prefix) - cut]
        middle = infill(lm, cut_prefix, suffix, max_bytes=40, temperature=0, unit=unit)
        assert (cut_prefix.encode() + middle).endswith(b"\n        self.y = y")
