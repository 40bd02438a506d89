"""What a tokenizer does to text, what is in its vocabulary, and what may go wrong with it.

`tokkit.audit` examines a tokenizer part by part. A part turns a `Subject` into a `Section` (facts,
tables and charts, as data) and `Finding`s, each with a witness that anyone can replay; an
`AuditReport` holds all of them and is written as a page, as JSON, or for a CI job.
"""
