"""From bytes to ids: one text (`encoder`), many side by side (`batches`), whole files (`files`).

Read `cuts` first: where a text may be cut so that the ids of its parts are those of the whole.
`encodes_text` is what users call.
"""
