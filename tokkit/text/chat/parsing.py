"""Parse a chat template with Jinja's own parser, with the tags that transformers adds.

Nothing is compiled and nothing runs: the syntax tree is all that is made. Sizes and nesting are
checked first, because the parser recurses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from tokkit.errors import FormatError

MAX_CHARS = 1 << 18
MAX_NESTING = 60
_IMPLIED = {"loop", "caller", "super", "self", "varargs", "kwargs"}
_BRACKETS = re.compile(r"[(\[{]|[)\]}]")


@dataclass(frozen=True, eq=False)
class ParsedTemplate:
    """A syntax tree, and the names that Jinja knows.

    Attributes:
        tree: the template.
        variables: names that it reads and never sets, ascending.
        filters: names of the filters that there are.
        tests: names of the tests that there are.
    """

    tree: nodes.Template
    variables: tuple[str, ...]
    filters: frozenset[str]
    tests: frozenset[str]


def parse_template(text: str) -> ParsedTemplate:
    """The syntax tree of a template.

    Raises:
        FormatError: too large, nested too deeply, or no valid Jinja; the message tells the line.
    """
    if len(text) > MAX_CHARS:
        raise FormatError(f"a template of {len(text):,} characters; expected at most {MAX_CHARS:,}")
    if _depth(text) > MAX_NESTING:
        raise FormatError(f"brackets are nested {_depth(text)} deep; expected {MAX_NESTING}")
    environment = Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[GenerationTag, "jinja2.ext.loopcontrols"],
        optimized=False,
    )
    try:
        tree = environment.parse(text)
        names = list(tree.find_all(nodes.Name))
        macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    except TemplateSyntaxError as error:
        raise FormatError(f"line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise FormatError("statements are nested too deeply") from error
    except (ValueError, OverflowError, AssertionError) as error:
        raise FormatError(f"no valid Jinja: {error}") from error
    # `jinja2.meta` tells this too, but it generates code, and evaluates constants as it does.
    given = macros | {name.name for name in names if name.ctx != "load"} | _IMPLIED
    given |= set(environment.globals)
    variables = {name.name for name in names if name.ctx == "load"} - given
    filters, tests = frozenset(environment.filters), frozenset(environment.tests)
    return ParsedTemplate(tree, tuple(sorted(variables)), filters, tests)


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        depth = depth + 1 if match[0] in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


class GenerationTag(Extension):
    """`{% generation %}…{% endgeneration %}`, which transformers adds, marks what is generated."""

    tags = frozenset({"generation"})  # pyright: ignore[reportAssignmentType]

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """What stands between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)
