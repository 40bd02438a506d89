"""Write the table of the audit's rules into `docs/audit.md`, between its two marks.

PYTHONPATH=. python scripts/make_rule_table.py
"""

from __future__ import annotations

from pathlib import Path

from scripts.page_block import with_block
from tokkit.audit.rules import RULES

PAGE = Path(__file__).parents[1] / "docs" / "audit.md"
START = "<!-- rules: written by `python scripts/make_rule_table.py` -->\n"
END = "<!-- end of rules -->"


def rule_table() -> str:
    """A heading with an anchor, the severity, the impact and the meaning of each rule."""
    return "".join(
        f"\n### {rule.id} {{#{rule.id}}}\n\n"
        f"**{rule.title}** · {rule.severity}, {rule.impact}\n\n{rule.why}\n"
        for rule in RULES.values()
    )


def with_table(page: str) -> str:
    """The page with the table of today."""
    return with_block(page, START, END, rule_table())


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
