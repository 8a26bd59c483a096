from pages.parts.train import pace


def test_one_who_watches_sees_epochs_at_once_and_many_share_the_drawings(monkeypatch):
    monkeypatch.setattr(pace, "_watching", {})
    assert pace._noted("a", 0.0) == pace.FASTEST_SECONDS
    for number in range(19):
        last = pace._noted(f"s{number}", 0.1)
    assert last == 20 / pace.MOST_DRAWINGS_PER_SECOND
    # The others have closed their tabs.
    assert pace._noted("a", 1.0 + pace.GONE_SECONDS) == pace.FASTEST_SECONDS


def test_a_pace_is_changed_where_it_would_be_noticed():
    assert not pace.is_other(0.2, 0.15)
    assert pace.is_other(2.0, 0.15)
    assert pace.is_other(0.15, 2.0)
