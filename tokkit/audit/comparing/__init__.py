"""Any number of tokenizers on the user's texts: `compare_tokenizers`, and what it tells.

Read `texts` (what is given, in blocks), `measuring` (what each tokenizer makes of it), `figures`
(what follows), `comparison` (the entry), then the outputs: `sections`, `page`, `json_comparison`.
"""
