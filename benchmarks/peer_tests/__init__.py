"""The test suites of other tokenizer libraries, run on tokkit."""
