"""What only the page Phenomena uses."""
