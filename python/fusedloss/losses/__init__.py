"""The losses, a family a file: its options, its formula, and its NumPy reference, which is the specification."""
