#!/bin/sh
# backup.sh create|verify FOLDER: a backup of this moment in FOLDER, less those older than MAPSERVICE_BACKUP_DAYS (30); or
# the newest one there restored beside and compared. Run by deploy/systemd, or by cron; `mapservice` is on the PATH.
set -eu

folder=$2
case $1 in
create)
    mapservice backup create "$folder/$(date -u +%Y-%m-%dT%H%M%S)"
    mapservice backup prune "$folder" --days "${MAPSERVICE_BACKUP_DAYS:-30}"
    ;;
verify)
    mapservice backup verify --newest "$folder"
    ;;
*)
    echo "backup.sh create|verify FOLDER" >&2
    exit 2
    ;;
esac
