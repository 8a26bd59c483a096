"""What only the page Predict uses."""
