"""Styles of a page's parts that depend on what it shows and how wide it is."""

GUIDE_ONLY = "guide-only"
AS_HIGH_AS_IT_IS = f":host(.{GUIDE_ONLY}){{flex:none!important;height:auto!important}}"
"""A class of what has nothing but the guide, and its style: the labs below take the rest."""

CLOSED = "closed"
HIDDEN = f":host(.{CLOSED}){{display:none!important}}"
"""A class of where labs are shown, and its style while none are; what is not `visible` is not built
in the browser, and figures in it miss changes."""

STACKED = """@media (orientation: portrait) { @container (max-width: 640px) {
:host(.middle) { flex-direction: column !important; overflow: hidden auto !important; }
:host(.center) { flex: none !important; width: 100% !important;
  height: max(440px, calc(100vh - 200px)) !important; }
:host(.side) { flex: none !important; width: 100% !important; height: 160vw !important; }
}}
@media (orientation: portrait) { @container (min-width: 640.1px) and (max-width: 899.9px) {
:host(.middle) { flex-direction: column !important; }
:host(.center) { width: 100% !important; min-height: 0 !important; }
:host(.side) { flex-direction: row !important; width: 100% !important; height: 34vh !important; }
}}"""
"""The style of a page of an upright phone or tablet: the landscape is as wide as it, with
the figures below."""
