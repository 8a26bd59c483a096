"""What trainings import, for the process that workers are forked from: it pays once for all of them.

No import here may start threads: they do not survive the fork.
"""

# ruff: noqa: E402, F401
import gc

# Collecting what is only ever added to takes a quarter of the time; frozen, it stays in memory that the workers share.
gc.disable()

import distributed
import numba.core.cpu
import numba.np.arrayobj
import sklearn.datasets
import sklearn.model_selection

import digitcore.models.torch_backend.network
import digitcore.runs.worker

gc.freeze()
gc.enable()
