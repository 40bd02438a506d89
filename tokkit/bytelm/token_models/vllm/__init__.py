"""A model behind a vLLM server: `token_lm`, over the client in `json_http`."""
