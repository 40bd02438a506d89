"""The merges of a tokenizer: `merge_list`, `replay`; what is inherited: `inheritance`, `reach`."""
