"""What only the page Steps uses."""
