"""Lines and planes through parameter space, and the rules that choose them."""
