"""What becomes of the ids in a model's configuration when its tokens get other ids.

A field that names a role (`bos_token_id`) takes the id that the new tokenizer has for the role. Any
other id is mapped by its text: a control token to the control token of the same text, a token of
text to the token of the same bytes. What has no counterpart is dropped, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokkit.text.tokenizer import TextTokenizer

ROLES = ("bos", "eos", "unk", "pad", "cls", "sep", "mask")
_FIELD = re.compile(r".*_token_(id|ids|index)$|^(begin_)?suppress_tokens$|^bad_words_ids$")
_NESTED = ("text_config", "encoder", "decoder")
_FORCED = ("forced_decoder_ids", "sequence_bias", "force_words_ids")


@dataclass
class IdMap:
    """Old ids to new ones.

    Attributes:
        old: the model's tokenizer so far.
        new: the tokenizer that it gets.
        roles: role -> id, of the new one.
        former: role -> id, of the old one, as the model's configuration has it.
        notes: what was dropped or chosen, a sentence each, in order.
    """

    old: TextTokenizer
    new: TextTokenizer
    roles: Mapping[str, int]
    former: Mapping[str, int]
    notes: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._old_texts = {i: text for text, i in self.old.special_tokens.items()}
        self._by_bytes = {
            data: i for i, data in reversed(list(enumerate(self.new.spec.token_bytes))) if data
        }

    def by_text(self, token: int) -> int | None:
        """The id of the same control token, or of the same bytes."""
        if token in self._old_texts:
            return self.new.special_tokens.get(self._old_texts[token])
        if not 0 <= token < self.old.vocab_size:
            return None
        data = self.old.spec.token_bytes[token]
        return self._by_bytes.get(data) if data else None

    def by_role(self, token: int) -> int | None:
        """The id of a role that a token has in the old configuration."""
        for role, former in self.former.items():
            if former == token and role in self.roles:
                return self.roles[role]
        return None

    def one(self, token: int, name: str) -> int | None:
        """The new id for an old one in the field `name`; a note where there is none."""
        role = name.removesuffix("_token_id")
        if role in ROLES and role in self.roles:
            return self.roles[role]
        found = self.by_text(token)
        if found is None:
            found = self.by_role(token)
        if found is None:
            shown = self._old_texts.get(token, "")
            self.notes.append(
                f"{name} was {token}{f' ({shown})' if shown else ''}, for which the new tokenizer "
                "has no token; it is unset"
            )
        return found

    def several(self, tokens: list[Any], name: str) -> list[Any] | None:
        """The same for a list, of ids or of lists of ids; what has none is left out."""
        if name == "eos_token_id":
            return self._ends(tokens)
        found: list[Any] = []
        for token in tokens:
            if isinstance(token, list):
                inner = [self.one(each, name) for each in token]
                if None not in inner:
                    found.append(inner)
            elif (new := self.one(token, name)) is not None:
                found.append(new)
        return found or None

    def _ends(self, tokens: list[int]) -> list[int] | None:
        """Ids that end a text: the new tokenizer's own, then those of the same text."""
        found = [self.roles["eos"]] if "eos" in self.roles else []
        found += [new for new in map(self.by_text, tokens) if new is not None]
        if not found:
            self.notes.append(f"eos_token_id was {tokens}; the new tokenizer ends no text")
        return list(dict.fromkeys(found)) or None


def map_ids(config: Any, ids: IdMap) -> None:
    """Change all ids of a configuration or a generation configuration, in place.

    Args:
        config: a `PreTrainedConfig` or `GenerationConfig`.
        ids: what becomes of an id; gets the notes.
    """
    for name, value in list(vars(config).items()):
        if name in _NESTED and hasattr(value, "to_dict"):
            map_ids(value, ids)
        elif name in _FORCED and value:
            ids.notes.append(f"{name} named ids of the old tokenizer; it is unset")
            setattr(config, name, None)
        elif _FIELD.match(name) and value is not None:
            mapped = _mapped(value, name, ids)
            setattr(config, name, mapped)
    _set_roles(config, ids)


def _mapped(value: Any, name: str, ids: IdMap) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        # -1 stands for "none" in some classes.
        return value if value < 0 else ids.one(value, name)
    if isinstance(value, list | tuple):
        return ids.several(list(value), name)
    return value


def _set_roles(config: Any, ids: IdMap) -> None:
    """Set the roles that were not set: a padding id makes batches right that were not before."""
    for role in ("bos", "eos", "pad"):
        name = f"{role}_token_id"
        if getattr(config, name, 0) is None and role in ids.roles:
            setattr(config, name, ids.roles[role])


def roles_of_tokenizer(fast: Any) -> dict[str, int]:
    """Role -> id of a fast tokenizer, where it has one."""
    found = {role: getattr(fast, f"{role}_token_id") for role in ROLES}
    return {role: token for role, token in found.items() if token is not None}


def former_roles(config: Any) -> dict[str, int]:
    """Role -> id as a model's configuration has it; of several ends the first."""
    config = config.get_text_config(decoder=True)
    found: dict[str, int] = {}
    for role in ROLES:
        value = getattr(config, f"{role}_token_id", None)
        value = value[0] if isinstance(value, list | tuple) and value else value
        if isinstance(value, int) and value >= 0:
            found[role] = value
    return found
