"""The pages: a small set, rendered on the server, on the same operations as SSH and the API."""
