from pathlib import Path

import pytest

from deployzero.errors import ContainerError
from deployzero.runtime.docker_networks import bridge_name, bridge_prefix, is_local
from deployzero.runtime.network import (
    Network,
    dynamic_range,
    free_address,
    free_subnets,
    routed_subnets,
)

NETWORK = Network("hello", "10.208.0.0/24", "10.208.0.1")


def test_addresses_go_round_and_skip_gateway_and_what_is_taken() -> None:
    assert free_address(NETWORK, set()) == "10.208.0.2"
    assert free_address(NETWORK, {"10.208.0.2", "10.208.0.3"}) == "10.208.0.4"
    assert free_address(NETWORK, set(), after="10.208.0.5") == "10.208.0.6"
    assert free_address(NETWORK, {"10.208.0.2"}, after="10.208.0.127") == "10.208.0.3"


def test_fixed_addresses_never_meet_those_that_docker_hands_out() -> None:
    taken: set[str] = set()
    for _ in range(126):
        taken.add(free_address(NETWORK, taken))
    with pytest.raises(ContainerError, match="all 126 addresses"):
        free_address(NETWORK, taken)
    assert dynamic_range(NETWORK.subnet) == "10.208.0.128/25"
    assert {f"10.208.0.{n}" for n in range(2, 128)} == taken


def test_subnets_avoid_what_is_used_and_a_whole_pool_that_is_routed() -> None:
    assert next(free_subnets([])) == "10.208.0.0/24"
    assert next(free_subnets(["10.208.0.0/24", "10.208.1.128/25"])) == "10.208.2.0/24"
    assert next(free_subnets(["10.0.0.0/8"])) == "172.24.0.0/24"


def test_the_hosts_routes_are_read_without_the_default_one(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n"
        "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
    )
    assert routed_subnets(routes) == ["172.17.0.0/255.255.0.0"]
    assert routed_subnets(tmp_path / "none") == []
    assert "172.17.3.0/24" not in list(free_subnets(routed_subnets(routes)))[:1]


def test_bridges_fit_the_kernels_15_characters_and_tell_instances_apart() -> None:
    assert len(bridge_name("one", "hello")) == 15
    assert bridge_name("one", "hello").startswith(bridge_prefix("one"))
    assert bridge_prefix("one") != bridge_prefix("two")


def test_only_an_address_of_this_host_is_local() -> None:
    assert is_local("127.0.0.1")
    assert not is_local("192.0.2.77")
