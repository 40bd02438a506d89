"""The wheel in an environment that has nothing else: what the base install promises, it does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

from tests.archives import ROOT, build_archives
from tests.audit.safety.tokenizer_files import added, document, write
from tests.test_install_hints import OWN_EXTRAS, foreign

pytestmark = pytest.mark.slow

TEMPLATE = "<|im_start|>{{ messages[0].content }}{% if add_generation_prompt %}<|no|>{% endif %}"
CONTROL = [added(257, "<|im_start|>"), added(258, "<|fim|>", special=False), added(259, "<s>")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_archives(tmp_path_factory.mktemp("source"))[1]


class Bare:
    """A virtual environment with the wheel and what the wheel itself asks for."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / ("Scripts" if os.name == "nt" else "bin")
        self.folder = folder
        hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        self._environment = {key: os.environ[key] for key in os.environ if key not in hidden}

    def run(self, program: str, *arguments: str, code: int | None = 0) -> tuple[str, str]:
        """Standard output and error of a program of the environment."""
        process = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False,
            timeout=900,
        )  # fmt: skip
        assert code is None or process.returncode == code, process.stdout + process.stderr
        return process.stdout, process.stderr

    def fails(self, program: str, *arguments: str) -> bool:
        """Whether a program exits with an error."""
        command = [str(self._bin / program), *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True).returncode != 0

    def python(self, code: str) -> str:
        """What a piece of Python prints."""
        return self.run("python", "-c", code)[0]


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bare") / "environment"
    venv.create(folder, with_pip=True, system_site_packages=False)
    bare = Bare(folder)
    constraints = ("-c", str(ROOT / "constraints.txt"))
    target = ("-d", str(folder / "probe"))
    download = ("python", "-m", "pip", "download", "-q", "--no-deps", *constraints, *target)
    if bare.fails(*download, "jinja2"):
        pytest.skip("no package index can be reached, so nothing can be installed")
    bare.run("python", "-m", "pip", "install", "-q", *constraints, str(wheel))
    write(folder, document(added_tokens=CONTROL))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    (folder / "config.json").write_text("{}")
    return bare


def test_the_command_is_there(bare: Bare) -> None:
    version = bare.run("tokkit", "--version")[0]
    assert re.fullmatch(r"tokkit [\d.]+\n", version)
    assert bare.run("python", "-m", "tokkit", "--version")[0] == version
    assert "--html" in bare.run("tokkit", "audit", "--help")[0]


def test_text_is_tokenized(bare: Bare) -> None:
    assert bare.run("tokkit", "tokenize", "tokenizer.json", "--text", "abc")[0] == (
        "256\t'ab'\n99\t'c'\n"
    )


def test_an_audit_finds_what_it_finds_with_everything_installed(bare: Bare) -> None:
    arguments = ("audit", "tokenizer.json", "--json", "--fail-on", "never", "--html", "page.html")
    out, _ = bare.run("tokkit", *arguments)
    found: dict[str, Any] = json.loads(out)
    here = subprocess.run(
        [sys.executable, "-m", "tokkit", *arguments[:-2]],
        cwd=bare.folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    assert json.loads(here.stdout)["findings"] == found["findings"]
    rules = {finding["rule"] for finding in found["findings"]}
    assert {"special-token-unmarked", "template-unknown-token"} <= rules


def test_public_names_need_no_extra_but_one(bare: Bare) -> None:
    code = "import tokkit; [getattr(tokkit, n) for n in tokkit.__all__ if n != 'TransformersLM']"
    assert bare.python(code) == ""


NEEDS = {
    "import tokkit; tokkit.TransformersLM": "hf",
    "import tokkit; tokkit.load_lm('.')": "hf",
    "import tokkit.hf": "hf",
    "import tokkit.harness": "harness",
    "from tokkit.bytelm.drawing.patterns import Grammar; Grammar.regex('a')": "constrained",
}


@pytest.mark.parametrize("code", NEEDS)
def test_what_is_missing_is_told_with_the_way_to_get_it(code: str, bare: Bare) -> None:
    printed = bare.python(
        "from tokkit.errors import MissingExtraError\n"
        f"try:\n    {code}\nexcept MissingExtraError as error:\n    print(error.extra, error)"
    )
    extra, _, message = printed.partition(" ")
    assert extra == NEEDS[code]
    assert message.endswith(f"run pip install '.[{extra}]'\n")
    assert not foreign(message)


def test_commands_that_need_a_model_say_what_they_need(bare: Bare) -> None:
    samples = bare.folder / "samples"
    samples.mkdir()
    for name in ("one.txt", "two.txt"):
        (samples / name).write_text("a text\n" * 50)
    mixture = ("mixture", "tokenizer.json", str(samples))
    for arguments, expected in (
        (("complete", ".", "--prompt", "a"), "pip install '.[hf]'"),
        (("complete", ".", "--prompt", "a", "--pattern", "a"), "pip install '.[constrained]'"),
        (("score", "no/such/model.gguf", "--text", "a"), "no such file or folder"),
        ((*mixture, "--jobs", "2"), "pip install '.[mixture]'"),
    ):
        _, told = bare.run("tokkit", *arguments, code=2)
        assert expected in told.splitlines()[-1]


def stub_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel with nothing in it."""
    plain = re.sub(r"[-_.]+", "_", name)
    info = f"{plain}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{plain}-{version}-py3-none-any.whl", "w") as archive:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for file, text in (("METADATA", about), ("WHEEL", kind), ("RECORD", "")):
            archive.writestr(f"{info}/{file}", text)


def test_extras_that_name_the_project_install_the_project(wheel: Path, tmp_path: Path) -> None:
    """Were they looked up in an index, the highest `tokkit` there would be installed."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    for requirement in metadata.get_all("Requires-Dist") or []:
        package = re.match(r"[\w.-]+", requirement)
        version = re.search(r"[=>]=\s*([\d.]+)", requirement)
        assert package is not None
        if package[0] != "tokkit":
            stub_wheel(tmp_path, package[0], version[1] if version else "1.0")
    stub_wheel(tmp_path, "tokkit", "99.0")
    assert {f"tokkit[{extra}]" for extra in metadata.get_all("Provides-Extra") or []} >= OWN_EXTRAS
    report = tmp_path / "report.json"
    for extra in ("harness", "cluster", "demo", "dev"):
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--isolated", "--dry-run", "--quiet",
             "--ignore-installed", "--no-index", "--find-links", str(tmp_path),
             "--report", str(report), f"{wheel}[{extra}]"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        installed = {
            each["metadata"]["name"]: each for each in json.loads(report.read_text())["install"]
        }
        assert installed["tokkit"]["metadata"]["version"] == metadata["Version"]
        assert installed["tokkit"]["download_info"]["url"] == wheel.as_uri()
