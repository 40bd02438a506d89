"""Fetch recordings of speech for the benchmark of codecs, as WAV files of 8,000 samples a second.

- `asterisk`: prompts of a telephone exchange, in English by Allison Smith (CC-BY-SA-3.0; Debian's
  asterisk-core-sounds-en and -en-wav), with what is said in `texts.json`;
- `fillets`: dialogues of a game, in Dutch (GPL-2+; Debian's fillets-ng-data-nl);
- `fsdd`: English digits by six speakers (Free Spoken Digit Dataset, CC-BY-SA-4.0), and `librivox`:
  five sentences of a novel (LibriVox, public domain), from `--speech FOLDER`, which has
  `fsdd_8k.flac`, an index of it in `fsdd_8k.json`, and `sense_*.wav` with `transcription`.

Needs apt of Debian 12 (it downloads packages, and installs none), dpkg-deb, and the extra `speech`.
Nothing of it is committed; the licences are written beside what was fetched.

    python -m benchmarks.fetch.speech --speech FOLDER [--into FOLDER]
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal as filters

from benchmarks.fetch.mixture_texts import download, unpacked
from benchmarks.shared.records import FOLDER

RATE = 8000
SPEECH = FOLDER / "speech"
LICENCES = {
    "asterisk": "CC-BY-SA-3.0, Allison Smith; Debian package asterisk-core-sounds-en-wav",
    "fillets": "GPL-2+, the voices of Fish Fillets NG; Debian package fillets-ng-data-nl",
    "fsdd": "CC-BY-SA-4.0, Free Spoken Digit Dataset (Zohar Jackson and others)",
    "librivox": "public domain, LibriVox: Sense and Sensibility, chapter 1",
}
_LEAST_SECONDS = 0.3

Floats = NDArray[np.float32]
Signals = Mapping[str, tuple[Floats, str]]
"""Name -> signal, and what is said in it, if that is known."""


def at_rate(signal: NDArray[Any], rate: int) -> Floats:
    """A signal of one channel or several, float32 (samples,) at 8,000 a second."""
    mono = signal.mean(axis=1) if signal.ndim == 2 else signal
    return np.clip(resampled(mono, RATE, rate), -1, 1)


def resampled(signal: NDArray[Any], wanted: int, rate: int) -> Floats:
    """A signal (samples,) at another number of samples a second, float32."""
    if wanted == rate:
        return np.asarray(signal, np.float32)
    library: Any = filters
    return np.asarray(library.resample_poly(signal, wanted, rate), np.float32)


def asterisk(packages: Path) -> Signals:
    """Prompts that say something: what has no text, or a text in brackets, is a tone or music."""
    download(["asterisk-core-sounds-en", "asterisk-core-sounds-en-wav"], packages)
    with unpacked("asterisk-core-sounds-en", packages) as root:
        data = next(root.rglob("core-sounds-en.txt.gz")).read_bytes()
    texts = spoken_texts(gzip.decompress(data).decode(errors="replace"))
    found: dict[str, tuple[Floats, str]] = {}
    with unpacked("asterisk-core-sounds-en-wav", packages) as root:
        voice = next(root.rglob("en_*"))
        for path in sorted(voice.rglob("*.wav")):
            name = path.relative_to(voice).with_suffix("").as_posix()
            if name in texts:
                found[name.replace("/", "_")] = (_read(path), texts[name])
    return found


def spoken_texts(lines: str) -> dict[str, str]:
    """`name: Text.` of each line, of those that are spoken."""
    pairs = (re.fullmatch(r"([\w/-]+): *(.+)", line.strip()) for line in lines.splitlines())
    return {each[1]: each[2] for each in pairs if each and not each[2].startswith(("[", "("))}


def fillets(packages: Path) -> Signals:
    """Dialogues of a game."""
    download(["fillets-ng-data-nl"], packages)
    with unpacked("fillets-ng-data-nl", packages) as root:
        return {
            f"{path.parents[1].name}_{path.stem}": (_read(path), "")
            for path in sorted(root.rglob("nl/*.ogg"))
        }


def fsdd(folder: Path) -> Signals:
    """Digits; a name is DIGIT_SPEAKER_NUMBER."""
    whole = _read(folder / "fsdd_8k.flac")
    index = json.loads((folder / "fsdd_8k.json").read_text(encoding="utf-8"))
    return {
        Path(name).stem: (whole[start:end], name.partition("_")[0])
        for name, start, end in index["items"]
    }


def librivox(folder: Path) -> Signals:
    """Sentences of a novel."""
    lines = (folder / "transcription").read_text(encoding="utf-8").splitlines()
    found = (re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()) for line in lines)
    return {each[2]: (_read(folder / f"{each[2]}.wav"), each[1]) for each in found if each}


def _read(path: Path) -> Floats:
    reader: Any = import_module("soundfile")
    signal, rate = reader.read(path, dtype="float32")
    return at_rate(signal, rate)


def write(name: str, folder: Path, read: Callable[[], Signals]) -> None:
    """Write the files of a source, unless they are there."""
    place = folder / name
    if (place / "texts.json").exists():
        return
    writer: Any = import_module("soundfile")
    place.mkdir(parents=True, exist_ok=True)
    texts: dict[str, str] = {}
    seconds = 0.0
    for each, (signal, text) in read().items():
        if len(signal) >= _LEAST_SECONDS * RATE or name == "fsdd":
            writer.write(place / f"{each}.wav", signal, RATE, subtype="PCM_16")
            texts[each] = text
            seconds += len(signal) / RATE
    (place / "LICENCE").write_text(LICENCES[name] + "\n", encoding="utf-8")
    (place / "texts.json").write_text(json.dumps(texts, indent=1), encoding="utf-8")
    print(f"{name}: {len(texts):,} recordings, {seconds / 60:.1f} minutes; {LICENCES[name]}")


def main() -> None:
    """Fetch what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--speech", type=Path, required=True, help="folder of FSDD and LibriVox")
    parser.add_argument("--into", type=Path, default=SPEECH)
    options = parser.parse_args()
    packages = options.into / "packages"
    write("asterisk", options.into, lambda: asterisk(packages))
    write("fillets", options.into, lambda: fillets(packages))
    write("fsdd", options.into, lambda: fsdd(options.speech))
    write("librivox", options.into, lambda: librivox(options.speech))


if __name__ == "__main__":
    main()
