#!/bin/sh
# restore.sh DUMP: the dump becomes the database, which stays beside it as NAME_before_TIME.
# Whoever uses the database must have stopped: it is refused otherwise, and nothing is changed.
# Which database: libpq's own variables say (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE).
set -eu
dump=${1:?the dump}
: "${PGDATABASE:?the database}"
new=${PGDATABASE}_restored
before=${PGDATABASE}_before_$(date -u +%Y%m%dt%H%M%Sz)

dropdb --if-exists --maintenance-db postgres "$new" # of a restore that was cut off
createdb --maintenance-db postgres --template template0 --encoding UTF8 "$new"
pg_restore --no-owner --exit-on-error --single-transaction --dbname "$new" "$dump"
psql --quiet --no-psqlrc --dbname postgres --set ON_ERROR_STOP=1 --single-transaction \
    --command "ALTER DATABASE \"$PGDATABASE\" RENAME TO \"$before\"" \
    --command "ALTER DATABASE \"$new\" RENAME TO \"$PGDATABASE\""
echo "restored; what was there is $before"
