"""A module imports only from its own layer and those above it (docs/architecture.md)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    *(
        "version",
        "errors",
        "exports",
        "arguments",
        "freed_memory",
        "kernels",
        "files",
        "report",
        "tokenizer",
        "text",
        "bytelm",
        "hf",
        "harness",
        "mixture",
        "scoring",
        "dynamic",
    ),
    *("quantize", "audit", "models", "hypernets", "serve", "cli"),
]
PEERS = {"models", "hypernets"}  # one layer, at the top level of the repository
KERNEL_IMPORTS = {"llvmlite", "numba", "numpy", *sys.stdlib_module_names}


def modules() -> Iterator[tuple[str, Path]]:
    """Dotted name and path of each module, those behind the links once."""
    for folder in (ROOT / "tokkit", ROOT / "models", ROOT / "hypernets"):
        for path in sorted(folder.rglob("*.py")):
            relative = path.relative_to(ROOT)
            if relative.parts[:2] in {("tokkit", peer) for peer in PEERS}:
                continue
            parts = relative.with_suffix("").parts
            yield ".".join(parts if parts[0] == "tokkit" else ("tokkit", *parts)), path


def benchmarks() -> Iterator[tuple[str, Path]]:
    """The same of the scripts that make the tables of the docs."""
    for path in sorted((ROOT / "benchmarks").rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def imported_names(path: Path, module: str) -> Iterator[str]:
    """Every dotted name that is imported anywhere in the file, in a function or for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str | None:
    """The layer of a dotted name; None outside tokkit, `""` for what the facade itself exports."""
    head, _, rest = module.partition(".")
    if head != "tokkit":
        return None
    name = rest.partition(".")[0]
    return name if name in LAYERS else ""


def rank(name: str) -> int:
    return LAYERS.index("models" if name in PEERS else name)


OUTSIDE = {"benchmarks", "scripts", "tests"}
FOR_ALL_AREAS = ("shared", "fetch")
"""The folders of `benchmarks/` that others may import, each those before it as well."""
MODULES = [(module, path) for module, path in modules() if layer(module)]


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[module for module, _ in MODULES])
def test_imports_come_from_above(module: str, path: Path) -> None:
    own = layer(module)
    assert own
    for name in imported_names(path, module):
        imported = layer(name)
        assert name.partition(".")[0] not in OUTSIDE, f"{module} imports {name}, which is no part"
        if imported is None:
            continue
        if imported == "":
            assert own in ("serve", "cli"), f"{module} imports {name}: only serve and cli may"
            continue
        assert rank(imported) <= rank(own), f"{module} imports {name}, which stands below it"


def test_no_layer_looks_up_the_facade_at_run_time() -> None:
    for module, path in MODULES:
        assert 'import_module("tokkit")' not in path.read_text(encoding="utf-8"), module


def test_kernels_import_only_numba_and_numpy() -> None:
    for module, path in MODULES:
        if layer(module) == "kernels":
            for name in imported_names(path, module):
                allowed = name.startswith("tokkit.kernels") or name.split(".")[0] in KERNEL_IMPORTS
                assert allowed, f"{module} imports {name}"


def test_every_module_belongs_to_a_layer() -> None:
    strays = {module for module, _ in modules() if not layer(module)}
    assert strays == {"tokkit.__init__", "tokkit.__main__"}


def test_areas_of_the_benchmarks_import_only_what_is_for_all() -> None:
    areas = {module.split(".")[1] for module, _ in benchmarks()} - {"__init__"}
    assert areas > set(FOR_ALL_AREAS)
    for module, path in benchmarks():
        area = module.split(".")[1]
        n_allowed = FOR_ALL_AREAS.index(area) if area in FOR_ALL_AREAS else len(FOR_ALL_AREAS)
        for name in imported_names(path, module):
            if name.startswith("benchmarks."):
                allowed = {area, *FOR_ALL_AREAS[:n_allowed]}
                assert name.split(".")[1] in allowed, f"{module} imports {name}"


def test_links_lead_to_the_top_level_folders() -> None:
    for name in PEERS:
        link = ROOT / "tokkit" / name
        assert link.is_symlink()
        assert link.resolve() == ROOT / name


MOST_MODULES = 15


def imports_of(module: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules that one imports; what is no module itself is a name in one."""
    names = imported_names(path, module)
    found = {name if name in known else name.rpartition(".")[0] for name in names}
    return (found & known.keys()) - {module}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import one another, by removing again and again what imports nothing left."""
    left = {module: set(names) for module, names in imports.items()}
    while loose := [module for module, names in left.items() if not names & left.keys()]:
        for module in loose:
            del left[module]
    return [[module, *sorted(names & left.keys())] for module, names in sorted(left.items())]


def test_no_modules_import_one_another() -> None:
    known = {module.removesuffix(".__init__"): path for module, path in (*modules(), *benchmarks())}
    imports = {module: imports_of(module, path, known) for module, path in known.items()}
    assert len(imports) > 300
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["a", "b"], ["b", "c"], ["c", "b"]]
    assert not circles(imports)


def test_no_folder_holds_more_modules_than_one_can_look_over() -> None:
    folders: dict[Path, int] = {}
    for module, path in (*modules(), *benchmarks()):
        if not module.endswith("__init__"):
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {folder.name: n for folder, n in folders.items() if n > MOST_MODULES} == {}
