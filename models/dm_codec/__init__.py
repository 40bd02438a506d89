"""DM-Codec: speech as residual codes, 50 frames a second; the first ones alone are coarser speech.

"DM-Codec: Distilling Multimodal Representations for Speech Tokenization" (Ahasan et al., 2024).
Read `config`, then `spectra` (what is coded: how loud each frequency is; and how a signal comes
back from that), `network` (the two sides of the codes), `learning` (the terms that are learned,
the two distillations among them), `recordings` (what they are learned from) and `model`.
"""
