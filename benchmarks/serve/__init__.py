"""How fast the HTTP server answers, and how many it serves."""
