import gzip
import hashlib

import pytest

from digitcore.datasets.download import Content, Progress, download, sha256_of_content
from digitcore.datasets.packed import BLOCK
from digitcore.errors import DatasetUnavailable

CONTENT = bytes(range(256)) * 1000
# The time of packing left out: tests that run side by side name the same parameters.
PACKED = gzip.compress(CONTENT, 0, mtime=0)
EXPECTED = Content(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def fetch(mirror, tmp_path):
    mirror.files["file.gz"] = PACKED
    target = tmp_path / "new" / "file.gz"

    def run(urls=None, **options):
        download(urls or [f"{mirror.url}file.gz"], target, expected=EXPECTED, timeout=0.5, **options)
        return target

    run.target, run.part = target, target.with_name("file.gz.part")
    return run


def test_a_good_file_arrives_and_leaves_nothing_beside_it(fetch):
    target = fetch()
    assert target.read_bytes() == PACKED
    assert [path.name for path in target.parent.iterdir()] == ["file.gz"]


def test_progress_ends_at_the_whole(fetch):
    seen = []
    fetch(progress=seen.append)
    assert seen[-1] == Progress("file.gz", len(PACKED), len(PACKED))
    assert [p.received_bytes for p in seen] == sorted(p.received_bytes for p in seen)


def test_the_sum_is_of_the_unpacked_content(fetch, tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(CONTENT)
    assert sha256_of_content(plain, len(CONTENT)) == sha256_of_content(fetch(), len(CONTENT)) == EXPECTED.sha256


def test_of_content_that_is_too_long_the_beginning_alone_is_read(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    assert sha256_of_content(path, 1000) == hashlib.sha256(bytes(BLOCK)).hexdigest()


def test_a_server_that_sends_too_much_is_not_listened_to(fetch, mirror):
    mirror.files["file.gz"] = PACKED + bytes(200_000)
    with pytest.raises(DatasetUnavailable, match=r"the server sends more than the \d+ bytes that the file can have"):
        fetch()
    assert not fetch.part.exists()


def test_a_broken_transfer_is_named_and_resumed(fetch, mirror):
    mirror.cut_at = 100_000
    with pytest.raises(DatasetUnavailable, match=r"file\.gz could not be downloaded .*the transfer broke off"):
        fetch()
    assert not fetch.target.exists()
    have = fetch.part.stat().st_size
    assert have == 100_000
    mirror.cut_at = None
    fetch()
    assert mirror.requests[-1] == ("file.gz", f"bytes={have}-")
    assert fetch.target.read_bytes() == PACKED


def test_a_server_without_ranges_starts_the_file_again(fetch, mirror):
    mirror.cut_at, mirror.ranges = 100_000, False
    with pytest.raises(DatasetUnavailable):
        fetch()
    mirror.cut_at = None
    assert fetch().read_bytes() == PACKED


def test_a_part_file_that_is_whole_already_is_used(fetch, mirror):
    fetch.target.parent.mkdir()
    fetch.part.write_bytes(PACKED[:-1])
    assert fetch().read_bytes() == PACKED
    assert mirror.requests == [("file.gz", f"bytes={len(PACKED) - 1}-")]


def test_a_silent_server_is_given_up(fetch, mirror):
    mirror.cut_at, mirror.pause_seconds = 1000, 2.0
    with pytest.raises(DatasetUnavailable, match="the transfer broke off"):
        fetch()


def test_a_wrong_file_is_thrown_away_and_the_next_mirror_tried(fetch, mirror):
    mirror.files["wrong.gz"] = gzip.compress(b"something else")
    fetch([f"{mirror.url}wrong.gz", f"{mirror.url}file.gz"])
    assert fetch.target.read_bytes() == PACKED
    assert mirror.requests[-1] == ("file.gz", None)


@pytest.mark.parametrize("content", [gzip.compress(b"other", mtime=0), b"<html>not here</html>", PACKED[:-20]])
def test_a_file_that_is_not_the_published_one_never_gets_its_name(fetch, mirror, content):
    mirror.files["file.gz"] = content
    with pytest.raises(DatasetUnavailable, match="not the published one"):
        fetch()
    assert not fetch.target.exists()
    assert not fetch.part.exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{}missing.gz", "the server answered 404"),
        ("file:///etc/passwd", "only http and https"),
        ("http://127.0.0.1:9/file.gz", "the transfer broke off"),
    ],
)
def test_every_mirror_that_fails_is_named(fetch, mirror, url, message):
    with pytest.raises(DatasetUnavailable, match=message):
        fetch([url.format(mirror.url)])


def test_a_callback_that_raises_ends_the_download_and_keeps_what_came(fetch):
    def stop(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(progress=stop)
    assert fetch.part.stat().st_size > 0
    assert not fetch.target.exists()


def test_a_directory_that_cannot_be_made_is_named(mirror, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetUnavailable, match="Cannot write .*choose another directory with DIGITCORE_DATA"):
        download([mirror.url], tmp_path / "file" / "x.gz", expected=EXPECTED)


def test_a_full_disk_is_named(fetch, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digitcore.datasets.download.os.fsync", full)
    with pytest.raises(DatasetUnavailable, match="No space left on device.*make room"):
        fetch()
