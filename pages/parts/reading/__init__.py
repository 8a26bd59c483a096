"""How to read each view: three sentences and a picture drawn from real trainings."""
