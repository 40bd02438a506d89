"""Texts that go on, or are filled in: what users ask of a byte-level model.

Read `completion` (the two ways on from a cut), `token_walk` (whole tokens), `beam_search` (the most
probable texts instead of a sample). For a gap in the middle read `infilling`, with the prompts of
`fim_formats`, their frame in `fim_frame`, and other files of a repository in `fim_context`;
`editor_session` completes at a cursor while the text is edited.
"""
