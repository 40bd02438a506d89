"""How well models predict texts, in bits that may be compared whatever their vocabularies.

Read `scoring` (`score`, and how one text is scored), then what it stands on: `inputs` (which texts,
from which files), `windows` (texts longer than a context), `tokenization` (what is usually reported
for a token model), `records` (an interrupted run goes on) and `intervals`. What comes out is
`figures` and `scores`, and `report` writes it down; `surprise` and `page` show single bytes and
tokens.
"""
