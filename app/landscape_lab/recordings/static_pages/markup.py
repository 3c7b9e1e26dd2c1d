"""The frame of every page: head, header, main part, footer."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from landscape_core.foundation.errors import SpecError
from landscape_lab.recordings.recording import Recording

NAME = "Landscape Lab"


@dataclass(frozen=True)
class Site:
    """What all pages know: where they will lie, and where the live app is; either may be empty.

    Raises:
        SpecError: an address that is not one of http or https.
    """

    base_url: str = ""
    live: str = ""

    def __post_init__(self) -> None:
        for option, url in (("--base-url", self.base_url), ("--live", self.live)):
            if url and not _is_address(url):
                accepted = "an address that begins with https:// or http://, without spaces"
                raise SpecError(option, url, accepted)

    def live_link(self, link: str) -> str:
        """The live app at a link; that of Binder begins with the app's own opening page."""
        host = urlsplit(self.live).hostname or ""
        opens_itself = host == "mybinder.org" or "#" in self.live
        return self.live if opens_itself or not link else f"{self.live}#{link}"


@dataclass(frozen=True)
class Page:
    """A page: where it lies in the folder, its title and summary, and its main part as HTML.

    `up` leads from it to the folder, as `../`; `link` is what the live app opens for it.
    """

    path: str
    title: str
    summary: str
    main: str
    link: str = ""
    kind: str = ""

    @property
    def up(self) -> str:
        """The way from the page to the folder of the site."""
        return "../" * self.path.count("/")

    def html(self, site: Site) -> str:
        """The whole page."""
        title = self.title if self.title == NAME else f"{self.title} · {NAME}"
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{html.escape(self.summary)}">
<meta name="color-scheme" content="light dark">
{self._addresses(site)}<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{self.up}assets/site.css">
<link rel="stylesheet" href="{self.up}assets/player.css">
</head>
<body class="{self.kind}">
<header class="top">
<a class="home" href="{self.up}index.html">{MARK}{NAME}</a>
<nav aria-label="Pages">
<a href="{self.up}index.html#presets">Runs</a>
<a href="{self.up}index.html#tours">Tours</a>
<a href="{self.up}index.html#labs">Labs</a>
{self._live(site)}</nav>
</header>
<main>
{self.main}</main>
<footer class="end"><p>Recorded runs: they play in the browser, without a server and without a \
request to any other machine.</p></footer>
<script src="{self.up}assets/player.js"></script>
<script src="{self.up}assets/site.js"></script>
</body>
</html>
"""

    def _live(self, site: Site) -> str:
        if not site.live:
            return ""
        address = html.escape(site.live_link(self.link))
        return f'<a class="live" href="{address}">Open the live app</a>\n'

    def _addresses(self, site: Site) -> str:
        if not site.base_url:
            return ""
        address = html.escape(f"{site.base_url.rstrip('/')}/{self.path.removesuffix('index.html')}")
        named = {"title": self.title, "description": self.summary, "type": "website"}
        told = "".join(
            f'<meta property="og:{key}" content="{html.escape(value)}">\n'
            for key, value in named.items()
        )
        shared = f'<meta property="og:url" content="{address}">\n'
        return f'<link rel="canonical" href="{address}">\n{shared}{told}'


def player(name: str, options: Mapping[str, Any], label: str) -> str:
    """The place of a player of the recording that the page holds under a name."""
    chosen = html.escape(json.dumps(dict(options)))
    return (
        f'<section class="player" data-recording="{html.escape(name)}" data-options="{chosen}"'
        f' aria-label="{html.escape(label)}"></section>\n'
    )


def data(name: str, recording: Recording) -> str:
    """A recording as a part of a page, under a name."""
    named = f'id="recording-{html.escape(name)}"'
    return f'<script type="application/json" {named}>\n{recording.text()}</script>\n'


def paragraph(text: str, kind: str = "") -> str:
    """Escaped text as a paragraph."""
    named = f' class="{kind}"' if kind else ""
    return f"<p{named}>{html.escape(text)}</p>\n"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and url.isprintable()
            and not set(url) & set(" \"'<>")
        )
    except ValueError:  # a bracket that is not closed
        return False


MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M2 25C8 25 8 7 13 7s4 12 8 12 4-6 9-6v14'
    'H2z" fill="currentColor" opacity=".25"/><path d="M2 25C8 25 8 7 13 7s4 12 8 12 4-6 9-6"'
    ' fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/>'
    '<circle cx="21" cy="15" r="4" fill="#ff5a36"/></svg>'
)
"""The sign of the laboratory: a landscape and the ball."""
