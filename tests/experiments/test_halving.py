from datetime import UTC, datetime

import pytest

from digitcore.experiments import Axis, Sweep, run_plan, sweep
from digitcore.experiments.halving import possible_digests, promoted
from digitcore.runs import Run, RunSpec
from digitcore.runs.run import Evaluation
from tests.experiments.figures import figures

SPEC = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 9})


def plan_of(n_points):
    return Sweep(SPEC, (Axis.of("learning_rate", [10.0**-n for n in range(n_points)]),), factor=3)


def done(spec, accuracy):
    evaluation = Evaluation({"test": figures(accuracy)})
    return Run(spec, "done", evaluation=evaluation, created_at=datetime.now(UTC))


def rates(members):
    return [(member.values["learning_rate"], member.spec.parameters["epochs"]) for member in members]


def test_nobody_goes_on_before_three_have_come():
    plan = plan_of(9)
    assert plan.rungs == (1, 3, 9)
    runs = {member.digest: done(member.spec, 0.5) for member in plan.members[:2]}
    assert promoted(plan, runs) == []


def test_the_best_of_three_goes_on_at_once():
    plan = plan_of(9)
    runs = {m.digest: done(m.spec, score) for m, score in zip(plan.members, [0.1, 0.7, 0.3], strict=False)}
    assert rates(promoted(plan, runs)) == [(0.1, 3)]
    assert promoted(plan, runs)[0].continues == plan.members[1].spec


def test_who_went_on_stays_though_better_ones_came():
    plan = plan_of(9)
    runs = {m.digest: done(m.spec, score) for m, score in zip(plan.members, [0.1, 0.7, 0.3], strict=False)}
    (early,) = promoted(plan, runs)
    runs[early.digest] = done(early.spec, 0.75)
    better = {m.digest: done(m.spec, 0.9 + n / 100) for n, m in enumerate(plan.members[3:6])}
    assert set(rates(promoted(plan, runs | better))) == {(0.1, 3), (1e-5, 3), (1e-4, 3)}


def test_the_highest_rung_comes_first():
    plan = plan_of(9)
    runs = {m.digest: done(m.spec, n / 10) for n, m in enumerate(plan.members)}
    for member in promoted(plan, runs):
        runs[member.digest] = done(member.spec, member.values["learning_rate"])
    assert rates(promoted(plan, runs))[0] == (1e-6, 9)


def test_failed_trainings_are_never_the_best():
    plan = plan_of(3)
    runs = {m.digest: Run(m.spec, "failed") for m in plan.members[:2]}
    runs[plan.members[2].digest] = done(plan.members[2].spec, 0.1)
    assert promoted(plan, runs) == []


def test_all_rungs_are_among_the_possible_runs():
    assert len(set(possible_digests(plan_of(9)))) == 27


def test_halving_trains_fewer_epochs_and_finds_the_same_best():
    values = {"learning_rate": [1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0]}
    halved, whole = sweep(SPEC, values, factor=3), sweep(SPEC, values)
    assert halved["epochs_trained"].sum() < whole["epochs_trained"].sum() / 2
    best = halved["score"].where(halved["epochs_trained"] == 9).idxmax()
    assert whole["score"][best] >= whole["score"].nlargest(2).min()


def test_a_promoted_member_has_the_figures_of_a_training_from_the_start():
    experiment = run_plan(plan_of(9))
    last = next(member for member in experiment.members if member.spec.parameters["epochs"] == 9)
    alone = run_plan(Sweep(last.spec, (Axis.of("seed", [0]),)))
    assert experiment.runs[last.digest].evaluation == alone.runs[last.digest].evaluation


@pytest.mark.parametrize("n_points", [1, 2])
def test_too_few_points_have_one_rung(n_points):
    assert plan_of(n_points).rungs == (9,)


def test_halving_goes_with_early_stopping():
    spec = SPEC.with_changes(parameters={"epochs": 90, "patience": 3}, split={"validation": "cut"})
    table = sweep(spec, {"learning_rate": [5e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 2.0]}, factor=3)
    assert list(table["state"]) == ["done"] * 9
    assert (table["epochs_trained"] < 90).all()


def test_going_on_counts_the_time_of_all_epochs():
    experiment = run_plan(plan_of(9))
    last = next(member for member in experiment.members if member.spec.parameters["epochs"] == 9)
    run, before = experiment.runs[last.digest], experiment.runs[last.continues.digest]
    assert run.seconds >= sum(epoch.seconds for epoch in run.epochs)
    assert [epoch.seconds for epoch in run.epochs][: len(before.epochs)] == [epoch.seconds for epoch in before.epochs]
