"""deploy/nginx.conf with places and ports of this machine; it believes us about addresses."""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from mapservice.errors import ConfigurationError
from scripts.benchmarks.options import ROOT

HOST = "127.0.0.1"
TILES = "/tiles/initiatives/"


def program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        raise ConfigurationError("nginx is missing: apt-get install nginx")
    return found


def configured(folder: Path, port: int, app_port: int) -> Path:
    """Raises ConfigurationError where the file has changed so that this does not fit any more."""
    trusted = subprocess.run(
        ["sh", ROOT / "deploy" / "trusted-proxies.sh"],
        env={"TRUSTED_PROXIES": HOST, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("tmp", "cache"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp" / "trusted-proxies.conf").write_text(trusted.stdout)
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for there, here in {
        "/tmp/": f"{folder}/tmp/",
        "/var/cache/nginx": f"{folder}/cache",
        "/dev/stdout": f"{folder}/access.log",
        "error_log stderr": f"error_log {folder}/error.log",
        "server app:8000": f"server {HOST}:{app_port}",
        "listen 8080;": f"listen {HOST}:{port};",
        "listen [::]:8080;": "",
    }.items():
        if there not in text:
            raise ConfigurationError(f"deploy/nginx.conf no longer has {there!r}")
        text = text.replace(there, here)
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    return path


def tile_cache(folder: Path) -> Counter[str]:
    """How nginx's own cache served tiles: HIT, MISS, EXPIRED, UPDATING …"""
    found = Counter[str]()
    with (folder / "access.log").open(encoding="utf-8") as lines:
        for line in lines:
            if f'"path":"{TILES}' in line:
                found[json.loads(line)["cache"] or "not asked"] += 1
    return found


def failures(folder: Path) -> Counter[str]:
    """Answers from status 500 on, by who gave them: the application, or nginx without it."""
    found = Counter[str]()
    with (folder / "access.log").open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            if told["status"] >= 500:
                giver = (
                    "the application" if told["upstream_status"] == str(told["status"]) else "nginx"
                )
                found[f"{told['status']} by {giver}"] += 1
    return found
