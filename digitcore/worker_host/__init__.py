"""The process of this machine that hosts the embedded dask cluster: the scheduler, and the processes that train.

``process`` is the server's side: it starts the host and hears from it. ``python -m digitcore.worker_host`` is the host;
its modules import nothing else of digitcore before its scheduler is up, because everybody waits for that. ``tasks``
packs the calls that workers run, on this machine or on others.
"""
