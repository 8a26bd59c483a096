"""What only the page Weights uses."""
