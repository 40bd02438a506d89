"""Language models over tokens: what one must offer, and who offers it.

Read `protocol`, then `ngram`, the smallest that there is. `transformers`, `llama_cpp` and `vllm`
have a folder each; `starting_ids` tells what precedes a text and what ends it.
"""
