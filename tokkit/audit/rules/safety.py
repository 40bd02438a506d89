"""Rules about what may go wrong."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule, Severity, rules_among

ROUND_TRIP_FAILURE = Rule(
    "round-trip-failure",
    "Text that does not come back",
    Severity.ERROR,
    "Encoding a text and decoding the ids gives another text, although the normaliser leaves "
    "it alone. What a model reads or writes is then not what the user sees; source code and "
    "quotations suffer first. Where only white space differs the finding is a warning.",
)
TEXT_NOT_ENCODABLE = Rule(
    "text-not-encodable",
    "Text that the vocabulary cannot express",
    Severity.WARNING,
    "Characters for which there are no tokens, not even tokens for their bytes. The reference "
    "replaces them by an unknown token, so that the model never learns what was written.",
)
BYTES_NOT_ENCODABLE = Rule(
    "bytes-not-encodable",
    "Bytes that the vocabulary cannot express",
    Severity.NOTE,
    "Bytes that are not valid UTF-8 cannot be encoded. It matters for binary data, for text in "
    "old encodings and for text that was cut within a character.",
)
LOSSY_NORMALIZATION = Rule(
    "lossy-normalization",
    "Normalisation that changes text",
    Severity.WARNING,
    "The normaliser turns different texts into one, so decoding cannot give the text back. "
    "Normal form C is harmless to readers and a note; anything else changes what was written.",
)
SPECIAL_TOKEN_INJECTION = Rule(
    "special-token-injection",
    "Control tokens that text can produce",
    Severity.WARNING,
    "The plain call of the tokenizer's own library turns text that spells a control token into "
    "that token. A user who types it can end a turn, or speak as the system. Encode what users "
    "send with the option that keeps it text (`encode_special_tokens=True` of tokenizers, "
    "`split_special_tokens=True` of transformers); tokkit always does.",
)
SPECIAL_TOKEN_UNMARKED = Rule(
    "special-token-unmarked",
    "Control tokens that are not marked as such",
    Severity.ERROR,
    "Tokens that are spelled like control tokens, but that the file does not mark as special. "
    "The library takes them out of every text, and its option that keeps control tokens text "
    "does not apply to them. Mark them as special; tokkit treats them so.",
)
SPECIAL_TOKEN_ORDINARY = Rule(
    "special-token-ordinary",
    "Control tokens that are spelled like ordinary text",
    Severity.WARNING,
    "The text of a control token also occurs in ordinary text, so the library's plain call "
    "takes it for one, and its plain decode drops it. HTML elements are a note.",
)
REFERENCE_FAILS = Rule(
    "reference-fails",
    "The tokenizer's own library fails",
    Severity.ERROR,
    "The library panics, aborts, or goes over its limits of time or memory on the file or on a "
    "text. In a server that ends the process, or occupies it, for everyone. Where only a text "
    "of a megabyte does it, or the library merely refuses a file that tokkit reads, it is a "
    "warning.",
)
REFERENCE_DISAGREES = Rule(
    "reference-disagrees",
    "Ids that differ from the tokenizer's own library",
    Severity.ERROR,
    "tokkit and the library encode a text differently. What the report says of such texts is "
    "true of tokkit only; please report it as a bug of tokkit.",
)
SUPERLINEAR_TIME = Rule(
    "superlinear-time",
    "Encoding time that grows faster than the text",
    Severity.ERROR,
    "Encoding takes more than proportionally longer as a text of this kind grows, so that a "
    "short request can occupy a server. Limit the length of what is encoded at once, or use an "
    "engine with a linear bound.",
)
TEMPLATE_UNREADABLE = Rule(
    "template-unreadable",
    "A chat template that cannot be parsed",
    Severity.ERROR,
    "The template is no valid Jinja, is too large, or is nested too deeply: rendering fails.",
)
TEMPLATE_UNSAFE = Rule(
    "template-unsafe",
    "A chat template that reaches for the interpreter",
    Severity.ERROR,
    "The template uses names by which templates break out of a sandbox (attributes with two "
    "underscores, modules, other files). No chat format needs them: do not render it.",
)
TEMPLATE_UNKNOWN_NAME = Rule(
    "template-unknown-name",
    "A chat template that calls what does not exist",
    Severity.WARNING,
    "The template uses a function, filter or test that neither Jinja nor transformers define; "
    "rendering fails when it gets there.",
)
TEMPLATE_UNBOUNDED = Rule(
    "template-unbounded",
    "A chat template that can run for long",
    Severity.WARNING,
    "The template repeats something by a number that is huge or comes from its input, so that "
    "rendering can take unbounded time or memory.",
)
TEMPLATE_UNKNOWN_TOKEN = Rule(
    "template-unknown-token",
    "A chat template that writes control tokens that do not exist",
    Severity.WARNING,
    "The template writes what is spelled like a control token, but the vocabulary has no such "
    "token: it is cut into ordinary ones, which the model was hardly trained on.",
)
TEMPLATE_NO_GENERATION_PROMPT = Rule(
    "template-no-generation-prompt",
    "A chat template without a generation prompt",
    Severity.NOTE,
    "The template never asks for `add_generation_prompt`, so it cannot begin the assistant's "
    "turn; a model may go on with the user's.",
)
TEMPLATE_DOUBLE_BOS = Rule(
    "template-double-bos",
    "A chat template that repeats the token that begins a text",
    Severity.NOTE,
    "Both the template and the tokenizer put the token at the beginning. Who renders the chat "
    "to text and encodes that gets it twice; encode it without special tokens.",
)
TEMPLATE_RAW_TEXT = Rule(
    "template-raw-text",
    "A chat template that inserts messages as they are",
    Severity.NOTE,
    "As nearly every template does, it copies what users write next to its own control "
    "tokens; once they are one text nobody can tell them apart. Encode messages apart from the "
    "template where users are not trusted.",
)

SAFETY_RULES = rules_among(globals())
