"""The learning-rate range test of a spec."""

from __future__ import annotations

import pandas as pd

from digitcore.evaluation.lr_range import lr_range_table
from digitcore.models.ensemble import first_member
from digitcore.runs.training import images_and_labels, model_for, split_for, threads_for
from digitcore.specs.run_spec import RunSpec

LOWEST, HIGHEST, N_STEPS = 1e-6, 10.0, 300


def lr_range_test(
    spec: RunSpec | str, lowest: float = LOWEST, highest: float = HIGHEST, n_steps: int = N_STEPS
) -> pd.DataFrame:
    """Try learning rates in one short training, a batch each, and return the loss at each.

    It takes one thread, so that it keeps nobody waiting.

    Parameters
    ----------
    spec : RunSpec or str
        What would be trained, or its JSON; its own learning rate does not matter.
    lowest, highest : float
        Ends of the rates tried, above 0.
    n_steps : int
        How many, 2 to 10000. The test ends early where the loss has grown hopeless.

    Returns
    -------
    DataFrame
        ``learning_rate``, ``loss`` and ``smoothed``, see :func:`digitcore.evaluation.lr_range.lr_range_table`; for
        :func:`digitcore.evaluation.lr_range.suggested_learning_rate`.

    Raises
    ------
    InvalidSetting
        If a number is not valid.

    References
    ----------
    Smith (2015), "Cyclical learning rates for training neural networks", section 3.3.
    """
    spec = RunSpec.from_json(spec) if isinstance(spec, str) else spec
    data_split = split_for(spec)
    X, y = images_and_labels(data_split.train, spec.scaling)
    # Of several models that vote, the first one is tested.
    model = first_member(model_for(spec, data_split.dataset))
    with threads_for(spec, most=1):
        found = model.learning_rate_range(X, y, lowest=lowest, highest=highest, n_steps=n_steps)
    return lr_range_table(found.rates, found.losses)
