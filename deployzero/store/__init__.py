"""What deployzero remembers: tables, migrations, and the queries, one file a noun.

A query is a plain function that takes an open session and returns frozen values from
`deployzero.models`, never rows; who calls it decides where a transaction begins and
ends (`Database.begin`, `Database.read`).
"""
