import numpy as np

from pages.parts.sized_cache import SizedCache


def made(name, n_bytes, log):
    def make():
        log.append(name)
        return np.zeros(n_bytes, np.uint8)

    return make


def test_a_value_is_made_once():
    cache, log = SizedCache(100, lambda array: array.nbytes), []
    assert cache.get("a", made("a", 10, log)) is cache.get("a", made("a", 10, log))
    assert log == ["a"]


def test_what_was_asked_for_longest_ago_goes_first():
    cache, log = SizedCache(100, lambda array: array.nbytes), []
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, made(name, 40, log))
    assert log == ["a", "b", "c", "b"]


def test_a_value_larger_than_the_cache_is_kept_alone():
    cache, log = SizedCache(100, lambda array: array.nbytes), []
    for name in ("a", "large", "large", "a"):
        cache.get(name, made(name, 500 if name == "large" else 10, log))
    assert log == ["a", "large", "a"]
    cache.clear()
    cache.get("a", made("a", 10, log))
    assert log == ["a", "large", "a", "a"]
