"""The complete MNIST from the field's usual mirrors, kept unpacked in pooch's cache.

pooch keeps the cache and checks the hashes; it starts a cut download anew, so the downloader here continues
one: bytes go to a `.part` file in the cache, and the next request asks for the rest. Hashes are those of the
unpacked files, which is what stays the same however a mirror packs them.
"""

from __future__ import annotations

import functools
import http.client
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from reference_net.idx import DataError, IdxFile, unpack

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_TIMEOUT = 30
"""Seconds without a byte before a connection counts as cut."""
_RANGE_NOT_SATISFIABLE = 416


def fetch(files: Sequence[IdxFile], *, mirrors: Sequence[str] = MIRRORS, cache: Path | None = None) -> Path:
    """Download what of `files` is not in the cache yet; the folder that then holds all of them, unpacked.

    Each file comes from the first of `mirrors` (URLs that end in a slash) that has it whole and right.
    `cache` is pooch's own folder for gradcheck unless given. Raises DataError if pooch is missing or a file
    can't be had, with what each mirror answered.
    """
    pooch = _import_pooch()
    folder = (cache or Path(pooch.os_cache("gradcheck"))) / "mnist"
    for file in files:
        _fetch_one(pooch, file, mirrors, folder)
    return folder


def _import_pooch() -> ModuleType:
    try:
        import pooch
    except ImportError:
        raise DataError("a download needs pooch, which is not installed: pip install gradcheck[data]") from None
    return pooch


def _fetch_one(pooch: ModuleType, file: IdxFile, mirrors: Sequence[str], folder: Path) -> None:
    faults = []
    downloader = functools.partial(_download, part=folder / f"{file.name}.gz.part")
    for mirror in mirrors:
        url = f"{mirror}{file.name}.gz"
        try:
            pooch.retrieve(url, f"md5:{file.md5}", fname=file.name, path=folder, downloader=downloader)
            return
        except (
            DataError,
            OSError,
            http.client.HTTPException,
            ValueError,
        ) as error:  # ValueError: pooch, wrong hash
            faults.append(f"{url}: {error}")
    raise DataError(
        f"{file.name} could not be downloaded. {'; '.join(faults)}. "
        "The four files of MNIST can also be put into a folder by hand and given as --data DIR."
    )


def _download(url: str, output_file: str, _pooch: object, *, part: Path) -> None:
    """Write the unpacked file to `output_file`: the form of a pooch downloader."""
    size = -1
    while True:
        try:
            _append(url, part)
            break
        except (ConnectionError, TimeoutError, http.client.IncompleteRead):
            if _size(part) <= size:  # nothing was gained: the mirror is down, not only slow
                raise
            size = _size(part)
    try:
        Path(output_file).write_bytes(unpack(part.read_bytes(), url))
    finally:
        part.unlink()  # right or wrong, it is complete: there is nothing left to resume


def _append(url: str, part: Path) -> None:
    """Ask for what `part` lacks and append it, or write the whole file where the server knows no ranges."""
    have = _size(part)
    try:
        response = _request(url, have)
    except HTTPError as error:
        error.close()
        if not have or error.code != _RANGE_NOT_SATISFIABLE:
            raise
        part.unlink()  # it was as long as the file or longer, so it is not a part of this file: begin anew
        have = 0
        response = _request(url, have)
    with response:
        resumed = _resumed(response, have)
        with part.open("ab" if resumed else "wb") as file:
            _copy(response, file, have if resumed else 0)


def _request(url: str, start: int) -> http.client.HTTPResponse:
    headers = {"Range": f"bytes={start}-"} if start else {}
    response: http.client.HTTPResponse = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
    return response


def _resumed(response: http.client.HTTPResponse, have: int) -> bool:
    if response.status != http.client.PARTIAL_CONTENT:
        return False
    given = response.headers.get("Content-Range", "")
    if not given.startswith(f"bytes {have}-"):
        raise OSError(f"asked for the bytes from {have} on, got Content-Range {given!r}")
    return True


def _copy(response: http.client.HTTPResponse, file: BinaryIO, have: int) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    with tqdm.wrapattr(
        response, "read", total=total, initial=have, desc=Path(file.name).stem, disable=None, leave=False
    ) as source:
        shutil.copyfileobj(source, file)
    # A read of a given size returns what came before the connection broke, without an error.
    if total is not None and file.tell() < total:
        raise ConnectionError(f"the connection was cut after {file.tell():,} of {total:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
