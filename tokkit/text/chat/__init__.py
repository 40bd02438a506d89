"""Chats as ids: what a model's template makes of messages, whose contents are never control tokens.

Read `chat` (messages), `finding` (the templates that come with a tokenizer), `parsing` (their
syntax tree), `rendering` (one is run, in a sandbox) and `prompt` (from messages to ids).
"""
