"""Run the page's tokenizer under Node, as the page runs it in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tokkit.audit.page.assets import engine_source
from tokkit.audit.page.payload import make_payload
from tokkit.audit.report import AuditReport
from tokkit.audit.subject import Subject
from tokkit.errors import EncodingError
from tokkit.text.tokenizer import TextTokenizer

Case = tuple[TextTokenizer, Sequence[str]]

DRIVER = """
const fs = require("fs");
const cases = JSON.parse(fs.readFileSync(process.argv[2], "utf-8"));

async function run({ block, about, texts }) {
  const streams = await Streams.open(block, about.streams);
  const vocabulary = new Vocabulary(streams, about.vocabulary);
  const tokenizer = new Tokenizer(vocabulary, streams, about.engine);
  tokenizer.check(about.engine.checks);
  const encode = (text, specials) => {
    try {
      return tokenizer.encode(text, { specials }).map(({ id }) => id);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return error.message;
    }
  };
  const spellings = [];
  for (let id = 0; id < vocabulary.size; id++) {
    spellings.push(Buffer.from(vocabulary.bytesOf(id)).toString("hex"));
  }
  const plain = texts.map((text) => encode(text, false));
  const special = texts.map((text) => encode(text, true));
  return { plain, special, spellings };
}

(async () => {
  const found = [];
  for (const given of cases) found.push(await run(given));
  fs.writeFileSync(process.argv[3], JSON.stringify(found));
})();
"""


def node() -> str:
    """The program; the test skips where there is none."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed; the page's tokenizer is not run")
    return found


def run_engine(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Of each case, ids with and without specials (or why not), and all spellings in hex."""
    given: list[dict[str, Any]] = []
    for tokenizer, texts in cases:
        payload = make_payload(AuditReport("toy", Subject(tokenizer), (), ()), tokenizer)
        assert payload.about["engine"] is not None, payload.about["refusal"]
        given.append({"block": payload.block, "about": payload.about, "texts": texts})
    with tempfile.TemporaryDirectory() as name:
        source, found, script = (Path(name, part) for part in ("given", "found", "engine.js"))
        source.write_text(json.dumps(given), encoding="utf-8")
        script.write_text(engine_source() + DRIVER, encoding="utf-8")
        command = [node(), str(script), str(source), str(found)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(found.read_text(encoding="utf-8"))


def expected_ids(tokenizer: TextTokenizer, text: str, *, specials: bool) -> list[int] | None:
    """What tokkit gives; None where it refuses the text."""
    try:
        return tokenizer.encode(text, specials=specials)
    except EncodingError:
        return None


def assert_equal_ids(cases: Sequence[Case]) -> None:
    """The page's ids are the library's, with and without specials; so are the spellings."""
    for (tokenizer, texts), answer in zip(cases, run_engine(cases), strict=True):
        for key, specials in (("plain", False), ("special", True)):
            for text, ids in zip(texts, answer[key], strict=True):
                expected = expected_ids(tokenizer, text, specials=specials)
                assert (None if isinstance(ids, str) else ids) == expected, (text, ids)
        spelt = tuple(bytes.fromhex(spelling) for spelling in answer["spellings"])
        assert spelt == tokenizer.spec.token_bytes
