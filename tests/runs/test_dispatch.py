import pytest

from digitcore.runs.dispatch import Queue, Task, places_of_cluster, places_of_machine

PLACES = places_of_machine(2)


def task(key, kind="quick", *visitors):
    return Task(key, kind, frozenset(visitors))


def started(waiting, running=(), places=PLACES, max_running_per_visitor=2):
    """The keys of the tasks that begin, in order, while none ends."""
    queue, waiting, running, keys = Queue(max_running_per_visitor), list(waiting), list(running), []
    while (chosen := queue.next(waiting, running, places)) is not None:
        waiting.remove(chosen)
        running.append(chosen)
        keys.append(chosen.key)
    return keys


def test_who_comes_first_begins_first():
    assert started([task("one", "quick", "ann"), task("two", "quick", "bob")]) == ["one", "two"]


def test_the_first_training_of_one_goes_before_the_second_of_another():
    waiting = [task(f"ann-{n}", "quick", "ann") for n in range(3)] + [task("bob-0", "quick", "bob")]
    assert started(waiting) == ["ann-0", "bob-0", "ann-1"]


def test_visitors_take_turns_as_places_become_free():
    waiting = [task(f"ann-{n}", "quick", "ann") for n in range(4)] + [
        task(f"bob-{n}", "quick", "bob") for n in range(2)
    ]
    queue, order = Queue(2), []
    while (chosen := queue.next(waiting, [], PLACES)) is not None:
        waiting.remove(chosen)
        order.append(chosen.key)
    assert order == ["ann-0", "bob-0", "ann-1", "bob-1", "ann-2", "ann-3"]


def test_one_visitor_has_so_many_trainings_at_work_and_no_more():
    waiting = [task(f"ann-{n}", "quick", "ann") for n in range(5)]
    assert started(waiting) == ["ann-0", "ann-1"]
    assert started(waiting, max_running_per_visitor=3) == ["ann-0", "ann-1", "ann-2"]


def test_calls_from_python_take_all_places():
    assert len(started([task(f"run-{n}") for n in range(9)])) == PLACES.total


def test_large_trainings_leave_a_place_for_a_quick_one():
    large = [task(f"large-{n}", "large", f"visitor-{n}") for n in range(9)]
    begun = started([*large, task("quick", "quick", "bob")])
    assert begun == ["large-0", "large-1", "large-2", "quick"]


def test_a_sweep_leaves_a_place_for_a_large_training_and_one_for_a_quick_one():
    sweep = [task(f"member-{n}", "background") for n in range(200)]
    begun = started([*sweep, task("large", "large", "ann"), task("quick", "quick", "bob")])
    assert begun == ["large", "quick", "member-0", "member-1"]
    at_work = [task(f"member-{n}", "background") for n in range(2)]
    assert started([task("large", "large", "ann"), task("quick", "quick", "bob")], at_work) == ["large", "quick"]


def test_computations_share_the_places_of_the_background():
    at_work = [task("map", "computation", "ann"), task("search", "computation", "ann")]
    assert started([task("member", "background"), task("range", "computation", "bob")], at_work) == []
    # A sweep of 200 does not hold up a map for ever.
    assert started([task("member-1", "background"), task("map", "computation", "ann")], [task("m", "background")]) == [
        "map"
    ]


def test_a_run_that_two_wait_for_counts_for_the_one_who_has_fewer_at_work():
    at_work = [task("ann-0", "quick", "ann"), task("ann-1", "quick", "ann")]
    assert started([task("both", "quick", "ann", "bob")], at_work) == ["both"]


@pytest.mark.parametrize(
    ("n_threads", "numbers"), [(0, (0, 0, 0)), (1, (1, 1, 1)), (2, (2, 2, 2)), (3, (3, 2, 2)), (16, (16, 15, 14))]
)
def test_a_cluster_keeps_threads_free_where_there_are_enough(n_threads, numbers):
    places = places_of_cluster(n_threads)
    assert (places.total, places.not_quick, places.background) == numbers


def test_nothing_begins_without_a_place():
    assert started([task("one")], places=places_of_cluster(0)) == []


def test_the_last_free_place_is_for_somebody_who_has_nothing_running():
    at_work = [task("m-0", "background", "ann"), task("m-1", "background", "ann"), task("ann-0", "quick", "ann")]
    assert started([task("ann-1", "quick", "ann"), task("bob-0", "quick", "bob")], at_work) == ["bob-0"]
    assert started([task("ann-1", "quick", "ann")], at_work) == []
    assert started([task("ann-1")], at_work) == ["ann-1"]  # from Python
