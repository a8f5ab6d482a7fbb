"""What a service does with an address that it cannot have."""

from __future__ import annotations

import socket

import pytest

from inputs.wrong_input import WrongInputError
from service.listener import listen


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "\udcff"])
def test_a_host_that_no_name_can_be_is_named(host: str) -> None:
    """Whatever the resolver's complaint is, it becomes the usual sentence."""
    with pytest.raises(WrongInputError) as caught:
        listen(host, 0)

    assert str(caught.value) == f"host: got {host!r}; not the name or address of a host"


def test_a_port_that_is_taken_is_named() -> None:
    """With the reason and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(WrongInputError) as caught:
        listen("127.0.0.1", taken.getsockname()[1])

    assert caught.value.problems[0]["field"] == "port"
