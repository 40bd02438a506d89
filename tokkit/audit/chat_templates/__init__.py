"""Chat templates, examined without being run.

Read `examining`, then `finding_templates` (where they are), `reading` (their syntax tree) and
`checking` (what it should not say).
"""
