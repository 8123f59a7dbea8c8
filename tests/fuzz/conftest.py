"""One process for all readers of foreign files."""

import pytest

from tests.fuzz.guard import Worker


@pytest.fixture(scope="package")
def worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "files"
    folder.mkdir()
    worker = Worker(folder)
    yield worker
    worker.close()
