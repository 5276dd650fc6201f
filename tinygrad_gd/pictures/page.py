"""One HTML page without scripts, that loads nothing: the picture, and below it the same in letters."""

from __future__ import annotations

from html import escape

from .themes import Theme

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 1em; background: {page}; color: {text}; font-family: sans-serif; }}
svg {{ max-width: 100%; height: auto; }}
pre {{ overflow-x: auto; }}
</style>
</head>
<body>
{svg}
<details><summary>The same in letters</summary>
<pre>{letters}</pre>
</details>
</body>
</html>
"""


def to_html(svg: bytes, letters: str, title: str, theme: Theme) -> str:
    """The page."""
    picture = svg.decode()
    return _PAGE.format(title=escape(title), page=theme.page, text=theme.text, letters=escape(letters),
                        svg=picture[picture.index("<svg") :].rstrip())
