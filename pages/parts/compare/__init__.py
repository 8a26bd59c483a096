"""What only the page Compare uses."""
