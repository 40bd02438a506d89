"""What lets a CI job fail: severities, counts, figures, and a baseline of what is known.

Read `gate`, then `figures`, `known_figures` and `baseline`.
"""
