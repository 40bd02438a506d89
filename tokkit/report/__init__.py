"""What people read, once for all results: sections of figures, on pages and in terminals.

A part of tokkit that has something to tell makes `Section`s (`section`: facts, tables and charts,
as data), words its sentences with `wording`, and hands the sections to `page` for one HTML file, to
`terminal` for lines of text, and to `json_data` for JSON. Read them in this order.
"""
