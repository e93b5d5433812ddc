"""Descriptions: Markdown as people write it, rendered and then cleaned of all that could act."""

import re

import nh3
from markdown_it import MarkdownIt

_RENDERER = MarkdownIt("commonmark", {"html": False, "linkify": False})
_WITH_TABLES = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "blockquote", "a", "code", "hr"}
_HEADINGS = {"h2", "h3", "h4"}
_TABLES = {"table", "thead", "tbody", "tr", "th", "td"}
_ATTRIBUTES = {"a": {"href"}}
_LOWEST = 4


def to_html(
    text: str, *, highest: int = 3, rel: str = "noopener nofollow ugc", tables: bool = False
) -> str:
    """Safe HTML: a few tags, links to http, https and mailto only, headings below the page's.

    `highest` is the level of the highest headings: below a section's title, or a page's.
    """
    html = str((_WITH_TABLES if tables else _RENDERER).render(text))
    html = re.sub(
        r"<(/?)h([1-6])>",
        lambda found: f"<{found[1]}h{min(max(int(found[2]), highest), _LOWEST)}>",
        html,
    )
    return nh3.clean(
        html,
        tags=_TAGS | _HEADINGS | (_TABLES if tables else set()),
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel=rel,
    )
