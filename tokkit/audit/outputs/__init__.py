"""A report written down: JSON, SARIF, JUnit, plain text. The page is `tokkit.audit.page`."""
