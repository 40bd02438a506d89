"""A chat template, run in a sandbox with bounds: `render`.

The sandbox is Jinja's, which forbids attributes that lead out of it and changes nothing that it is
given. Beside that, steps, sizes of texts and numbers are bounded, so that a template of a stranger
can neither run on nor fill the memory. It reads no other file, and knows neither network nor
system.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from types import FrameType
from typing import Any, NoReturn, cast

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tokkit.errors import FormatError
from tokkit.text.chat.parsing import GenerationTag, parse_template

MAX_STEPS = 500_000
"""Lines of the compiled template that may run."""
MAX_CHARS = 1 << 24
"""Of a text that a template makes."""


class _RefusalError(TemplateError):
    """What the template itself refuses, as two messages of the user in a row."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which no operation makes a text without measure."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """An operation, judged before and after."""
        sizes = [_length(each) for each in (left, right)]
        numbers = [abs(each) for each in (left, right) if isinstance(each, int | float)]
        if operator in ("*", "**") and max(numbers, default=0) * max(sizes) > MAX_CHARS:
            raise SecurityError("makes a text or a number that is too large")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("formats a text by %")
        return _bounded(super().call_binop(context, operator, left, right))

    def call(self, context: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call, judged before and after."""
        for each in (*args, *kwargs.values()):
            if isinstance(each, int) and abs(each) > MAX_STEPS:
                raise SecurityError("passes a number that is too large")
        return _bounded(super().call(context, function, *args, **kwargs))


def _length(value: Any) -> int:
    """Of a text or a list; anything else counts as one."""
    return len(cast("str", value)) if isinstance(value, str | list | tuple) else 1


def _bounded(value: Any) -> Any:
    if _length(value) > MAX_CHARS:
        raise SecurityError("makes a text that is too long")
    return value


def render(template: str, variables: Mapping[str, Any]) -> str:
    """What a template makes of its variables.

    Raises:
        FormatError: it is no template, refuses what it is given, or goes beyond the bounds.
    """
    parse_template(template)
    sandbox: Any = _Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, "jinja2.ext.loopcontrols"]
    )
    # These make texts as long as a number says, or run code of their own.
    for name in ("center", "format", "indent", "wordwrap", "urlize", "pprint", "filesizeformat"):
        sandbox.filters.pop(name)
    sandbox.filters["tojson"] = _to_json
    sandbox.filters["indent"] = _indent
    del sandbox.globals["lipsum"]
    sandbox.globals |= {"raise_exception": _raise_exception, "strftime_now": _strftime_now}
    try:
        tree = sandbox.parse(template)
        _add_instead_of_join(tree)
        compiled = sandbox.from_string(tree)
        with _Steps():
            pieces: list[str] = []
            n_chars = 0
            for piece in compiled.generate(dict(variables)):
                n_chars += len(piece)
                if n_chars > MAX_CHARS:
                    raise SecurityError("writes a text that is too long")
                pieces.append(piece)
    except _RefusalError as error:
        raise FormatError(f"the chat template refuses these messages: {error}") from error
    except (TemplateError, SecurityError, ArithmeticError, LookupError) as error:
        raise FormatError(f"the chat template failed: {type(error).__name__}: {error}") from error
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"the chat template failed: {type(error).__name__}: {error}") from error
    return "".join(pieces)


def _add_instead_of_join(tree: nodes.Template) -> None:
    """Let `a ~ b` be `a|string + b|string`, which the sandbox sees."""
    for node in tree.find_all(nodes.Node):
        for name, value in node.iter_fields():
            setattr(node, name, _replaced(value))


def _replaced(value: Any) -> Any:
    if isinstance(value, list):
        return [_replaced(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, nodes.Concat):
        return value
    first, *rest = (
        nodes.Filter(each, "string", [], [], None, None, lineno=value.lineno)
        for each in map(_replaced, value.nodes)
    )
    whole: nodes.Expr = first
    for each in rest:
        whole = nodes.Add(whole, each, lineno=value.lineno)
    return whole


class _Steps:
    """Counts the lines that a template runs, and stops it when there are too many."""

    def __enter__(self) -> None:
        self._left = MAX_STEPS
        self._before = sys.gettrace()
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename != "<template>":
            return None
        self._left -= 1
        if self._left < 0:
            raise SecurityError("takes too many steps")
        return self._trace


def _raise_exception(message: str) -> NoReturn:
    raise _RefusalError(str(message))


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)  # noqa: DTZ005  # as transformers has it


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers has it: without HTML escapes."""
    if isinstance(indent, int) and indent > 16:
        raise SecurityError("indents by too much")
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _indent(text: str, width: int = 4, first: bool = False, blank: bool = False) -> str:
    """As Jinja's, by a few columns."""
    if not 0 <= width <= 64:
        raise SecurityError("indents by too much")
    space = " " * width
    lines = text.splitlines(keepends=True)
    return "".join(
        (space if (k or first) and (blank or line.strip()) else "") + line
        for k, line in enumerate(lines)
    )
