"""The Python half of each kind of loss: it prepares a call, hands it to a backend, and shapes the results."""
