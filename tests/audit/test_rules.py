"""Laws of the rules: stable ids, and a documentation that lists them all."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.make_rule_table import with_table
from tokkit.audit.rules import RULES, Rule, codebook, safety, text, vocabulary
from tokkit.audit.rules.codebook import CODEBOOK_RULES
from tokkit.audit.rules.rule import read_rules
from tokkit.audit.rules.safety import SAFETY_RULES
from tokkit.audit.rules.text import TEXT_RULES
from tokkit.audit.rules.vocabulary import VOCABULARY_RULES

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def test_every_rule_has_an_id_of_its_own() -> None:
    every = (*VOCABULARY_RULES, *TEXT_RULES, *SAFETY_RULES, *CODEBOOK_RULES)
    assert len({rule.id for rule in every}) == len(every) == len(RULES)
    for rule in every:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert rule.title and rule.why.endswith(".")


def test_every_rule_is_found_under_its_id() -> None:
    for module in (codebook, safety, text, vocabulary):
        for name, value in vars(module).items():
            assert not isinstance(value, Rule) or name == value.id.upper().replace("-", "_")


def test_every_rule_of_a_table_has_a_name_in_its_module() -> None:
    for module in (codebook, safety, text, vocabulary):
        named = {value.id for value in vars(module).values() if isinstance(value, Rule)}
        assert named == set(read_rules(f"{module.__name__.rpartition('.')[2]}.toml"))


def test_the_documentation_lists_the_rules_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run: PYTHONPATH=. python scripts/make_rule_table.py"
