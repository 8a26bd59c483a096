"""What only the page Quiz uses."""
