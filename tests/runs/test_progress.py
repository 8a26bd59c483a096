"""How far a run is and how long one takes; what the pages say of it is in test_report."""

from dataclasses import replace

import pytest

from digitcore.models import MODELS, Epoch
from digitcore.runs import Run, RunSpec
from digitcore.runs.progress import expected_seconds, expected_time, is_measured, milestone_text, progress_of
from digitcore.runs.run import Evaluation
from digitcore.wording import duration_text


def spec(dataset="digits", model="softmax", split=None, **parameters):
    return RunSpec(dataset=dataset, model=model, split=split or {}, parameters=parameters)


def run(described, epoch_seconds=(), state="done", factor=1.0):
    """A run whose epochs took ``epoch_seconds``, and its training ``factor`` times the guess for as many epochs."""
    epochs = tuple(Epoch(i, 1.0, 0.5, None, None, seconds) for i, seconds in enumerate(epoch_seconds, 1))
    guess = expected_time(described.with_changes(parameters={"epochs": max(1, len(epochs))})).seconds
    return Run(described, state, epochs=epochs, evaluation=Evaluation(n_epochs=len(epochs)), seconds=factor * guess)


def test_the_last_ten_epochs_tell_the_pace():
    # The first five took a minute each, which no longer counts.
    progress = progress_of(run(spec(epochs=20), [60.0] * 5 + [1.0] * 5 + [3.0] * 5, "running"))
    assert progress.seconds_left == pytest.approx(5 * 2.0)


def test_short_epochs_that_are_held_up_now_and_then_tell_the_mean_pace():
    # Each hundredth epoch waits for others: 0.01 s become 0.5 s.
    waits = [0.5 if n % 100 == 0 else 0.01 for n in range(1, 1501)]
    left = [progress_of(run(spec(epochs=20_000), waits[:n], "running")).seconds_left for n in range(1400, 1500)]
    assert min(left) > 0.95 * 18_500 * 0.0149
    assert max(left) < 1.2 * 18_600 * 0.0149


def test_a_run_that_is_through_has_nothing_left():
    progress = progress_of(run(spec(epochs=3), [1.0] * 3))
    assert (progress.fraction, progress.seconds_left) == (1.0, 0.0)


def test_of_a_hundred_epochs_only_the_quarters_are_told():
    told = [milestone_text("The training", n / 100) for n in range(1, 101)]
    assert list(dict.fromkeys(told)) == [
        "The training has started.",
        "The training is 25 % done.",
        "The training is 50 % done.",
        "The training is 75 % done.",
    ]


def test_no_epoch_is_no_progress():
    progress = progress_of(run(spec(epochs=3), state="queued"))
    assert (progress.n_done, progress.n_epochs, progress.fraction, progress.seconds_left) == (0, 3, 0.0, None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.1 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h"),
        (90_000, "25 h"),
    ],
)
def test_durations_round_across_their_units(seconds, text):
    assert duration_text(seconds) == text


def test_the_first_guess_counts_multiply_adds_and_updates():
    # By hand: 1797 digits of 64 pixels, a quarter, rounded up to 450, held out, so 1347 for training in 43 batches of
    # 32. Nothing is watched. A training image costs three passes of 64 * 10.
    per_epoch = 3 * 1347 * 640 * MODELS["softmax"].seconds_per_multiply_add + 43 * MODELS["softmax"].seconds_per_update
    one, seven = (expected_time(spec(epochs=epochs, batch_size=32)).seconds for epochs in (1, 7))
    assert seven - one == pytest.approx(6 * per_epoch)


def test_a_full_batch_is_one_update_an_epoch():
    whole, batches = (expected_time(spec(epochs=1, batch_size=size)).seconds for size in (None, 32))
    assert batches - whole == pytest.approx(42 * MODELS["softmax"].seconds_per_update)


def test_images_that_are_watched_cost_one_pass():
    watched, unwatched = (
        expected_time(spec(epochs=1, batch_size=None, split={"validation": part})).seconds for part in ("test", "none")
    )
    assert watched - unwatched == pytest.approx(450 * 640 * MODELS["softmax"].seconds_per_multiply_add)


@pytest.mark.parametrize(
    ("split", "n_train", "n_watched"),
    [
        ({"kind": "official"}, 60_000, 0),
        ({"kind": "official", "validation": "test"}, 60_000, 10_000),
        ({"test_size": 0.0, "validation": "cut", "validation_size": 0.2}, 56_000, 14_000),
        ({"kind": "official", "max_train": 700}, 700, 0),
        ({"kind": "official", "max_train": 1_000_000}, 60_000, 0),
    ],
)
def test_the_split_decides_how_many_images_are_counted(split, n_train, n_watched):
    work = 7840 * (3 * n_train + n_watched) * MODELS["softmax"].seconds_per_multiply_add
    one, two = (expected_time(spec("mnist", epochs=n, batch_size=None, split=split)).seconds for n in (1, 2))
    assert two - one == pytest.approx(work + MODELS["softmax"].seconds_per_update)


def past_of(factors, n_epochs=5, **described):
    """Runs that took so many times the guess, newest first."""
    return [run(spec(epochs=n_epochs, **described), [1.0] * n_epochs, factor=factor) for factor in factors]


