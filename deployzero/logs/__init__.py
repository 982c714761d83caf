"""The log of a deployment: persisted first, then published to whoever follows it."""
