"""The application and nginx before it agree about what a form with photos may weigh."""

import re

from flask import Flask

from mapservice.media.uploads import largest_form
from mapservice.settings import Settings
from tests.conftest import REPOSITORY

NGINX = REPOSITORY / "deploy" / "nginx.conf"
LOCATION = re.compile(r"location ~ (\S+) \{([^}]*)\}")
MEBIBYTE = 1024 * 1024


def test_nginx_lets_through_what_the_application_takes_and_little_more(app: Flask) -> None:
    limits = {
        path: int(found[1]) * MEBIBYTE
        for path, body in LOCATION.findall(NGINX.read_text(encoding="utf-8"))
        if (found := re.search(r"client_max_body_size (\d+)m;", body))
    }
    forms = [
        rule.rule.replace("<uuid:identifier>", "5f6e").rstrip("/")
        for rule in app.url_map.iter_rules()
        if rule.endpoint in ("proposals.send", "author_photos.add")
        and "POST" in (rule.methods or ())
    ]
    assert len(forms) == 2
    largest = largest_form(Settings())
    for form in forms:
        (limit,) = [most for path, most in limits.items() if re.search(path, form)]
        assert largest <= limit < largest + 2 * MEBIBYTE, form


def test_nginx_keeps_photos_and_place_cards_without_asking_who_wants_them() -> None:
    text = NGINX.read_text(encoding="utf-8")
    kept = [body for path, body in LOCATION.findall(text) if re.search(path, "/photos/x.webp")]
    assert len(kept) == 1
    assert "proxy_cache kept;" in kept[0]
    maps = re.findall(r"~(\^/\(basemap[^ ]*) \"\";", text)
    assert len(maps) == 2, "neither the encoding nor the cookie is sent on"
    for pattern in maps:
        assert re.search(pattern, "/photos/x.webp")
        assert re.search(pattern, "/dessins/vignettes/commune/35238/culture.svg")