def test_short_runs_tell_nothing_of_long_ones():
    # 1, 5 and 30 epochs of digits take half a second each, whatever their number; 5000 were said to take 1 min 30 s.
    short = [replace(past_of((1.0,), n_epochs=n, model="mlp", batch_size=None)[0], seconds=0.5) for n in (1, 5, 30)]
    long = spec(model="mlp", epochs=5000, batch_size=None)
    assert expected_time(long, short) == expected_time(long)
    assert expected_time(spec(model="mlp", epochs=10, batch_size=None), short).seconds == pytest.approx(0.5, rel=0.2)
    longer = past_of((1.0,) * 3, n_epochs=1001, model="mlp", batch_size=None)
    expected = expected_time(long, [*short, *longer])
    assert expected.measured and expected.seconds == pytest.approx(expected_time(long).seconds, rel=0.1)


def test_the_median_of_past_runs_corrects_the_guess():
    first = expected_time(spec(epochs=20, batch_size=100))
    expected = expected_time(spec(epochs=20, batch_size=100), past_of((2.0, 3.0, 100.0)))
    assert expected.seconds == pytest.approx(3 * first.seconds)
    assert (expected.n_runs, expected.measured) == (3, True)
    assert (first.n_runs, first.measured) == (0, False)


@pytest.mark.parametrize(
    "factors", [(27.0,), (1.0, 27.0), (27.0, 1.1, 0.9), (1.2, 27.0, 1.0, 0.9), (27.0, 27.0, 1.0, 1.0, 1.0)]
)
def test_a_cold_run_has_no_influence_wherever_it_stands(factors):
    # The first training after a cold start took 8 s instead of 0.3, which made MNIST's time 27 times what it was.
    guess = expected_time(spec("mnist", epochs=10)).seconds
    past = past_of(factors, dataset="mnist")
    assert expected_time(spec("mnist", epochs=10), past).seconds == pytest.approx(guess, rel=0.25)
    assert expected_seconds([spec("mnist", epochs=10)], past) == [pytest.approx(guess, rel=0.25)]


def test_a_machine_that_is_slower_than_the_guess_is_known_after_three_runs():
    guess = expected_time(spec()).seconds
    seconds = [expected_time(spec(), past_of((4.0,) * n)).seconds / guess for n in range(5)]
    assert seconds == pytest.approx([1.0, 1.0, 2.5, 4.0, 4.0])


def test_runs_on_the_same_data_set_tell_more_than_others():
    past = [*past_of((9.0,) * 5), *past_of((2.0,) * 3, dataset="mnist")]
    guess = expected_time(spec("mnist")).seconds
    assert expected_time(spec("mnist"), past).seconds == pytest.approx(2 * guess)
    assert not expected_time(spec("mnist"), past[:5]).measured


def test_the_last_runs_tell_how_fast_the_machine_is_now():
    past = past_of((2.0,) * 15 + (8.0,) * 30)
    assert expected_time(spec(), past).seconds == pytest.approx(2 * expected_time(spec()).seconds)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ((), "time on this machine not yet known, perhaps 2 s to 20 s"),
        ((27.0,), "time on this machine not yet known, perhaps 2 s to 20 s"),
        ((1.0, 1.0, 1.1, 1.0), "takes about 7 s on this machine"),
        ((1.0, 27.0, 1.1, 1.0, 1.05), "takes about 7 s on this machine"),
        ((0.5, 1.0, 2.0, 0.6, 1.9), "takes 4 s to 13 s on this machine"),
    ],
)
def test_no_time_is_told_as_certain_before_it_is(factors, words):
    one, two = (expected_time(spec(epochs=epochs)).seconds for epochs in (1, 2))
    described = spec(epochs=round(7 / (two - one)))
    past = past_of(factors, described.parameters["epochs"])
    assert expected_time(described, past).words == words


def test_a_short_time_is_told_as_one_figure():
    assert expected_time(spec(epochs=1), past_of((1.0, 1.0, 3.0))).words == "takes less than a second on this machine"


def test_an_experiment_is_known_when_each_of_its_kinds_is():
    past = past_of((1.0,) * 3)
    assert is_measured([spec(), spec(epochs=3)], past)
    assert not is_measured([spec(), spec(model="mlp")], past)


def test_a_first_epoch_that_had_to_wait_says_nothing_of_the_others():
    assert progress_of(run(spec(epochs=10), [8.0], "running")).seconds_left is None
    assert progress_of(run(spec(epochs=10), [8.0, 0.3], "running")).seconds_left == pytest.approx(8 * 0.3)
    stalled = [0.3, 0.3, 0.3, 30.0]
    assert progress_of(run(spec(epochs=10), stalled, "running")).seconds_left == pytest.approx(6 * 0.3)


def test_a_run_that_stopped_early_counts_the_epochs_it_made():
    stopped = run(spec(epochs=1000), [1.0] * 4, factor=2.0)
    first = expected_time(spec(epochs=10))
    assert expected_time(spec(epochs=10), [stopped] * 3).seconds == pytest.approx(2 * first.seconds)


def test_runs_that_say_nothing_about_time_are_left_out():
    never_began = Run(spec(), "failed")
    no_time = run(spec(epochs=3), [0.0] * 3, factor=0.0)
    other_model = run(spec(model="mlp", epochs=3), [1.0] * 3, factor=9.0)
    assert expected_time(spec(), [never_began, no_time, other_model]) == expected_time(spec())
