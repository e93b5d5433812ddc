"""The database: private cluster, engine and pool, tables, migrations, SQL functions."""
