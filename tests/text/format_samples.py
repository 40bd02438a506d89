"""Texts that the format tests train small tokenizers on, and encode."""

CORPUS = [
    "The quick brown fox jumps over the lazy dog, doesn't it? It's 2024 and that's 12345 things.",
    "She sells sea shells on the sea shore; the shells she sells are surely sea shells.",
    "def sea(shells):\n    return [shell for shell in shells if shell.sold]\n\n\tpass  # 100%\n",
    "naïve café Größe Übermut, déjà vu; привет мир, привет море; 日本語の海、海の日本。 🎉🎉",
] * 3
SAMPLES = [
    "",
    " ",
    "a",
    " sea",
    "  the sea  ",
    "the▁sea ▁ shells",
    "It's the 2024's sea,  shells!\n\n\tdoesn't pass 12345678",
    "Größe naïve cafe\u0301 привет 日本の海 🎉",
    "\n\n \n x",
]
