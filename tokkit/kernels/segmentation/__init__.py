"""Segmentation by a vocabulary: `trie`, `longest_match` (WordPiece, greedy), `viterbi` (Unigram).

`unigram_successors` tells which pieces may follow a segmentation.
"""
