"""The routing stage: Traefik by its file provider, and the proof that a route is in force."""
