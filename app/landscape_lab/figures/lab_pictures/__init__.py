"""Pictures of labs: declarations in a dataset become marks, which Bokeh and Matplotlib draw."""
