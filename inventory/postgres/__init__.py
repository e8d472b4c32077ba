"""The only code that knows SQL: queries, migrations, the store and the embedded server."""
