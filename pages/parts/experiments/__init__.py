"""What only the page Experiments uses."""
