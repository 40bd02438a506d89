"""What a tokenizer of any modality is: a map from a signal to a sequence of ids, and back.

Read `abstraction` first. `ids` says what ids look like, `rate` what they cost, `entropy_coding` as
which bytes; `encoding` is for ids with places, and `refusals` for options that do not apply.
"""

from tokkit.tokenizer.abstraction import Modality, Tokenizer
from tokkit.tokenizer.encoding import Encoding
from tokkit.tokenizer.ids import ABSENT, Ids, PrefixAxis, as_id_array
from tokkit.tokenizer.rate import Rate, rate_of
from tokkit.tokenizer.refusals import refuse_budget, refuse_context, refuse_seed

__all__ = [
    "ABSENT",
    "Encoding",
    "Ids",
    "Modality",
    "PrefixAxis",
    "Rate",
    "Tokenizer",
    "as_id_array",
    "rate_of",
    "refuse_budget",
    "refuse_context",
    "refuse_seed",
]
