"""Damaged tables give a value or an error of the project, in bounded time and memory."""

import pytest

from tests.fuzz.guard import check_reader
from tests.fuzz.tables import READERS


@pytest.mark.parametrize("name", READERS)
def test_any_bytes_give_a_value_or_our_error(worker, name):
    check_reader(worker, name)
