"""How a training went: in few numbers (`curve`), as a chart (`loss_section`).

`signal_story` tells it of tokenizers of signals: figures, a line, a page.
"""
