import base64
import time
import tomllib

from deployzero.build.base_image_names import BaseImage
from deployzero.build.command import one_line
from deployzero.build.dockerfile import render
from deployzero.build.failure import explain
from deployzero.build.nodejs import install
from deployzero.build.progress import Progress, instruction, plain
from deployzero.build.trace import Output, Vertex, decode
from deployzero.models.buildpacks import BUILT_IN
from deployzero.models.project import ProjectConfig

RUN = (
    "[build 2/3] RUN --mount=type=bind,from=M,target=/run/deployzero-build "
    "--mount=type=cache,id=a-pip,target=/c . /run/deployzero-build/env && pip install x"
)


def vertex(digest: str, name: str, *, cached: bool = False, error: str = "") -> Vertex:
    return Vertex(digest, name, cached, True, bool(cached or error), error)


def test_a_step_is_shown_as_its_author_wrote_it() -> None:
    assert instruction(RUN) == "RUN pip install x"
    between = RUN.replace(" --mount=type=cache", " --network=none --mount=type=cache")
    assert instruction(between) == "RUN --network=none pip install x"
    assert instruction("[internal] load metadata for x") is None
    assert instruction("exporting to image") is None


def test_a_script_of_several_lines_is_shown_by_its_first() -> None:
    script = one_line("# why\nif true; then\n  make 'it'\nfi")
    name = RUN.replace("pip install x", script)
    assert instruction(name) == "RUN if true; then … (4 lines)"
    progress = Progress(lambda line: None, str)
    progress.take(vertex("a", name, error="exit code: 127"))
    error = explain("exit code: 127", progress.failed, ["sh: 3: make: not found"])
    assert error.message.startswith("`if true; then … (4 lines)` exited with 127")


def test_what_follows_when_npms_lock_file_does_not_fit_is_not_shown() -> None:
    config = ProjectConfig("nodejs", install_command="npm ci --include=dev")
    name = RUN.replace("pip install x", install(config) or "")
    assert instruction(name) == "RUN npm ci --include=dev"


def test_what_our_templates_write_at_length_is_shown_in_short() -> None:
    config = ProjectConfig("python", run_packages=("jq", "libpq5"))
    base = BaseImage("BUILD", "RUNTIME", "official", "3.13")
    text = render(config, base, "shop", "M")
    step = next(line for line in text.splitlines() if "apt-get" in line)
    assert instruction(f"[stage-1 2/9] {step}") == "RUN apt-get install jq libpq5"
    ruby = tomllib.loads((BUILT_IN / "ruby" / "buildpack.toml").read_text())
    bundle = ruby["install"]["commands"][0]["run"]
    assert instruction(f"[build 3/9] RUN {bundle}") == "RUN bundle install"
    node = render(ProjectConfig("nodejs", tools=("pnpm@9",)), base, "shop", "M")
    step = next(line for line in node.splitlines() if "--global" in line)
    assert instruction(f"[build 2/9] {step}") == "RUN npm install --global pnpm@9"


def test_a_command_of_many_words_like_mounts_takes_no_time() -> None:
    words = "--mount=" * 30_000
    assert instruction(f"[2/2] RUN true {words}") == f"RUN true {words}"


def test_a_long_command_that_begins_as_our_templates_do_takes_no_time() -> None:
    words = " >/dev/null 2>&1 || { rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update x"
    begun = time.process_time()
    command = f"RUN dpkg --status a{words * 6000}"
    assert instruction(f"[2/2] {command}") == command
    assert time.process_time() - begun < 1


def test_lines_come_whole_and_cached_steps_make_none() -> None:
    said: list[str] = []
    progress = Progress(said.append, lambda text: text.replace("hunter2", "[hidden]"))
    progress.take(vertex("f", "[build 1/3] FROM x"))
    progress.take(vertex("a", RUN))
    progress.take(Output("a", b"Collec"))
    progress.take(Output("a", b"ting x\nfrom hunter2\nrest"))
    progress.take(Vertex("a", RUN, False, True, True, ""))
    progress.take(vertex("b", "[stage-1 3/3] COPY src/ ./", cached=True))
    assert said == ["$ pip install x", "Collecting x", "from [hidden]", "rest"]
    assert (progress.steps, progress.cached) == (2, 1)


def test_lines_of_the_two_streams_are_not_mixed_nor_letters_cut() -> None:
    said: list[str] = []
    progress = Progress(said.append, str)
    progress.take(vertex("a", RUN))
    for data, stream in ((b"caf", 1), (b"oh ", 2), (b"\xc3", 1), (b"no\n", 2), (b"\xa9\n", 1)):
        progress.take(Output("a", data, stream))
    assert said == ["$ pip install x", "oh no", "café"]


def test_the_failing_step_is_kept_with_its_last_lines() -> None:
    progress = Progress(lambda line: None, str)
    progress.take(vertex("a", RUN))
    progress.take(Output("a", b"ERROR: no x\n"))
    progress.take(vertex("a", RUN, error="exit code: 1"))
    progress.take(vertex("b", "[stage-1 1/2] RUN y", error="context canceled"))
    assert progress.failed == "RUN pip install x"
    assert progress.tail == ["ERROR: no x"]


def test_control_codes_and_redraws_do_not_reach_the_terminal() -> None:
    assert plain("\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07text") == "red text"
    assert plain("10%\r55%\r100%\r") == "100%"


def test_a_trace_of_the_engine_is_read() -> None:
    # As Engine 20.10 sent it for `RUN echo hi` (StatusResponse with one log).
    digest = b"sha256:e93212ba02de2589c6596d6dd75ec96033e10be0f2150d918acbd45ad819310a"
    log = (
        b"\x1a^\nG"
        + digest
        + b'\x12\x0c\x08\xd2\xa4\x8e\xd8\x06\x10\xec\xf1\x99\xe2\x02\x18\x01"\x03hi\n'
    )
    (event,) = decode(base64.b64encode(log).decode())
    assert isinstance(event, Output)
    assert event.data == b"hi\n"
    assert event.digest.startswith("sha256:e93212ba")
