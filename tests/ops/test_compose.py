"""docker-compose.yml, the image and nginx, read as files: no Docker is needed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ONE_SHOT = {"migrate", "rules"}
SECRETS = ("POSTGRES_PASSWORD", "MAPSERVICE_DB_PASSWORD", "MAPSERVICE_SECRET_KEY")


@pytest.fixture(scope="module")
def services(repository: Path) -> dict[str, dict[str, Any]]:
    document: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text())
    found: dict[str, dict[str, Any]] = document["services"]
    return found


def test_the_services(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {
        "db",
        "migrate",
        "app",
        "worker",
        "rules",
        "outgoing",
        "nginx",
    }


def test_every_service_that_stays_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    checked = {name for name, service in services.items() if "test" in service["healthcheck"]}
    assert checked == set(services) - ONE_SHOT


def test_every_service_that_stays_is_started_again(services: dict[str, dict[str, Any]]) -> None:
    for name in set(services) - ONE_SHOT:
        assert services[name]["restart"] == "unless-stopped", name


def test_what_runs_once_is_waited_for(services: dict[str, dict[str, Any]]) -> None:
    assert services["migrate"]["restart"] == "no"
    for name in ("app", "worker"):
        assert services[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }


def test_secrets_have_no_default(repository: Path) -> None:
    text = (repository / "docker-compose.yml").read_text()
    for secret in SECRETS:
        uses = re.findall(r"\$\{" + secret + r"([^}]*)\}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_the_service_knows_no_password_of_the_superuser(
    services: dict[str, dict[str, Any]],
) -> None:
    known = {name for name, one in services.items() if "${POSTGRES_PASSWORD" in str(one)}
    assert known == {"db"}
    given = services["db"]["environment"]
    assert given["POSTGRES_PASSWORD"] != given["MAPSERVICE_DB_PASSWORD"]


def images_of(folder: Path) -> list[str]:
    """Every image that comes from elsewhere, as the two files name it."""
    files = (folder / "Dockerfile").read_text() + (folder / "docker-compose.yml").read_text()
    named = re.findall(r"^(?:ARG \w+_IMAGE=|    image: )(\S+)$", files, re.M)
    assert len(named) == 4
    return named


def test_images_are_of_one_version(repository: Path) -> None:
    """PostGIS has no tags finer than the two versions that are joined in it."""
    for image in images_of(repository):
        name, _, tag = image.partition("@")[0].partition(":")
        assert re.match(r"\d+-\d+\.\d+" if "postgis" in name else r"\d+\.\d+\.\d+", tag), image


PINNED = "sha256:" + "ab12" * 16


@pytest.mark.parametrize("answer", [PINNED, "", "sha256:short"])
def test_digests_are_written_for_all_images_or_none(
    repository: Path, tmp_path: Path, answer: str
) -> None:
    for name in ("Dockerfile", "docker-compose.yml", "scripts/pin-images"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    asked = tmp_path / "bin" / "skopeo"
    asked.parent.mkdir()
    # The last image of all is the one that is not told.
    asked.write_text(
        f'#!/bin/sh\ncase "$4" in *python*) echo "{answer}";; *) echo {PINNED};; esac\n'
    )
    asked.chmod(0o755)
    before = images_of(tmp_path)
    for _again in range(2):
        done = subprocess.run(
            [tmp_path / "scripts" / "pin-images"],
            env={"PATH": f"{asked.parent}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer == PINNED:
            assert done.returncode == 0, done.stderr
            assert images_of(tmp_path) == [f"{one.partition('@')[0]}@{PINNED}" for one in before]
        else:
            assert done.returncode == 1
            assert "python:" in done.stderr
            assert images_of(tmp_path) == before


def test_only_nginx_can_be_reached_from_outside(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


def test_what_runs_our_code_has_no_way_out_but_the_proxy(
    repository: Path, services: dict[str, dict[str, Any]]
) -> None:
    networks = yaml.safe_load((repository / "docker-compose.yml").read_text())["networks"]
    assert networks["inside"]["internal"] is True
    with_a_way_out = {name for name, one in services.items() if "outside" in one["networks"]}
    assert with_a_way_out == {"outgoing", "nginx"}
    # It is given rules, and none of the secrets that stand in the settings.
    assert "environment" not in services["outgoing"]
    written = services["rules"]["command"][-1].rpartition("/")
    assert f"rules:{written[0]}" in services["rules"]["volumes"]
    assert services["outgoing"]["volumes"] == ["rules:/rules:ro"]
    assert f'"/rules/{written[2]}"]' in (repository / "Dockerfile").read_text()
    assert services["outgoing"]["depends_on"]["rules"] == {
        "condition": "service_completed_successfully",
        "restart": True,
    }
    for name in ("app", "worker"):
        given = services[name]["environment"]["MAPSERVICE_OUTGOING_PROXY"]
        assert given == "${MAPSERVICE_OUTGOING_PROXY:-http://outgoing:3128}"


def test_every_container_is_confined(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]


def test_mounted_files_exist(repository: Path, services: dict[str, dict[str, Any]]) -> None:
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]
    # Under var/ lies what an operator puts there.
    files = [
        mount.split(":")[0]
        for mount in mounts
        if mount.startswith("./") and not mount.startswith("./var/")
    ]
    assert files
    assert all((repository / file).is_file() for file in files)


def test_what_the_image_copies_exists_and_is_sent_to_its_build(repository: Path) -> None:
    sources = [
        source
        for words in re.findall(
            r"^COPY (?!--from)(.+)$", (repository / "Dockerfile").read_text(), re.M
        )
        for source in words.split()[:-1]
    ]
    sent = set((repository / ".dockerignore").read_text().split("\n"))
    assert sources
    for source in sources:
        assert (repository / source).exists(), source
        assert f"!{source}" in sent or f"!{source.split('/')[0]}" in sent, source


def test_the_image_runs_as_an_unprivileged_user(repository: Path) -> None:
    last_stage = (repository / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert "\nUSER 10001\n" in last_stage
    assert "\nHEALTHCHECK " in last_stage
    assert re.findall(r"--no-install-recommends (.+?) \\", last_stage) == ["postgresql-client-17"]


def test_nginx_accepts_its_configuration(repository: Path, tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx on this machine")
    text = (repository / "deploy" / "nginx.conf").read_text()
    here = {"/tmp/": f"{tmp_path}/", "server app:8000": "server 127.0.0.1:8000"}
    here |= {"/var/cache/nginx": str(tmp_path), "/dev/stdout": str(tmp_path / "access.log")}
    for there, replacement in here.items():
        text = text.replace(there, replacement)
    trusted = ["sh", str(repository / "deploy" / "trusted-proxies.sh")]
    told = subprocess.run(trusted, env={}, capture_output=True, text=True, check=True).stdout
    (tmp_path / "trusted-proxies.conf").write_text(told)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(text)
    done = subprocess.run(
        [nginx, "-t", "-c", configuration], capture_output=True, text=True, check=False
    )
    assert "test is successful" in done.stderr, done.stderr


def test_every_documented_setting_reaches_the_containers(
    services: dict[str, dict[str, Any]], repository: Path
) -> None:
    text = (repository / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `(MAPSERVICE_\w+)`", text, re.M))
    # Of the layout of the image, of a start by hand, and of tests.
    not_theirs = re.compile(r"MAPSERVICE_(HOME|DATABASE_URL|ASSETS|STARTED|TEST_\w+|SHARED_DATA)")
    for name in ("app", "worker"):
        reached = set(services[name]["environment"])
        missing = {one for one in documented - reached if not not_theirs.fullmatch(one)}
        assert missing == set()
