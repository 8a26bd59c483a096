"""Hosting: who is let in, under which names a server answers, and what each answer carries."""
