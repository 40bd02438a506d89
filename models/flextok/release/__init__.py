"""The encoder of a published FlexTok: latents of its autoencoder to ids.

The layout is that of github.com/apple/ml-flextok (commit 87d00cc): a tree of classes and their
arguments, and tensors named by their places in it. Nothing of the tree is imported or run: `layout`
reads what it says, and refuses by name what is not computed here; `encoder` computes it, and
`reading` brings the two together.

A published decoder draws latents by a flow, and an autoencoder of the library diffusers makes
pictures of them and latents of pictures. Neither is here.
"""
