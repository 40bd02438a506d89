"""What is different between two text tokenizers: vocabulary, merges, settings, texts, costs."""
