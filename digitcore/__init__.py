"""digitcore: train, evaluate and understand digit classifiers, from a notebook or under the dashboard."""
