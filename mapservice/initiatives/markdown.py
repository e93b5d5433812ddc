"""Descriptions: Markdown as people write it, rendered and then cleaned of all that could act."""

import nh3
from markdown_it import MarkdownIt

_RENDERER = MarkdownIt("commonmark", {"html": False, "linkify": False})
_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "blockquote", "a", "h3", "h4", "code", "hr"}
_ATTRIBUTES = {"a": {"href"}}


def to_html(text: str) -> str:
    """Safe HTML: a few tags, links to http, https and mailto only, headings below the page's."""
    html = str(_RENDERER.render(text))
    for level, below in (("h1", "h3"), ("h2", "h3"), ("h5", "h4"), ("h6", "h4")):
        html = html.replace(f"<{level}>", f"<{below}>").replace(f"</{level}>", f"</{below}>")
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow ugc",
    )
