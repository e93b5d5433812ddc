"""Health check of the worker's container: a worker has told the database that it lives."""

import sys

from mapservice.db.engine import connect
from mapservice.settings import Settings

HEARTBEAT = """
SELECT count(*)
FROM   procrastinate_workers
WHERE  last_heartbeat > now() - interval '45 seconds'
"""

with connect(Settings.from_env().database_url, connect_timeout=2) as connection:
    row = connection.execute(HEARTBEAT).fetchone()
sys.exit(0 if row and row[0] else "no heartbeat of a worker in the last 45 seconds")
