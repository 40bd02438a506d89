"""Filling in the middle with a model that learnt it: SmolLM2 after `benchmarks/fim/train.py`.

`TOKKIT_TEST_FIM_MODEL` names its folder; the default is where the recipe puts it.
"""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.real.test_real_healing import FromScratch
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.completion.completion import UNITS, Unit
from tokkit.bytelm.completion.fim_frame import HEALS
from tokkit.bytelm.completion.infilling import Infilling, infill

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
        pytest.skip(f"no FIM model at {FOLDER}; benchmarks/fim/train.py makes one")
    from tokkit.bytelm.loading import load_lm

    # Texts begin after the token that they began after in training.
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    return load_lm(FOLDER, threads=1, bos_ids=[config["bos_token_id"]])


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
def test_a_middle_goes_on_with_the_word_that_the_prefix_began(lm: ByteLM, unit: Unit) -> None:
    prefix, suffix = (
        "def area(width, height):\n    return width * height",
        "\n\nprint(area(2, 3))\n",
    )
    for word in ("return", "width *"):
        start = prefix.index(word)
        for cut in range(start + 3, start + 5):
            middle = infill(lm, prefix[:cut], suffix, max_bytes=6, temperature=0, unit=unit)
            assert middle.decode().startswith(prefix[cut : start + 5])
