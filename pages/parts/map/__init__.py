"""What only the page Map uses."""
