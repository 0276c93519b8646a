"""`python -m bench`: how long the value and gradient of losses take, beside NumPy, other libraries and bare memory."""
