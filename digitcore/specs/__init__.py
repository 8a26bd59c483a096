"""What decides a result: the description of a run, its settings one by one, its link, and the recipes."""

from digitcore.plugins import load_plugins

# Before any spec is read: a spec names data set and model.
load_plugins()
