"""Chat templates, examined without being run."""
