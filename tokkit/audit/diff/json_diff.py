"""A diff as JSON, version 1, described by `diff.schema.json` beside this module.

Bytes are written in hexadecimal, and as text beside it, where U+FFFD stands for what is not UTF-8.
"""

from __future__ import annotations

from typing import Any

from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.merges import Merge, MergeChanges
from tokkit.audit.diff.own_texts import OwnTexts
from tokkit.audit.diff.segmentations import Segmentation
from tokkit.audit.diff.tokens import Token
from tokkit.audit.outputs.json_report import bytes_fields
from tokkit.files.shipped import shipped_json
from tokkit.version import VERSION

SCHEMA_VERSION = 1


def diff_dict(diff: Difference) -> dict[str, Any]:
    """The diff as plain data; nothing is left out."""
    tokens = diff.tokens
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tokkit", "version": VERSION},
        "before": diff.before,
        "after": diff.after,
        "same": diff.is_same,
        "tokens": {
            "n_same": tokens.n_same,
            "added": [_token(token) for token in tokens.added],
            "removed": [_token(token) for token in tokens.removed],
            "moved": [vars(each).copy() for each in tokens.moved],
        },
        "merges": None if diff.merges is None else _merges(diff.merges),
        "settings": [vars(each).copy() for each in diff.settings],
        "segmentations": {
            "groups": [
                {"group": group, "texts": n, "different": diff.texts.n_different[group]}
                for group, n in diff.texts.n_texts.items()
            ],
            "smallest": [
                {
                    "group": each.group,
                    "text": each.text,
                    "before": _cuts(each.before),
                    "after": _cuts(each.after),
                }
                for each in diff.texts.smallest
            ],
        },
        "costs": [
            {
                "code": each.code,
                "name": each.name,
                "tokens_before": each.before,
                "tokens_after": each.after,
                "ratio": each.ratio.value,
                "interval": list(each.ratio.interval),
            }
            for each in diff.costs
        ],
        "own": None if diff.own is None else _own(diff.own),
    }


def _own(own: OwnTexts) -> dict[str, Any]:
    return {
        "n_bytes": own.n_bytes,
        "n_left_out": own.n_left_out,
        "tokens_before": own.before,
        "tokens_after": own.after,
        "ratio": own.ratio.value,
        "interval": None if own.ratio.interval is None else list(own.ratio.interval),
        "file_types": [
            {
                "name": each.name,
                "n_bytes": each.n_bytes,
                "tokens_before": each.n_tokens[0],
                "tokens_after": each.n_tokens[1],
            }
            for each in own.file_types
        ],
    }


def diff_schema() -> dict[str, Any]:
    """The published JSON Schema (draft 2020-12) of what `diff_dict` gives."""
    return shipped_json("diff.schema.json", "tokkit.audit.diff")


def _token(token: Token) -> dict[str, Any]:
    return {"id": token.id, "kind": token.kind, **bytes_fields("data", token.data)}


def _merges(merges: MergeChanges) -> dict[str, Any]:
    return {
        "n_kept": merges.n_kept,
        "added": list(map(_merge, merges.added)),
        "removed": list(map(_merge, merges.removed)),
        "reordered": list(map(_merge, merges.reordered)),
    }


def _merge(merge: Merge) -> dict[str, Any]:
    return {**bytes_fields("left", merge[0]), **bytes_fields("right", merge[1])}


def _cuts(segmentation: Segmentation) -> list[str] | None:
    """The bytes of each token in hexadecimal; None: no encoding."""
    return None if segmentation is None else [data.hex() for data in segmentation]
