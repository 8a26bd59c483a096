"""Time whole experiments beside their sources, which train one after the other; ``training.py`` adds it to its results.

DIGITCORE_DATA=... python benchmarks/experiments.py
"""

import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import torch
from peers import numpy_softmax
from torch import nn

from digitcore.experiments import CrossValidation, ExperimentRunner, RecipeTables
from digitcore.experiments.plans import PLANS, RECIPE_ITSELF, Member, Plan
from digitcore.runs import Engine, Store
from digitcore.runs.training import split_for
from digitcore.specs.recipes import load_recipe

ROUNDS = 5
TORCH_RULES = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "amsgrad": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr, amsgrad=True),
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
}


@dataclass(frozen=True)
class ThirtyTrainings(Plan):
    """The cells of digits-mlp's six tables, each with a seed of its own so that none is another's result."""

    KIND = "benchmark"

    first_seed: int

    @cached_property
    def members(self):
        """Thirty members."""
        cells = [m.spec for m in RecipeTables("digits-mlp").members if m.values["table"] != RECIPE_ITSELF]
        seeded = [spec.with_changes(random_state=self.first_seed + n) for n, spec in enumerate(cells)]
        return tuple(Member(spec, {"seed": spec.random_state}) for spec in seeded)


PLANS[ThirtyTrainings.KIND] = ThirtyTrainings


def thirty_trainings(round_number):
    """Return a plan whose results no other round has."""
    return ThirtyTrainings(1000 * round_number)


def sources_thirty(round_number):
    """Train the same thirty one after the other with the source's loop."""
    for member in thirty_trainings(round_number).members:
        source_training(member.spec)


def source_training(spec):
    """Train a spec of digits-mlp as its source does: full batch, test loss after each epoch."""
    parameters, divided = spec.parameters, split_for(spec)
    X, y, X_test, y_test = (
        torch.from_numpy(array)
        for part in (divided.train, divided.test)
        for array in (part.features(spec.scaling), part.labels.copy())
    )
    torch.manual_seed(spec.random_state)
    sizes = [64, *parameters["hidden_units"], 10]
    layers = [each for n_in, n_out in pairwise(sizes) for each in (nn.Linear(n_in, n_out), nn.ReLU())]
    module, loss_of = nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss()
    optimizer = TORCH_RULES[parameters["optimizer"]](module.parameters(), lr=parameters["learning_rate"])
    train_losses, test_losses = [], []
    for _ in range(parameters["epochs"]):
        optimizer.zero_grad()
        loss = loss_of(module(X), y)
        loss.backward()
        optimizer.step()
        train_losses.append(loss.item())
        with torch.no_grad():
            test_losses.append(loss_of(module(X_test), y_test).item())
    with torch.no_grad():
        return (module(X_test).argmax(dim=1) == y_test).float().mean().item()


def five_folds(round_number):
    """Return the plan of 5-fold cross-validation of mnist-softmax, 30 epochs, all 70000 images."""
    changes = load_recipe("mnist-softmax").cross_validations[0].changes
    spec = load_recipe("mnist-softmax").spec.with_changes(**changes)
    return CrossValidation(spec.with_changes(random_state=1000 + round_number), k=5)


def sources_folds(round_number):
    """Train the same folds one after the other with the published code."""
    for member in five_folds(round_number).members:
        divided = split_for(member.spec)
        train, held_out = divided.train, divided.validation
        data = dict(X=train.features(), y=train.labels, X_held_out=held_out.features(), y_held_out=held_out.labels)
        epoch = numpy_softmax(SimpleNamespace(**data))
        for _ in range(member.spec.parameters["epochs"]):
            epoch()


def tables():
    """Return the table of both experiments in Markdown."""
    contests = {
        "30 trainings of digits-mlp's tables": (thirty_trainings, sources_thirty),
        "5 folds x 30 epochs of mnist-softmax": (five_folds, sources_folds),
    }
    lines = [
        "## Whole experiments",
        "",
        "Through the engine, on all cores, each result evaluated and kept, beside the source's code one training after "
        f"the other (with as many threads as its libraries take); medians of {ROUNDS} rounds, taking turns.",
        "",
        "| experiment | here, s | from, to | source, s | from, to | share of its time |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as home, Engine(Store(home=Path(home))) as engine:
        for name, (plan_of, train_as_source) in contests.items():
            here, there = timed_in_turns(engine, plan_of, train_as_source)
            share = median(here) / median(there)
            lines.append(
                f"| {name} | {median(here):.2f} | {min(here):.2f}, {max(here):.2f} | {median(there):.2f} "
                f"| {min(there):.2f}, {max(there):.2f} | {100 * share:.0f} % |"
            )
    return "\n".join([*lines, ""])


def timed_in_turns(engine, plan_of, train_as_source):
    """Return the seconds of every round, here and there."""
    here, there = [], []
    with ExperimentRunner(engine) as runner:
        # The workers have read the data and are warm, as those of a server are.
        runner.start(plan_of(99))
        runner.wait(plan_of(99).digest)
        for number in range(ROUNDS):
            plan, start = plan_of(number), time.perf_counter()
            runner.start(plan)
            ended = runner.wait(plan.digest)
            here.append(time.perf_counter() - start)
            assert all(run.state == "done" for run in ended.runs.values())
            start = time.perf_counter()
            train_as_source(number)
            there.append(time.perf_counter() - start)
    return here, there


if __name__ == "__main__":
    print(tables())
