"""An HTTP server: byte-level models for the editors, SDKs and harnesses that people have.

1. `options` says what is permitted, `served` what is offered: models by name, and their tokenizers.
2. `engine` is one thread that owns all sessions, over `tokkit.Batch`; it is handed `tickets`.
3. `app` is an asyncio front, which knows no dialect: it bounds and reads bodies (`bodies`), and
   watches whether the client is still there (`endpoint`).
4. `generation` is what a request of any dialect asks for, once it is read; `texts` makes characters
   of bytes. Each module of `dialects` reads the requests of one kind of client, and answers as they
   expect.
"""
