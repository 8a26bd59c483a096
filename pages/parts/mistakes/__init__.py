"""What only the page Mistakes uses."""
