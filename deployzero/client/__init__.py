"""The command line's side of the HTTP API. It imports nothing of the server's."""
