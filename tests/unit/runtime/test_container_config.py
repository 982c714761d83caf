from dataclasses import replace

from deployzero.runtime.container import ContainerSpec, parse_time
from deployzero.runtime.container_config import container_config, container_name, cpu_quota
from deployzero.runtime.docker_manager import Lines

SPEC = ContainerSpec(
    "hello",
    7,
    "web",
    1,
    "image",
    5000,
    "10.208.0.2",
    environment={"TOKEN": "s3cret", "PORT": "1"},
    labels={"deployzero.app": "other", "mine": "kept"},
)


def test_ours_wins_over_what_the_app_says() -> None:
    config = container_config("id", SPEC, "net")
    assert config["Env"] == ["TOKEN=s3cret", "PORT=5000"]
    assert config["Labels"] == {
        "deployzero.instance": "id",
        "deployzero.app": "hello",
        "deployzero.deployment": "7",
        "deployzero.process": "web",
        "deployzero.index": "1",
        "mine": "kept",
    }


def test_the_fixed_address_is_asked_for_and_no_port_is_published() -> None:
    config = container_config("id", SPEC, "net")
    endpoint = config["NetworkingConfig"]["EndpointsConfig"]["net"]
    assert endpoint == {"IPAMConfig": {"IPv4Address": "10.208.0.2"}}
    assert "PortBindings" not in config["HostConfig"]
    assert "Cmd" not in config


def test_a_port_on_loopback_is_published_where_addresses_are_out_of_reach() -> None:
    config = container_config("id", SPEC, "net", published=40001)
    published = {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40001"}]}
    assert config["HostConfig"]["PortBindings"] == published
    assert config["NetworkingConfig"]["EndpointsConfig"]["net"] == {}


def test_a_boot_has_more_cpu_at_low_shares_by_quota() -> None:
    host = container_config("id", SPEC, "net")["HostConfig"]
    assert (host["CpuQuota"], host["CpuShares"]) == (200_000, 128)
    assert "NanoCpus" not in host
    assert cpu_quota(0.5) == 50_000
    assert cpu_quota(0.001) == 1_000


def test_a_repositorys_own_dockerfile_keeps_the_default_set_less_two() -> None:
    host = container_config("id", replace(SPEC, generated_image=False), "net")["HostConfig"]
    assert host["CapDrop"] == ["NET_RAW", "MKNOD"]


def test_names_tell_instances_and_deployments_apart_and_may_be_given() -> None:
    names = {
        container_name("one", SPEC),
        container_name("two", SPEC),
        container_name("one", replace(SPEC, deployment_id=8)),
        container_name("one", replace(SPEC, index=2)),
    }
    assert len(names) == 4
    assert container_name("one", replace(SPEC, name="given")) == "given"


def test_secrets_are_not_in_what_a_log_would_show() -> None:
    assert "s3cret" not in repr(SPEC)


def test_times_of_the_engine() -> None:
    parsed = parse_time("2026-11-23T01:15:10.850242123Z")
    assert parsed is not None
    assert parsed.isoformat() == "2026-11-23T01:15:10.850242+00:00"
    assert parse_time("0001-01-01T00:00:00Z") is None
    whole = parse_time("2026-11-23T01:15:10Z")
    assert whole is not None
    assert whole.microsecond == 0


def test_lines_are_put_together_across_chunks_and_long_ones_cut() -> None:
    lines = Lines()
    assert lines.feed("grüß".encode()[:3]) == []
    assert lines.feed("grüß".encode()[3:] + b" dich\r\nnext") == ["grüß dich"]
    assert lines.feed(b"x" * 20_000)[0] == "next" + "x" * 8188
    assert [len(line) for line in lines.end()] == [20_004 - 2 * 8192]
