"""Frames in a page of another origin, the page that writes their code, and how pages are shared."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

from tests.basemap.range_server import serving

pytestmark = pytest.mark.long

READY = "#map[data-state=ready]"
PATIENCE = 60_000  # ms: the map is drawn in software here
HEIGHT = 560
LOOKS = [(390, "fr"), (1280, "en")]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of another site, and its address."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with serving(folder) as (address, _behaviour):
        yield folder, address.replace("127.0.0.1", "localhost")


HOST = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Journal</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<body style="margin:0">
<h1>Journal</h1>
<iframe src="{src}" title="Initiatives" width="100%" height="{height}" style="border:0"></iframe>
<script>
  window.told = [];
  addEventListener("message", (event) => {{
    const frame = document.querySelector("iframe");
    if (event.source !== frame.contentWindow || event.data?.type !== "mapservice:height") return;
    told.push(event.data.height);
    if (location.hash === "#follow") frame.height = event.data.height;
  }});
</script>"""


def put(elsewhere: tuple[Path, str], name: str, src: str) -> str:
    folder, address = elsewhere
    (folder / f"{name}.html").write_text(HOST.format(src=src, height=HEIGHT), encoding="utf-8")
    return f"{address}/{name}.html"


def frame_in(page: Page) -> Frame:
    page.wait_for_selector("iframe")
    (frame,) = page.main_frame.child_frames
    frame.wait_for_load_state("load")
    return frame


@pytest.fixture
def context_of(browser: Browser) -> Iterator[Any]:
    made: list[BrowserContext] = []

    def context_of(width: int, **more: Any) -> BrowserContext:
        made.append(
            browser.new_context(
                viewport={"width": width, "height": 800}, reduced_motion="reduce", **more
            )
        )
        return made[-1]

    yield context_of
    for one in made:
        one.close()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(("width", "language"), LOOKS)
def test_a_page_of_another_origin_shows_it(
    context_of: Any,
    live_server: str,
    elsewhere: tuple[Path, str],
    width: int,
    language: str,
    scripts: bool,
) -> None:
    context = context_of(width, locale="fr-FR", java_script_enabled=scripts)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    query = "territory=region:53"
    address = put(elsewhere, "region", f"{live_server}/embed?{query}&lang={language}")
    page.goto(address)
    frame = frame_in(page)

    title = {"fr": "Initiatives\u00a0: Bretagne", "en": "Initiatives: Bretagne"}[language]
    expect(frame.locator("h1")).to_have_text(title)
    listed = frame.locator(".card").evaluate_all("cards => cards.map(card => card.dataset.id)")
    found = page.request.get(f"{live_server}/initiatives.geojson?{query}&limit=20").json()
    assert listed == [one["id"] for one in found["features"]]
    assert len(listed) > 5
    wide = frame.evaluate("document.documentElement.scrollWidth") if scripts else width
    assert wide <= width

    if scripts:
        frame.wait_for_selector(READY, timeout=PATIENCE)
        expect(frame.locator(".map canvas")).to_be_visible()
    else:
        expect(frame.locator(".map-drawing img")).to_be_visible()
    assert context.cookies() == []
    assert {urlsplit(one).netloc for one in asked if one.startswith("http")} == {
        urlsplit(live_server).netloc, urlsplit(address).netloc,
    }  # fmt: skip

    with context.expect_page() as opened:
        frame.locator(".card-title a").first.click()
    assert urlsplit(opened.value.url).path == f"/initiatives/{listed[0]}"
    assert opened.value.evaluate("window.opener") is None if scripts else True
    assert page.url == address


@pytest.mark.parametrize("path", ["/", "/initiatives", "/integrer", "/compte", "/proposer"])
def test_other_pages_refuse_to_be_framed(
    context_of: Any, live_server: str, elsewhere: tuple[Path, str], path: str
) -> None:
    page = context_of(1280).new_page()
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text))
    page.goto(put(elsewhere, "refused", live_server + path))
    frame = frame_in(page)
    assert frame.url.startswith("chrome-error:")
    assert any("frame-ancestors 'self'" in one for one in refusals)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("show", ["both", "list"])
