"""Rules about the tokens of a vocabulary."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule, Severity, rules_among

UNREACHABLE_PRETOKENIZER = Rule(
    "unreachable-pretokenizer",
    "Tokens that the pretokenizer never lets through",
    Severity.WARNING,
    "The pretokenizer cuts every text inside these tokens, so none of them is ever produced. "
    "They take up rows of the embedding matrix that no text trains. Typical of a vocabulary "
    "that was taken over and then given another pretokenizer.",
)
UNREACHABLE_NORMALIZER = Rule(
    "unreachable-normalizer",
    "Tokens that the normaliser rules out",
    Severity.WARNING,
    "Their characters stand in no normalised text, so no text produces them. Typical of a "
    "vocabulary that was trained on text which was not normalised.",
)
UNREACHABLE_MERGES = Rule(
    "unreachable-merges",
    "Tokens that the model spells in another way",
    Severity.WARNING,
    "Their own bytes are encoded as other tokens, in every context, so no text produces them.",
)
UNREACHABLE_ALPHABET = Rule(
    "unreachable-alphabet",
    "Tokens that are not spelled in the file's alphabet",
    Severity.WARNING,
    "A byte-level file writes each byte as one of 256 characters; these tokens hold others, so "
    "no text produces them. Decoders give them back as they are written, so a model may still "
    "generate them.",
)
UNREACHABLE_BYTES = Rule(
    "unreachable-bytes",
    "Tokens of bytes that no valid text holds",
    Severity.NOTE,
    "They stand for bytes that are part of no valid UTF-8, as 0xC0 or 0xFF. Byte-level "
    "vocabularies have them on purpose; a model sees them only in broken input, which it was "
    "hardly trained on.",
)
UNREACHABLE_SHADOWED = Rule(
    "unreachable-shadowed",
    "Tokens whose place another one always takes",
    Severity.NOTE,
    "Another token with the same bytes is always taken instead. Where bytes are a fallback, "
    "this is by design for characters that are tokens themselves.",
)
UNDETERMINED_TOKEN = Rule(
    "undetermined-token",
    "Tokens neither shown to be reachable nor to be unreachable",
    Severity.NOTE,
    "The search found no text that produces them and no proof that there is none.",
)
WITNESS_REFUTED = Rule(
    "witness-refuted",
    "Tokens that only tokkit produces",
    Severity.ERROR,
    "A text that produces the token here does not produce it in the tokenizer's own "
    "implementation: one of the two has a fault, or the file is read in two ways.",
)
PARTIAL_CHARACTER = Rule(
    "partial-character",
    "Tokens that hold a part of a character",
    Severity.NOTE,
    "They are no text by themselves: a model that stops after one of them leaves broken "
    "UTF-8, and streaming has to hold them back until the character is complete.",
)
DUPLICATE_TOKEN = Rule(
    "duplicate-token",
    "Several ids with the same bytes",
    Severity.WARNING,
    "Text produces only one of them. A model may still generate the others, and what it "
    "generated is encoded differently when it is read again.",
)
RENUMBERED_TOKEN = Rule(
    "renumbered-token",
    "Tokens that a common reader places at another id",
    Severity.ERROR,
    "The file declares one id, and the library that reads it silently gives the token another. "
    "A model trained with one of the two sees the wrong embedding with the other.",
)
UNUSED_ID = Rule(
    "unused-id",
    "Ids without a token",
    Severity.NOTE,
    "Holes and reserved entries: no text produces them.",
)
ADDED_WORD = Rule(
    "added-word",
    "Added tokens cut out of ordinary words",
    Severity.WARNING,
    "Added tokens are cut out of the text before anything else, also in the middle of a word, "
    "which then falls into pieces that the model has never seen.",
)
INTERMEDIATE_MERGE = Rule(
    "intermediate-merge",
    "Tokens that exist only on the way to a longer one",
    Severity.NOTE,
    "Each is part of a single longer token that was made right after it, so nearly all of its "
    "occurrences became that one; alone it is rare, and its embedding hardly trained (compare "
    "Picky BPE, Chizhov et al., 2024, and Scaffold-BPE, Lian et al., 2024).",
)
REDUNDANT_MERGE = Rule(
    "redundant-merge",
    "Merges that never take place",
    Severity.NOTE,
    "The file lists more than one merge for the same token; only one of them is ever applied. "
    "They cost space and time to load, nothing else.",
)
SUSPICIOUS_TOKEN = Rule(
    "suspicious-token",
    "Tokens that look like boilerplate, addresses or spam",
    Severity.NOTE,
    "Web addresses, long phrases, and words that grew by a chain of merges each used only "
    "once: signs of pages repeated many times in the training text. Where a model was trained "
    "on cleaner text than its tokenizer, such tokens are the ones that it never saw.",
)
UNDER_TRAINED_TOKEN = Rule(
    "under-trained-token",
    "Tokens that the model hardly learned",
    Severity.WARNING,
    "Their embeddings look like those of tokens that no text produces (Land and Bartolo, "
    "2024): such a token in a prompt can make a model lose its thread.",
)

VOCABULARY_RULES = rules_among(globals())
