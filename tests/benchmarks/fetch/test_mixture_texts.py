"""Texts of a language are gathered from all that there is of it, each line once."""

from __future__ import annotations

import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

import benchmarks.fetch.mixture_texts as mixture_texts


def write_catalog(path: Path, messages: dict[str, str]) -> None:
    """A compiled gettext catalogue, with the header that says it is UTF-8."""
    entries = {"": "Content-Type: text/plain; charset=UTF-8\n", **dict(sorted(messages.items()))}
    data, tables = b"", []
    offset = 28 + 16 * len(entries)
    for column in (list(entries), list(entries.values())):
        for text in column:
            raw = text.encode()
            tables.append(struct.pack("<II", len(raw), offset + len(data)))
            data += raw + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(entries), 28, 28 + 8 * len(entries), 0, 0)
    path.write_bytes(head + b"".join(tables) + data)


def test_an_interface_holds_both_languages_without_access_keys(tmp_path: Path) -> None:
    catalog = tmp_path / "one.mo"
    write_catalog(catalog, {"STR_OPEN\4~Open": "~Öffnen", "STR_TWO\4a\nb": "c\n\nd"})
    lines = mixture_texts.interface_lines
    assert lines([catalog], translated=True) == ["Öffnen", "c", "d"]
    assert lines([catalog], translated=False) == ["Open", "a", "b"]


def test_a_language_has_the_lines_of_all_its_texts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture_texts, "MIN_BYTES", 1)
    texts = {"lo/zh_CN": "一\n二\n", "mw/zh-hans": "二\n三\n", "mw/zh-hk": "四\n", "mw/af": "een\n"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    written = tmp_path / "languages"
    mixture_texts.write_languages(written, [tmp_path / "lo", tmp_path / "mw"])
    found = {path.name: path.read_text(encoding="utf-8") for path in written.iterdir()}
    assert found == {"zh_CN.txt": "一\n二\n三\n", "af.txt": "een\n"}


def test_applications_give_each_language_what_is_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = {
        "one/de": {"Open": "Öffnen", "OK": "OK"},
        "one/de_CH": {"Open": "Oeffnen"},
        "one/sr@latin": {"Open": "Otvori"},
        "two/de": {"Close": "Schließen", "Open": "Öffnen"},
    }
    for place, catalog in messages.items():
        package, locale = place.split("/")
        folder = tmp_path / package / "usr" / "locale" / locale / "LC_MESSAGES"
        folder.mkdir(parents=True)
        write_catalog(folder / "app.mo", catalog)

    @contextmanager
    def unpacked(package: str, packages: Path) -> Generator[Path]:
        yield packages / package

    monkeypatch.setattr(mixture_texts, "unpacked", unpacked)
    monkeypatch.setattr(mixture_texts, "APPLICATIONS", ["one", "two"])
    monkeypatch.setattr(mixture_texts, "MIN_BYTES", 1)
    written = tmp_path / "apps"
    mixture_texts.write_applications(written, tmp_path)
    found = {path.name: path.read_text(encoding="utf-8") for path in written.iterdir()}
    assert found == {"de.txt": "Öffnen\nSchließen\n", "en.txt": "OK\nOpen\nClose\n"}


def test_a_testament_has_a_verse_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture_texts, "TESTAMENTS", {"Ewe": "ee"})
    monkeypatch.setattr(mixture_texts, "MIN_BYTES", 1)
    bible = tmp_path / "bibles" / "Ewe-NT.xml"
    bible.parent.mkdir()
    verses = "<seg>\n\tYesu\n Kristo </seg><seg/><seg>eye</seg><seg>eye</seg>"
    bible.write_text(f"<cesDoc><text>{verses}</text></cesDoc>", encoding="utf-8")
    mixture_texts.write_testaments(tmp_path / "nt", tmp_path)
    assert (tmp_path / "nt" / "ee.txt").read_text(encoding="utf-8") == "Yesu Kristo\neye\n"
