"""tokkit: look through tokenizers, into them, change them, learn them.

Importing `tokkit` imports its version and what finds the others; each public name is imported when
it is first used, so that a command or a script pays only for what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokkit.exports import exported
from tokkit.version import VERSION

if TYPE_CHECKING:
    from tokkit.audit.auditing import audit as audit_tokenizer
    from tokkit.audit.comparing.comparison import ComparisonReport, compare_tokenizers
    from tokkit.audit.options import AuditOptions
    from tokkit.audit.report import AuditReport
    from tokkit.bytelm.batch.batch import Batch, BatchOptions
    from tokkit.bytelm.byte_lm import ByteLM
    from tokkit.bytelm.completion.beam_search import beam_search
    from tokkit.bytelm.completion.completion import complete, stream_completion
    from tokkit.bytelm.completion.editor_session import EditorSession
    from tokkit.bytelm.completion.fim_context import RepositoryFiles
    from tokkit.bytelm.completion.fim_formats import FimFormat
    from tokkit.bytelm.completion.infilling import Infilling, infill
    from tokkit.bytelm.drawing.request import Request
    from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
    from tokkit.bytelm.ensemble import ByteEnsemble
    from tokkit.bytelm.loading import load_lm
    from tokkit.bytelm.token_models.ngram import NgramLM
    from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
    from tokkit.dynamic.merged_batch import MergedBatch
    from tokkit.dynamic.merging import merge_batch
    from tokkit.errors import TokkitError
    from tokkit.hypernets.distillation.options import TransferTraining
    from tokkit.hypernets.result import TransferReport, TransferResult
    from tokkit.hypernets.transfer import transfer
    from tokkit.mixture.inference import infer_mixture
    from tokkit.mixture.result import MixtureResult
    from tokkit.scoring.report import ScoreReport
    from tokkit.scoring.scoring import score
    from tokkit.text.chat.chat import Chat
    from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

__version__ = VERSION

__all__ = [
    "AuditOptions",
    "AuditReport",
    "Batch",
    "BatchOptions",
    "ByteEnsemble",
    "ByteLM",
    "Chat",
    "ComparisonReport",
    "EditorSession",
    "FimFormat",
    "Infilling",
    "MergedBatch",
    "MixtureResult",
    "NgramLM",
    "RepositoryFiles",
    "Request",
    "ScoreReport",
    "SpeculationOptions",
    "TextTokenizer",
    "TokkitError",
    "TransferReport",
    "TransferResult",
    "TransferTraining",
    "TransformersLM",
    "__version__",
    "audit_tokenizer",
    "beam_search",
    "compare_tokenizers",
    "complete",
    "infer_mixture",
    "infill",
    "load_lm",
    "load_tokenizer",
    "merge_batch",
    "score",
    "stream_completion",
    "transfer",
]

_HOMES = {
    "AuditOptions": "tokkit.audit.options",
    "AuditReport": "tokkit.audit.report",
    "Batch": "tokkit.bytelm.batch.batch",
    "BatchOptions": "tokkit.bytelm.batch.batch",
    "ByteEnsemble": "tokkit.bytelm.ensemble",
    "EditorSession": "tokkit.bytelm.completion.editor_session",
    "ByteLM": "tokkit.bytelm.byte_lm",
    "ComparisonReport": "tokkit.audit.comparing.comparison",
    "Chat": "tokkit.text.chat.chat",
    "FimFormat": "tokkit.bytelm.completion.fim_formats",
    "Infilling": "tokkit.bytelm.completion.infilling",
    "MergedBatch": "tokkit.dynamic.merged_batch",
    "MixtureResult": "tokkit.mixture.result",
    "NgramLM": "tokkit.bytelm.token_models.ngram",
    "RepositoryFiles": "tokkit.bytelm.completion.fim_context",
    "ScoreReport": "tokkit.scoring.report",
    "SpeculationOptions": "tokkit.bytelm.drawing.speculation.options",
    "Request": "tokkit.bytelm.drawing.request",
    "TextTokenizer": "tokkit.text.tokenizer",
    "TokkitError": "tokkit.errors",
    "TransferReport": "tokkit.hypernets.result",
    "TransferResult": "tokkit.hypernets.result",
    "TransferTraining": "tokkit.hypernets.distillation.options",
    "TransformersLM": "tokkit.bytelm.token_models.transformers.token_lm",
    "audit_tokenizer": "tokkit.audit.auditing:audit",
    "beam_search": "tokkit.bytelm.completion.beam_search",
    "compare_tokenizers": "tokkit.audit.comparing.comparison",
    "complete": "tokkit.bytelm.completion.completion",
    "infer_mixture": "tokkit.mixture.inference",
    "infill": "tokkit.bytelm.completion.infilling",
    "load_lm": "tokkit.bytelm.loading",
    "load_tokenizer": "tokkit.text.tokenizer",
    "merge_batch": "tokkit.dynamic.merging",
    "score": "tokkit.scoring.scoring",
    "stream_completion": "tokkit.bytelm.completion.completion",
    "transfer": "tokkit.hypernets.transfer",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    value = exported(__name__, _HOMES, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
