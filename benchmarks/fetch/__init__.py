"""Fetch real tokenizers, samples and parallel texts; what each brings stands at its head."""
