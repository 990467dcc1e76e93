"""What an object needs to be a critic's backend, and how it is told what it lacks."""

from __future__ import annotations

import pytest

from xlard.critics.backend import Answer, check_backend
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.server import ServerBackend, ServerSettings


class Complete:
    """Has every member, some of them in unusual ways."""

    name = "complete"

    def __init__(self):
        self.boxes = THOUSANDTHS

    def seen_size(self, image):
        return 8, 8

    def answer(self, asks, sampling=None):
        return [Answer("") for _ in asks]

    @staticmethod
    def probability_of_yes(asks):
        return [None for _ in asks]

    log_likelihood = classmethod(lambda cls, asks, texts: [0.0 for _ in asks])


class Wrapper:
    """Passes on what it does not have itself."""

    def __init__(self, backend):
        self._backend = backend

    def __getattr__(self, name):
        return getattr(self._backend, name)


@pytest.mark.parametrize("backend", [Complete(), Wrapper(Complete())], ids=["itself", "wrapped"])
def test_a_backend_may_come_by_its_members_in_any_way(backend) -> None:
    check_backend(backend)


def test_the_check_asks_no_server() -> None:
    check_backend(ServerBackend(ServerSettings("http://127.0.0.1:9", timeout=0.1, retries=0)))


def test_what_is_missing_is_named_and_what_a_backend_needs() -> None:
    class Foo:
        name, boxes, log_likelihood = "foo", THOUSANDTHS, "no method"

        def probability_of_yes(self, asks):
            return []

    with pytest.raises(TypeError) as error:
        check_backend(Foo())
    assert str(error.value) == (
        "The critic backend Foo lacks seen_size(), answer() and log_likelihood(). A backend needs name, boxes, "
        "seen_size(), answer(), probability_of_yes() and log_likelihood(); see docs/extending.md."
    )


def test_a_single_missing_member_is_named_alone() -> None:
    backend = Complete()
    del backend.boxes
    with pytest.raises(TypeError, match=r"The critic backend Wrapper lacks boxes\. A backend"):
        check_backend(Wrapper(backend))


def test_a_class_in_place_of_an_instance_is_refused() -> None:
    with pytest.raises(TypeError, match="The critic backend Complete is a class. Pass an instance of it."):
        check_backend(Complete)
