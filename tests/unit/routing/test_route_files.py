from pathlib import Path

import pytest

from deployzero.errors import RoutingError
from deployzero.routing.route import Route
from deployzero.routing.route_files import RouteFiles

ROUTE = Route("hello", ("hello.localhost", "*.a-b.com"), (("10.208.0.2", 8000),), "v1")


@pytest.fixture
def files(tmp_path: Path) -> RouteFiles:
    return RouteFiles(tmp_path / "routes", tmp_path / "incoming")


def test_a_route_is_written_read_listed_and_removed(files: RouteFiles) -> None:
    files.write(ROUTE)
    assert files.read("hello") == ROUTE
    assert files.apps() == ["hello"]
    assert list(files.incoming.iterdir()) == []
    files.remove("hello")
    files.remove("hello")
    assert files.read("hello") is None
    assert files.apps() == []


def test_the_proxys_own_file_is_no_app(files: RouteFiles) -> None:
    files.put("_proxy.yml", {"http": {}})
    assert files.apps() == []


def test_a_template_never_reaches_the_folder(files: RouteFiles) -> None:
    with pytest.raises(RoutingError, match="broken route file"):
        files.put("x.yml", {"http": "{{ env `HOME` }}"})
    assert not files.routes.exists() or list(files.routes.iterdir()) == []


def test_no_name_leads_out_of_the_folder(files: RouteFiles) -> None:
    with pytest.raises(RoutingError, match="bad app name"):
        files.remove("../traefik")


def test_foreign_broken_files_are_found_wherever_the_proxy_looks(files: RouteFiles) -> None:
    files.write(ROUTE)
    assert files.broken() == []
    (files.routes / "deep").mkdir()
    (files.routes / "deep" / "x.toml").write_text("a = [")
    (files.routes / "list.yaml").write_text("- a")
    (files.routes / "notes.txt").write_text("a: [")
    (files.routes / "bytes.yml").write_bytes(b"\xff\xfe\x00")
    names = [Path(line.partition(": ")[0]).name for line in files.broken()]
    assert names == ["bytes.yml", "x.toml", "list.yaml"]


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "routes").write_text("in the way")
    with pytest.raises(RoutingError, match="cannot write the route file"):
        RouteFiles(tmp_path / "routes", tmp_path / "incoming").write(ROUTE)
