"""Under-trained tokens: planted ones are found, healthy matrices give none, damage is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.toy_subjects import byte_tokenizer
from tests.audit.vocabulary.embeddings.embedding_samples import (
    BYTES,
    NEVER,
    PLANTED,
    VERDICTS,
    matrix_with,
    write_gguf,
    write_safetensors,
)
from tokkit.audit.subject import Subject
from tokkit.audit.vocabulary import examine
from tokkit.audit.vocabulary.embeddings.matrix_files import ArrayMatrix, Embeddings, open_embeddings
from tokkit.audit.vocabulary.embeddings.training_indicator import measure_rows
from tokkit.audit.vocabulary.embeddings.under_trained import TrainingReport, examine_embeddings
from tokkit.errors import FormatError, TokkitError, UnsupportedError

INPUT, OUTPUT = "model.embed_tokens.weight", "lm_head.weight"


def report_of(path: Path) -> TrainingReport:
    return examine_embeddings(BYTES, VERDICTS, path)


def fact(report: TrainingReport, key: str) -> object:
    return next(fact.value for fact in report.facts if fact.key == key)


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "F64"])
def test_planted_rows_are_found_in_tied_safetensors(tmp_path: Path, kind: str) -> None:
    rows = matrix_with((*NEVER, *PLANTED))
    report = report_of(write_safetensors(tmp_path / "model.safetensors", {INPUT: rows}, kind))
    (finding,) = report.findings
    assert finding.tokens == PLANTED
    assert fact(report, "under_trained_tokens") == len(PLANTED)
    assert fact(report, "training_reference_rows") == len(NEVER)
    assert {row[0] for row in report.tables[0].rows[:2]} == set(PLANTED)
    assert {witness.ids for witness in finding.witnesses} == {(65,), (97,)}
    assert all(BYTES.decode(w.ids) == w.result for w in finding.witnesses)


@pytest.mark.parametrize("quantized", [True, False])
def test_planted_rows_are_found_in_gguf(tmp_path: Path, quantized: bool) -> None:
    pytest.importorskip("gguf")
    rows = matrix_with((*NEVER, *PLANTED))
    path = write_gguf(tmp_path / "m.gguf", {"token_embd.weight": rows}, quantized=quantized)
    assert report_of(path).findings[0].tokens == PLANTED


def test_a_healthy_matrix_gives_no_finding(tmp_path: Path) -> None:
    rows = matrix_with(NEVER)
    report = report_of(write_safetensors(tmp_path / "m.safetensors", {INPUT: rows}))
    assert not report.findings
    assert fact(report, "under_trained_tokens") == 0


def test_without_rows_that_are_alike_nothing_is_said(tmp_path: Path) -> None:
    report = report_of(write_safetensors(tmp_path / "m.safetensors", {INPUT: matrix_with(())}))
    assert not report.findings
    assert fact(report, "under_trained_tokens") is None


def test_trained_rows_among_the_candidates_do_not_count(tmp_path: Path) -> None:
    rows = matrix_with((*NEVER[:8], *PLANTED))
    report = report_of(write_safetensors(tmp_path / "m.safetensors", {INPUT: rows}))
    assert report.findings[0].tokens == PLANTED
    assert fact(report, "training_reference_rows") == 8


def test_short_rows_are_found_in_untied_matrices(tmp_path: Path) -> None:
    rows = matrix_with(())
    rows[list(PLANTED)] *= 0.01
    head = matrix_with((), seed=1)
    report = report_of(write_safetensors(tmp_path / "m.safetensors", {INPUT: rows, OUTPUT: head}))
    assert report.findings[0].tokens == PLANTED
    assert fact(report, "embeddings_tied") is False


def test_a_head_that_is_a_copy_is_tied(tmp_path: Path) -> None:
    rows = matrix_with(())
    path = write_safetensors(tmp_path / "m.safetensors", {INPUT: rows, OUTPUT: rows})
    assert fact(report_of(path), "embeddings_tied") is True


def test_padding_rows_serve_as_untrained(tmp_path: Path) -> None:
    rows = matrix_with((*PLANTED, *range(256, 320)), n_rows=320)
    report = report_of(write_safetensors(tmp_path / "m.safetensors", {INPUT: rows}))
    assert report.findings[0].tokens == PLANTED
    assert fact(report, "training_reference_rows") == 64


def test_rows_of_zeros_and_of_no_numbers_count_as_untrained(tmp_path: Path) -> None:
    rows = matrix_with((*NEVER, *PLANTED))
    rows[70], rows[71] = 0, np.nan
    report = report_of(write_safetensors(tmp_path / "m.safetensors", {INPUT: rows}))
    assert report.findings[0].tokens == (65, 70, 71, 97)


def test_a_folder_of_shards_is_read(tmp_path: Path) -> None:
    rows = matrix_with((*NEVER, *PLANTED))
    write_safetensors(tmp_path / "model-00001-of-00002.safetensors", {"norm.weight": rows[0]})
    write_safetensors(tmp_path / "model-00002-of-00002.safetensors", {INPUT: rows})
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    assert report_of(tmp_path).findings[0].tokens == PLANTED


def test_they_are_a_part_of_the_vocabulary_section(tmp_path: Path) -> None:
    rows = matrix_with((*NEVER, *PLANTED))
    path = write_safetensors(tmp_path / "m.safetensors", {INPUT: rows})
    first, second = (examine(Subject(byte_tokenizer()), embeddings=path) for _ in range(2))
    assert first == second
    assert "under-trained-token" in {finding.rule for finding in first.findings}
    assert "training_indicator" in {chart.key for chart in first.section.charts}
    assert "under_trained" in {table.key for table in first.section.tables}
    bare = examine(Subject(byte_tokenizer()))
    assert "under_trained_tokens" not in {fact.key for fact in bare.section.facts}


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_distances_are_those_of_their_definition_at_every_scale(seed: int, scale: float) -> None:
    rows = matrix_with(NEVER, seed=seed)
    rng = np.random.default_rng(seed)
    rows += 4 * np.outer(rng.normal(size=256), np.ones(rows.shape[1])).astype(np.float32)
    tied = Embeddings(ArrayMatrix(rows * np.float32(scale)), None)
    indicator = measure_rows(tied, np.array(NEVER))
    assert indicator is not None
    assert set(indicator.references) <= set(NEVER)
    exact = rows.astype(np.float64)
    component = np.linalg.svd(exact - exact.mean(axis=0))[2][0]
    bare = exact - np.outer(exact @ component, component)
    mean = bare[list(indicator.references)].mean(axis=0)
    cosines = bare @ mean / (np.linalg.norm(bare, axis=1) * np.linalg.norm(mean))
    assert np.abs(1 - cosines - indicator.values).max() < 1e-4


def test_a_matrix_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    for n_rows in (200, 5000):
        rows = np.ones((n_rows, 4), dtype=np.float32)
        path = write_safetensors(tmp_path / f"{n_rows}.safetensors", {INPUT: rows})
        with pytest.raises(FormatError, match=f"has {n_rows:,} rows, expected 256 to"):
            report_of(path)


def test_types_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {INPUT: np.ones((256, 4))}, "I8")
    with pytest.raises(UnsupportedError, match="I8"):
        report_of(path)


def _entry(**changes: object) -> bytes:
    entry = {"dtype": "F32", "shape": [256, 4], "data_offsets": [0, 4096], **changes}
    text = json.dumps({INPUT: entry}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4096)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02}q\x00.",
        bytes(8),
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 60_000) + b"[" * 60_000,
        _entry()[:-1],
        _entry(shape=[256, -4]),
        _entry(shape=[1 << 40, 1 << 16]),
        _entry(shape=[1024]),
        _entry(shape="wide"),
        _entry(data_offsets=[-4096, 0]),
        _entry(data_offsets=[0]),
        _entry(dtype=None),
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(TokkitError):
        open_embeddings(path)


def test_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        open_embeddings(tmp_path / "none.gguf")
    with pytest.raises(FormatError, match="no embedding matrix"):
        open_embeddings(tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 40))
def test_any_header_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, noise, at) -> None:
    content = bytearray(_entry())
    content[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    path.write_bytes(content)
    try:
        embeddings = open_embeddings(path)
    except TokkitError:
        return
    assert embeddings.inputs.rows(slice(0, 1)).shape == (1, embeddings.inputs.shape[1])


@pytest.mark.real
@pytest.mark.slow
def test_smollm2_never_learned_names_that_its_corpus_lacks() -> None:
    pytest.importorskip("gguf")
    from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge
    from tokkit.errors import MissingExtraError
    from tokkit.files.packaged import find_packaged
    from tokkit.text.tokenizer import load_tokenizer

    try:
        path = find_packaged("smollm2")
    except MissingExtraError as error:
        pytest.skip(str(error))
    tokenizer = load_tokenizer(path, format="gguf")
    verdicts = ReachabilityJudge(tokenizer).judge_all()
    report = examine_embeddings(tokenizer, verdicts, Path("smollm2"))
    (finding,) = report.findings
    found = {tokenizer.spec.token_bytes[token] for token in finding.tokens}
    assert found >= {b"ManagementPlaneProtection", b" transistorsum", b"swigfaiss", b"\x00"}
    common = tokenizer.encode(b"The name of the man was John, and he went to the city with 12 cats")
    assert not set(common) & set(finding.tokens)
    assert 20 < finding.count < 60
