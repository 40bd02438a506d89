"""What the models of text share: windows, the byte-level interface, training.

Read `windows` (a batch as tensors), `text_model` (what a model must offer), then `cached_state` (a
byte prefix under it). `corpus` cuts texts into windows and numbers the batches, and `learning` is
what `tokkit.models.training.train` does with texts.
"""
