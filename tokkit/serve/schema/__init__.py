"""What the server takes, as OpenAPI tells it: `GET /openapi.json`.

`bodies` has the fields of each route's request, `document` the whole.
"""
