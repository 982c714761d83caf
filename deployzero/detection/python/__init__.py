"""Python: manifests of five managers, and the source itself."""
