"""What a chat template does that it should not, seen from its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from tokkit.audit.rules import Rule
from tokkit.audit.rules.safety import TEMPLATE_UNBOUNDED, TEMPLATE_UNKNOWN_NAME, TEMPLATE_UNSAFE
from tokkit.text.chat.parsing import ParsedTemplate

MAX_REPEATS = 100_000
FUNCTIONS = frozenset(
    ("range", "dict", "lipsum", "cycler", "joiner", "namespace", "raise_exception", "strftime_now",
     "caller", "loop", "super")
)  # fmt: skip
"""Functions of Jinja, and those that transformers adds."""
_METHODS = frozenset(
    name
    for kind in (str, list, dict, tuple, set, int)
    for name in dir(kind)
    if not name.startswith("_")
) | {"cycle", "changed", "next", "current", "reset"}
_INNARDS = frozenset(
    ("mro", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "f_globals",
     "f_locals", "f_builtins", "f_code", "func_globals", "func_code", "im_func", "im_self",
     "tb_frame", "co_code")
)  # fmt: skip
_DUNDER = re.compile(r"__\w+__")
CONTROL = re.compile(r"<\|[^<>|\s]{1,64}\|>|<\uff5c[^<>\uff5c\s]{1,64}\uff5c>")


@dataclass(frozen=True)
class Suspicion:
    """Something in a template.

    Attributes:
        rule: which it goes against.
        what: it, in a few words.
        line: where it stands.
    """

    rule: Rule
    what: str
    line: int


def check_template(parsed: ParsedTemplate) -> Iterator[Suspicion]:
    """What is wrong in the tree, in the order of the template; control tokens are not looked up."""
    defined = {macro.name for macro in parsed.tree.find_all(nodes.Macro)}
    defined |= {name.name for name in parsed.tree.find_all(nodes.Name) if name.ctx != "load"}
    for node in _walk(parsed.tree):
        found = {
            TEMPLATE_UNSAFE: [_unsafe(node)],
            TEMPLATE_UNKNOWN_NAME: [_unknown(node, parsed, defined)],
            TEMPLATE_UNBOUNDED: _unbounded(node),
        }
        for rule, whats in found.items():
            yield from (Suspicion(rule, what, node.lineno) for what in whats if what)


def control_texts(parsed: ParsedTemplate) -> dict[str, int]:
    """Texts spelled like control tokens that the template writes or compares with -> first line."""
    found: dict[str, int] = {}
    for node in parsed.tree.find_all((nodes.Const, nodes.TemplateData)):
        text = node.data if isinstance(node, nodes.TemplateData) else node.value
        if isinstance(text, str):
            for match in CONTROL.finditer(text):
                found.setdefault(match[0], node.lineno)
    return found


def reads(parsed: ParsedTemplate, name: str) -> bool:
    """Whether the template reads a variable, an attribute or an item of that name."""
    return (
        any(node.name == name for node in parsed.tree.find_all(nodes.Name))
        or any(node.attr == name for node in parsed.tree.find_all(nodes.Getattr))
        or any(_constant(node.arg) == name for node in parsed.tree.find_all(nodes.Getitem))
    )


def writes_variable(parsed: ParsedTemplate, name: str) -> bool:
    """Whether a variable stands in something that the template writes."""
    return any(
        found.name == name
        for output in parsed.tree.find_all(nodes.Output)
        for found in output.find_all(nodes.Name)
    )


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    """All nodes, a parent before its children, without recursion."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(list(node.iter_child_nodes()))


def _constant(node: nodes.Node | None) -> Any:
    return node.value if isinstance(node, nodes.Const) else None


def _unsafe(node: nodes.Node) -> str | None:
    match node:
        case nodes.Getattr() if node.attr.startswith("__") or node.attr in _INNARDS:
            return f"the attribute {node.attr!r}"
        case nodes.Const() if isinstance(node.value, str) and _DUNDER.fullmatch(node.value):
            return f"the name {node.value!r}"
        case nodes.Filter(name="attr") if _constant(node.args[0] if node.args else None) is None:
            return "an attribute whose name is computed"
        case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
            return f"another file ({type(node).__name__.lower()})"
        case _:
            return None


def _unknown(node: nodes.Node, parsed: ParsedTemplate, defined: set[str]) -> str | None:
    match node:
        case nodes.Call(node=nodes.Name(name=name)) if name not in FUNCTIONS | defined:
            return f"the function {name!r}"
        case nodes.Call(node=nodes.Getattr(attr=attr)) if not _is_method(attr, defined):
            return f"the method {attr!r}"
        case nodes.Filter() if node.name not in parsed.filters:
            return f"the filter {node.name!r}"
        case nodes.Test() if node.name not in parsed.tests:
            return f"the test {node.name!r}"
        case _:
            return None


def _is_method(name: str, defined: set[str]) -> bool:
    """Whether values have such a method, or `_unsafe` reports it."""
    return name in _METHODS or name in defined or name.startswith("__")


def _unbounded(node: nodes.Node) -> list[str]:
    match node:
        case nodes.Call(node=nodes.Name(name="range" | "lipsum" as name)):
            return [f"{name} of {_said(bound)}" for bound in node.args if not _is_bounded(bound)]
        case nodes.Pow() if not _is_small(node.right):
            return [f"a power of {_said(node.right)}"]
        case nodes.Mul():
            sides = (node.left, node.right)
            times = [side for side in sides if not isinstance(_constant(side), str)]
            if len(times) == 1 and not _is_bounded(times[0]):
                return [f"a text repeated {_said(times[0])} times"]
        case nodes.Macro() if _calls_itself(node):
            return [f"the macro {node.name!r} calls itself"]
        case _:
            pass
    return []


def _calls_itself(macro: nodes.Macro) -> bool:
    return any(
        isinstance(call.node, nodes.Name) and call.node.name == macro.name
        for call in macro.find_all(nodes.Call)
    )


def _is_small(node: nodes.Node) -> bool:
    value = _constant(node)
    return isinstance(value, int | float) and abs(value) <= 64


def _is_bounded(node: nodes.Node) -> bool:
    """Whether a number is a small constant, or at most about the length of something given."""
    if isinstance(node, nodes.Const):
        return not isinstance(node.value, int) or abs(node.value) <= MAX_REPEATS
    if isinstance(node, nodes.Filter):
        inner = node.node
        is_number = node.name == "int" and inner is not None and _is_bounded(inner)
        return node.name in ("length", "count") or is_number
    if isinstance(node, nodes.Add | nodes.Sub | nodes.FloorDiv):
        return _is_bounded(node.left) and _is_bounded(node.right)
    if isinstance(node, nodes.Neg | nodes.Pos):
        return _is_bounded(node.node)
    if isinstance(node, nodes.Getattr):
        loop = isinstance(node.node, nodes.Name) and node.node.name == "loop"
        return loop and node.attr in ("index", "index0", "length", "revindex", "revindex0")
    return False


def _said(node: nodes.Node) -> str:
    value = _constant(node)
    return f"{value:,}" if isinstance(value, int) else "a number from its input"
