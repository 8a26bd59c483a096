"""What only the page Train uses."""
