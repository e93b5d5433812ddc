"""Legal and help pages: an operator's own Markdown, else what settings and code can say."""
