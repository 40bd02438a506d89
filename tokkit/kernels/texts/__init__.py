"""Texts as bytes: characters (`utf8`), marks of assertions (`marks`), matches and gaps (`scan`)."""
