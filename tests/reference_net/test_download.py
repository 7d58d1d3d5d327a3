"""Downloads from a server on this machine: whole, wrong, cut and resumed, missing here and there."""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from reference_net import download
from reference_net.data import read_folder
from reference_net.idx import DataError, IdxFile, write_idx

IMAGES = np.random.default_rng(0).integers(256, size=(40, 28, 28), dtype=np.uint8)
CONTENT = write_idx(IMAGES)
PACKED = gzip.compress(CONTENT, mtime=0)
NAME = "train-images-idx3-ubyte"
FILE = IdxFile(NAME, IMAGES.shape, hashlib.md5(CONTENT).hexdigest())
HALF = len(PACKED) // 2


class Mirror(ThreadingHTTPServer):
    """Serves `body`, by default whole. What it was asked for and from which byte is in `starts`."""

    body = PACKED
    status = 200
    ranges = True
    """Whether it knows Range requests."""
    shift = 0
    """How far a resumed answer starts from where it was asked to."""
    cut_after: int | None = None
    """Bytes after which the connection of each answer in `cuts_left` breaks."""
    cuts_left = 0
    gone_after_cut = False
    """Whether it answers 404 from then on."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror = self.server
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and mirror.ranges else 0
        mirror.starts.append(int(asked[1]) if asked else 0)
        if mirror.status != 200 or self.path != f"/{NAME}.gz":
            self.send_error(404)
        elif start >= len(mirror.body):
            self.send_error(416)
        else:
            self.answer(mirror, start)

    def answer(self, mirror: Mirror, start: int) -> None:
        start += mirror.shift if start else 0
        body = mirror.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(mirror.body) - 1}/{len(mirror.body)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mirror.cuts_left:
            mirror.cuts_left -= 1
            mirror.status = 404 if mirror.gone_after_cut else 200
            body = body[: mirror.cut_after]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirrors() -> Iterator[list[Mirror]]:
    servers = [Mirror(), Mirror()]
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}) for server in servers]
    for thread in threads:
        thread.start()
    yield servers
    for server, thread in zip(servers, threads):
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(mirrors: list[Mirror], cache: Path, file: IdxFile = FILE) -> Path:
    return download.fetch([file], mirrors=[mirror.url for mirror in mirrors], cache=cache)


def part_in(cache: Path) -> Path:
    path = cache / "mnist" / f"{NAME}.gz.part"
    path.parent.mkdir(exist_ok=True)
    return path


def assert_whole(folder: Path) -> None:
    np.testing.assert_array_equal(read_folder(folder, [FILE])[NAME], IMAGES)
    assert [path.name for path in folder.iterdir()] == [NAME]  # no .part, no temporary file


def test_a_whole_file_is_kept_and_not_asked_for_again(mirrors, tmp_path):
    assert_whole(fetch(mirrors, tmp_path))
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [0]
    assert mirrors[1].starts == []


def test_a_file_that_the_server_has_unpacked_already_is_taken(mirrors, tmp_path):
    mirrors[0].body = CONTENT
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[1].starts == []


def test_a_cached_file_that_was_damaged_is_fetched_anew(mirrors, tmp_path):
    path = fetch(mirrors, tmp_path) / NAME
    path.write_bytes(path.read_bytes()[:-1])
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [0, 0]


def test_a_cut_connection_is_resumed_where_it_stopped(mirrors, tmp_path):
    mirrors[0].cut_after, mirrors[0].cuts_left = 10_000, 2
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [0, 10_000, 20_000]
    assert mirrors[1].starts == []


def test_an_earlier_run_is_resumed(mirrors, tmp_path):
    part_in(tmp_path).write_bytes(PACKED[:HALF])
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [HALF]


def test_a_cut_on_one_mirror_is_resumed_on_the_next(mirrors, tmp_path):
    mirrors[0].cut_after, mirrors[0].cuts_left, mirrors[0].gone_after_cut = HALF, 1, True
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [0, HALF]
    assert mirrors[1].starts == [HALF]


def test_a_server_without_ranges_sends_all_of_it_again(mirrors, tmp_path):
    mirrors[0].ranges = False
    part_in(tmp_path).write_bytes(PACKED[:HALF])
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [HALF]


def test_a_part_longer_than_the_file_is_begun_anew(mirrors, tmp_path):
    part_in(tmp_path).write_bytes(PACKED + b"more")
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [len(PACKED) + 4, 0]


def test_a_part_of_something_else_is_not_trusted(mirrors, tmp_path):
    part_in(tmp_path).write_bytes(b"<html>log in to this network".ljust(HALF))
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[0].starts == [HALF]
    assert mirrors[1].starts == [0]


def test_an_answer_that_starts_elsewhere_is_not_appended(mirrors, tmp_path):
    mirrors[0].shift = 1
    part_in(tmp_path).write_bytes(PACKED[:HALF])
    assert_whole(fetch(mirrors, tmp_path))
    assert mirrors[1].starts == [HALF]


def test_a_missing_file_is_taken_from_the_next_mirror(mirrors, tmp_path):
    mirrors[0].status = 404
    assert_whole(fetch(mirrors, tmp_path))
    assert [len(mirror.starts) for mirror in mirrors] == [1, 1]


def test_a_wrong_file_is_taken_from_the_next_mirror(mirrors, tmp_path):
    mirrors[0].body = gzip.compress(write_idx(255 - IMAGES))
    assert_whole(fetch(mirrors, tmp_path))
    assert [len(mirror.starts) for mirror in mirrors] == [1, 1]


def test_a_wrong_file_everywhere_is_refused(mirrors, tmp_path):
    other = write_idx(255 - IMAGES)
    for mirror in mirrors:
        mirror.body = gzip.compress(other)
    with pytest.raises(DataError) as caught:
        fetch(mirrors, tmp_path)
    message = str(caught.value)
    assert f"{mirrors[0].url}{NAME}.gz: " in message
    assert f"{mirrors[1].url}{NAME}.gz: " in message
    assert FILE.md5 in message
    assert hashlib.md5(other).hexdigest() in message
    assert not list((tmp_path / "mnist").iterdir())


def test_missing_everywhere_says_what_each_mirror_answered(mirrors, tmp_path):
    for mirror in mirrors:
        mirror.status = 404
    with pytest.raises(DataError) as caught:
        fetch(mirrors, tmp_path)
    answers = "; ".join(f"{mirror.url}{NAME}.gz: HTTP Error 404: Not Found" for mirror in mirrors)
    assert str(caught.value) == (
        f"{NAME} could not be downloaded. {answers}. "
        "The four files of MNIST can also be put into a folder by hand and given as --data DIR."
    )


def test_a_server_that_only_cuts_is_given_up(mirrors, tmp_path):
    for mirror in mirrors:
        mirror.ranges, mirror.cut_after, mirror.cuts_left = False, HALF, 99
    with pytest.raises(DataError, match=rf"the connection was cut after {HALF:,} of {len(PACKED):,} bytes"):
        fetch(mirrors, tmp_path)
    assert mirrors[0].starts == [0, HALF]
    assert part_in(tmp_path).read_bytes() == PACKED[:HALF]  # what came is kept for the next run


def test_nothing_listening_is_named(tmp_path):
    with Mirror() as closed:
        url = closed.url
    with pytest.raises(DataError, match=rf"{NAME} could not be downloaded\. {url}.*refused"):
        download.fetch([FILE], mirrors=[url], cache=tmp_path)


def test_without_pooch_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=r"needs pooch, .*: pip install gradcheck\[data\]$"):
        download.fetch([FILE], mirrors=[], cache=tmp_path)


def test_mirrors_are_the_usual_ones_in_their_order():
    assert [url.split("/")[2] for url in download.MIRRORS] == [
        "ossci-datasets.s3.amazonaws.com",
        "storage.googleapis.com",
    ]
    assert all(url.startswith("https://") and url.endswith("/") for url in download.MIRRORS)
