"""What the models of text share: windows, the byte-level interface, saving, training.

Read `windows` (a batch as tensors), `text_model` (what a model must offer), then `cached_state` (a
byte prefix under it). `corpus` cuts texts into windows and numbers the batches, `learning` is what
`tokkit.models.training.train` does with texts, and `saving` is how a model becomes a folder.
"""
