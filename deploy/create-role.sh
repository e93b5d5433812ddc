#!/bin/sh
# Run once by the database's image on an empty volume: the service's role is no superuser.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$MAPSERVICE_DB_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE ROLE mapservice LOGIN PASSWORD :'password';
ALTER DATABASE mapservice OWNER TO mapservice;
SQL
