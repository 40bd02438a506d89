"""Small tokenizers that come with tokkit, a folder each, and a signal for each to try it on.

`scripts/make_checkpoints.py` trained them. `README.md` of a folder says on what, and under which
licence that was. `tokkit.load_tokenizer` opens them by their name; `samples` reads the signals.
"""
