"""What a chat template does that it should not, seen from its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokkit.audit.chat_templates.reading import ParsedTemplate
from tokkit.audit.rules import Rule
from tokkit.audit.rules.safety import TEMPLATE_UNBOUNDED, TEMPLATE_UNKNOWN_NAME, TEMPLATE_UNSAFE

if TYPE_CHECKING:
    from jinja2 import nodes

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
    from jinja2 import nodes

    defined = {macro.name for macro in parsed.tree.find_all(nodes.Macro)}
    defined |= {name.name for name in parsed.tree.find_all(nodes.Name) if name.ctx != "load"}
    for node in _walk(parsed.tree):
        yield from _unsafe(node)
        yield from _unknown(node, parsed, defined)
        yield from _unbounded(node)


def control_texts(parsed: ParsedTemplate) -> dict[str, int]:
    """Texts spelled like control tokens that the template writes or compares with -> first line."""
    from jinja2 import nodes

    found: dict[str, int] = {}
    for node in parsed.tree.find_all((nodes.Const, nodes.TemplateData)):
        text = node.data if isinstance(node, nodes.TemplateData) else node.value
        if isinstance(text, str):
            for match in CONTROL.finditer(text):
                found.setdefault(match[0], node.lineno)
    return found


def reads(parsed: ParsedTemplate, name: str) -> bool:
    """Whether the template reads a variable, an attribute or an item of that name."""
    from jinja2 import nodes

    return (
        any(node.name == name for node in parsed.tree.find_all(nodes.Name))
        or any(node.attr == name for node in parsed.tree.find_all(nodes.Getattr))
        or any(_constant(node.arg) == name for node in parsed.tree.find_all(nodes.Getitem))
    )


def writes_variable(parsed: ParsedTemplate, name: str) -> bool:
    """Whether a variable stands in something that the template writes."""
    from jinja2 import nodes

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
    from jinja2 import nodes

    return node.value if isinstance(node, nodes.Const) else None


def _unsafe(node: nodes.Node) -> Iterator[Suspicion]:
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr) and (node.attr.startswith("__") or node.attr in _INNARDS):
        yield Suspicion(TEMPLATE_UNSAFE, f"the attribute {node.attr!r}", node.lineno)
    elif isinstance(node, nodes.Const):
        if isinstance(node.value, str) and _DUNDER.fullmatch(node.value):
            yield Suspicion(TEMPLATE_UNSAFE, f"the name {node.value!r}", node.lineno)
    elif isinstance(node, nodes.Filter) and node.name == "attr":
        if _constant(node.args[0] if node.args else None) is None:
            yield Suspicion(TEMPLATE_UNSAFE, "an attribute whose name is computed", node.lineno)
    elif isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        what = f"another file ({type(node).__name__.lower()})"
        yield Suspicion(TEMPLATE_UNSAFE, what, node.lineno)


def _unknown(node: nodes.Node, parsed: ParsedTemplate, defined: set[str]) -> Iterator[Suspicion]:
    from jinja2 import nodes

    rule = TEMPLATE_UNKNOWN_NAME
    if isinstance(node, nodes.Call):
        target = node.node
        if isinstance(target, nodes.Name) and target.name not in FUNCTIONS | defined:
            yield Suspicion(rule, f"the function {target.name!r}", node.lineno)
        elif isinstance(target, nodes.Getattr) and not _is_method(target.attr, defined):
            yield Suspicion(rule, f"the method {target.attr!r}", node.lineno)
    elif isinstance(node, nodes.Filter) and node.name not in parsed.filters:
        yield Suspicion(rule, f"the filter {node.name!r}", node.lineno)
    elif isinstance(node, nodes.Test) and node.name not in parsed.tests:
        yield Suspicion(rule, f"the test {node.name!r}", node.lineno)


def _is_method(name: str, defined: set[str]) -> bool:
    """Whether values have such a method, or `_unsafe` reports it."""
    return name in _METHODS or name in defined or name.startswith("__")


def _unbounded(node: nodes.Node) -> Iterator[Suspicion]:
    from jinja2 import nodes

    rule = TEMPLATE_UNBOUNDED
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        if node.node.name in ("range", "lipsum"):
            for bound in node.args:
                if not _is_bounded(bound):
                    yield Suspicion(rule, f"{node.node.name} of {_said(bound)}", node.lineno)
    elif isinstance(node, nodes.Pow):
        if not _is_small(node.right):
            yield Suspicion(rule, f"a power of {_said(node.right)}", node.lineno)
    elif isinstance(node, nodes.Mul):
        sides = (node.left, node.right)
        if any(isinstance(_constant(side), str) for side in sides):
            times = next(side for side in sides[::-1] if not isinstance(_constant(side), str))
            if not _is_bounded(times):
                yield Suspicion(rule, f"a text repeated {_said(times)} times", node.lineno)
    elif isinstance(node, nodes.Macro) and _calls_itself(node):
        yield Suspicion(rule, f"the macro {node.name!r} calls itself", node.lineno)


def _calls_itself(macro: nodes.Macro) -> bool:
    from jinja2 import nodes

    return any(
        isinstance(call.node, nodes.Name) and call.node.name == macro.name
        for call in macro.find_all(nodes.Call)
    )


def _is_small(node: nodes.Node) -> bool:
    value = _constant(node)
    return isinstance(value, int | float) and abs(value) <= 64


def _is_bounded(node: nodes.Node) -> bool:
    """Whether a number is a small constant, or at most about the length of something given."""
    from jinja2 import nodes

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
