"""Which tokens some text produces, each with such a text; and why no text produces the others.

Read `reachability`, which decides, then `reach_report`, which tells. What stands next to a token is
asked of `contexts` (the pretokenizer), `fragments` (halves of characters), `neighbours` and
`completions` (BPE) and `images` (the normaliser); `witnesses` searches for a text where the bytes
of a token are none.
"""