def test_the_page_around_may_follow_its_height(
    context_of: Any, live_server: str, elsewhere: tuple[Path, str], width: int, show: str
) -> None:
    page = context_of(width).new_page()
    query = f"territory=region:53&show={show}"
    page.goto(put(elsewhere, "height", f"{live_server}/embed?{query}") + "#follow")
    frame = frame_in(page)
    frame.evaluate("document.fonts.ready.then(() => true)")
    held = "document.getElementById('embed').getBoundingClientRect().height"
    page.wait_for_function(
        "() => told.length && document.querySelector('iframe').clientHeight === told.at(-1)"
    )
    assert page.evaluate("told.at(-1)") == -(-frame.evaluate(held) // 1)
    # Its own height does not change it: it scrolls no more, and told a few sizes at the most.
    frame.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight")
    assert len(page.evaluate("told")) < 12
    assert page.evaluate("told.at(-1)") > HEIGHT


def test_a_map_fills_its_frame_and_tells_no_height(
    context_of: Any, live_server: str, elsewhere: tuple[Path, str]
) -> None:
    page = context_of(1280).new_page()
    page.goto(put(elsewhere, "map", f"{live_server}/embed?show=map&look=dark"))
    frame = frame_in(page)
    frame.wait_for_selector(READY, timeout=PATIENCE)
    box = frame.evaluate("document.getElementById('map').getBoundingClientRect().toJSON()")
    assert box["height"] > 0.7 * HEIGHT
    assert frame.evaluate("document.documentElement.scrollHeight") == HEIGHT
    assert page.evaluate("told") == []
    paper = frame.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", paper)) < 64
    water = "map => map.getPaintProperty('water', 'background-color')"
    assert frame.evaluate(f"({water})(document.getElementById('map').map)") == "#0a1114"


def test_what_stands_on_the_map_opens_and_leads_out(
    context_of: Any, live_server: str, elsewhere: tuple[Path, str]
) -> None:
    found = context_of(1280).request.get(
        f"{live_server}/initiatives.geojson?precision=point&territory=region:53&limit=1"
    ).json()["features"][0]  # fmt: skip
    lon, lat = found["geometry"]["coordinates"]
    context = context_of(1280, locale="en-GB")
    page = context.new_page()
    box = f"{lon - 0.002},{lat - 0.002},{lon + 0.002},{lat + 0.002}"
    src = f"{live_server}/embed?show=map&lang=fr&bbox={box}"
    page.goto(put(elsewhere, "popup", src))
    frame = frame_in(page)
    frame.wait_for_selector(READY, timeout=PATIENCE)
    spot = frame.evaluate(
        "at => { const { x, y } = document.getElementById('map').map.project(at); return {x, y} }",
        [lon, lat],
    )
    frame.locator("#map canvas").click(position=spot)
    card = frame.locator(".map-card")
    expect(card.locator(".map-card-title")).to_have_text(found["properties"]["title"])
    expect(card.locator(".map-card-place")).to_contain_text(found["properties"]["commune_name"])
    # In the language of the frame, whatever the browser's.
    expect(card.locator(".map-card-place")).to_contain_text(re.compile("point indiqué|adresse"))
    assert context.cookies() == []
    with context.expect_page() as opened:
        card.locator(".map-card-open").click()
    assert urlsplit(opened.value.url).path == f"/initiatives/{found['id']}"


def weight(page: Page, address: str) -> dict[str, int]:
    """Bytes of the scripts that a page loads, as they travel, by name."""
    sizes: dict[str, int] = {}
    finished: list[Any] = []
    page.on("requestfinished", lambda request: finished.append(request))
    page.goto(address)
    page.wait_for_selector(READY, timeout=PATIENCE)
    for request in finished:
        path = urlsplit(request.url).path
        if path.endswith((".js", ".mjs")):
            sizes[path] = request.sizes()["responseBodySize"]
    return sizes


def test_a_frame_is_no_heavier_than_the_map_of_the_home_page(
    context_of: Any, live_server: str
) -> None:
    home = weight(context_of(1280).new_page(), f"{live_server}/")
    framed = weight(context_of(1280).new_page(), f"{live_server}/embed")
    assert sum(framed.values()) <= sum(home.values())
    listed = context_of(1280).new_page()
    asked: list[str] = []
    listed.on("request", lambda request: asked.append(urlsplit(request.url).path))
    listed.goto(f"{live_server}/embed?show=list")
    assert [one for one in asked if one.endswith((".js", ".mjs"))] == ["/static/js/embed.js"]


def code_of(page: Page) -> str:
    return page.locator("#code").input_value()


@pytest.mark.parametrize(("width", "locale"), [(390, "fr-FR"), (1280, "en-GB")])
def test_the_code_follows_the_choice_and_is_copied(
    context_of: Any, live_server: str, width: int, locale: str
) -> None:
    context = context_of(width, locale=locale)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{live_server}/integrer")
    page.locator("#place").fill("Bretagne")
    page.locator("#place").press("Enter")
    page.wait_for_url(re.compile("territory=region:53"))
    page.locator("input[name=theme][value=culture]").check()
    page.locator("input[name=show][value=list]").check()
    expect(page.locator("#code")).to_have_value(re.compile("show=list"))
    assert "theme=culture&amp;territory=region:53&amp;show=list" in code_of(page)
    assert "show=list" in page.url
    preview = page.frame_locator(".code-preview")
    expect(preview.locator(".card").first).to_be_visible()
    button = page.locator("[data-copy]")
    button.click()
    expect(button).to_have_text({"fr-FR": "Copié", "en-GB": "Copied"}[locale])
    assert page.evaluate("navigator.clipboard.readText()") == code_of(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_code_is_written_by_the_form(
    plain_page: Page, live_server: str
) -> None:
    plain_page.goto(f"{live_server}/integrer?territory=region:53")
    plain_page.locator("input[name=theme][value=culture]").check()
    plain_page.locator("input[name=show][value=map]").check()
    plain_page.locator("#width").fill("400")
    plain_page.locator("#code-form button[type=submit]").click()
    assert "theme=culture&amp;territory=region:53&amp;show=map" in code_of(plain_page)
    assert 'width="400"' in code_of(plain_page)
    expect(plain_page.locator("[data-copy]")).to_be_hidden()
    expect(plain_page.frame_locator(".code-preview").locator("h1")).to_be_visible()


SHARED = ["/initiatives?theme=culture", "/territoires/commune/35238", "/?theme=culture"]


@pytest.mark.parametrize("path", SHARED)
def test_a_page_is_shared_by_the_device_a_copy_or_a_code(
    context_of: Any, live_server: str, path: str
) -> None:
    context = context_of(390, locale="fr-FR")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.add_init_script(
        "window.shared = []; navigator.share = async (what) => { shared.push(what) }"
    )
    page = context.new_page()
    page.route(re.compile(r"maplibre-gl\.mjs"), lambda route: route.abort())
    page.goto(live_server + path)
    sheet = page.locator("details.share")
    sheet.locator("summary").click()
    sheet.locator("[data-share]").click()
    assert page.evaluate("shared") == [
        {"title": sheet.locator("[data-share]").get_attribute("data-title"),
         "url": live_server + path}
    ]  # fmt: skip
    sheet.locator("[data-copy]").click()
    expect(sheet.locator("[data-copy]")).to_have_text("Copié")
    assert page.evaluate("navigator.clipboard.readText()") == live_server + path
    drawn = "image => image.complete && image.naturalWidth > 0"
    page.wait_for_function(f"() => ({drawn})(document.querySelector('.share-qr'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_a_page_is_shared_too(plain_page: Page, live_server: str) -> None:
    plain_page.goto(f"{live_server}/initiatives?theme=culture")
    sheet = plain_page.locator("details.share")
    expect(sheet.locator("#share-address")).to_be_hidden()
    sheet.locator("summary").click()
    expect(sheet.locator("#share-address")).to_have_value(
        f"{live_server}/initiatives?theme=culture"
    )
    expect(sheet.locator(".share-qr")).to_be_visible()
    for button in sheet.locator("button").all():
        expect(button).to_be_hidden()


def test_the_filter_of_the_map_goes_into_what_is_shared(context_of: Any, live_server: str) -> None:
    """The home page changes its filter in place: links of its foot go along."""
    page = context_of(1280, locale="fr-FR").new_page()
    page.route(re.compile(r"maplibre-gl\.mjs"), lambda route: route.abort())
    page.goto(f"{live_server}/")
    page.locator("[data-key=culture]").click()
    expect(page.locator("#share-address")).to_have_value(f"{live_server}/?theme=culture")
    followed = page.locator(".panel-doors a[href^='/suivre']")
    expect(followed).to_have_attribute("href", "/suivre?theme=culture")
    page.locator("details.share summary").click()
    expect(page.locator(".panel-doors [data-copy]")).to_be_visible()


def test_oembed_names_a_frame_that_another_site_can_show(
    context_of: Any, live_server: str, elsewhere: tuple[Path, str]
) -> None:
    """As an editor does: the address of a page, its head, what that names, its HTML."""
    context = context_of(1280, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{live_server}/territoires/departement/35")
    named = page.locator("link[type='application/json+oembed']").get_attribute("href")
    told = json.loads(page.request.get(named or "").text())
    folder, address = elsewhere
    (folder / "oembed.html").write_text(f"<!doctype html>{told['html']}", encoding="utf-8")
    page.goto(f"{address}/oembed.html")
    expect(frame_in(page).locator("h1")).to_contain_text("Ille-et-Vilaine")
