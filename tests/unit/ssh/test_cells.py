"""One cell of a listing: short, and whole."""

from typing import Any

from deployzero.ssh.commands.apps import health_of
from deployzero.ssh.commands.releases import LONGEST_WHAT, what


def app(*slots: tuple[str, int, str]) -> dict[str, Any]:
    rows = [{"process": name, "index": index, "health": health} for name, index, health in slots]
    return {"release": 1, "stopped": False, "processes": rows}


def test_processes_are_listed_web_first_and_many_of_one_are_counted() -> None:
    two = app(("worker", 1, "healthy"), ("web", 2, "down"), ("web", 1, "healthy"))
    assert health_of(two) == "web.1 healthy, web.2 down, worker.1 healthy"
    many = [("web", index, "healthy" if index > 1 else "down") for index in range(1, 31)]
    assert health_of(app(("clock", 1, "healthy"), *many)) == "web 29/30 healthy, clock.1 healthy"


def test_what_somebody_did_says_nothing_twice_and_cuts_no_word() -> None:
    assert what({"kind": "rollback", "message": "Rollback to v6"}) == "Rollback to v6"
    assert what({"kind": "push", "message": "Version 1"}) == "push: Version 1"
    assert what({"kind": "push", "message": ""}) == "push"
    long = what({"kind": "push", "message": "word " * 40})
    assert long.endswith("word …")
    assert len(long) <= LONGEST_WHAT
