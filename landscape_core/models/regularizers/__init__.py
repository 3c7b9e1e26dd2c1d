"""What joins the gradient of a loss, one regularizer a file."""
