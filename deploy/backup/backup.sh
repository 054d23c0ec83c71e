#!/bin/sh
# A dump of the database into BACKUP_DIR; those older than BACKUP_DAYS go, once the new one is there.
# Which database: libpq's own variables say (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE).
set -eu
umask 077
: "${BACKUP_DIR:?where dumps are kept}"

rm -f "$BACKUP_DIR"/fixative-*.part # of a dump that was cut off
dump=$BACKUP_DIR/fixative-$(date -u +%Y%m%dT%H%M%SZ).dump
pg_dump --format=custom --no-owner --file "$dump.part"
pg_restore --file /dev/null "$dump.part" # it can be read to its end
mv "$dump.part" "$dump"
find "$BACKUP_DIR" -name 'fixative-*.dump' -mmin "+$((${BACKUP_DAYS:-7} * 1440))" -exec rm {} +
echo "$dump"
