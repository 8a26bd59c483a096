"""Why a model answers as it does: what speaks for a class, what its layers hold, what a change of the image does."""
