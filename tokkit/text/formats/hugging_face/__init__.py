"""Hugging Face's `tokenizer.json`, part by part; begin with `tokenizer_json`.

`models`, `normalizers`, `pretokenizers` and `added_tokens` read what their names say, `special_ids`
the post-processors, and `tokenizer_config` what stands beside the file.
"""
