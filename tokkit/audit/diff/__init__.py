"""What is different between two text tokenizers: vocabulary, merges, settings, texts, costs.

Read `comparison`, then `difference` (the result as data) and the parts: `tokens`, `merges`,
`settings`, `segmentations`. `sections`, `terminal` and `json_diff` write it down.
"""
