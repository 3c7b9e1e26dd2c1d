"""Views: named arrays in, a Bokeh figure brought up to date; no engine and no Panel."""
