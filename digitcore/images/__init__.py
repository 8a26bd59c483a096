"""Images as files and back: PNG for pages, uploaded pictures, and a drawing made like a data set's own images."""
