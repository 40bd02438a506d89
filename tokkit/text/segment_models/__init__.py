"""Models that turn one piece of text into ids: BPE, Unigram, WordPiece, plain bytes."""
