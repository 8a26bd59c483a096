"""What decides a result: the description of a run, its settings one by one, its link, and the published recipes."""
