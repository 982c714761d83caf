"""The runtime stage: containers, their networks, and whether what runs in them is well."""
