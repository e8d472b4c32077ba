"""The image can't be built everywhere, so what it does is held against what the project does anyway."""

import re
from pathlib import Path

PROJECT_ROOT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(stage: str) -> list[tuple[str, str]]:
    lines = [line for line in stage.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


BUILD_STAGE, FINAL_STAGE = (f"FROM {stage}" for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:])


def test_the_image_installs_with_the_commands_of_make_setup() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    of_setup = re.findall(r"^\t\$\(PIP\) (install .+)$", makefile, flags=re.MULTILINE)
    of_image = [
        rest.partition(" -m pip ")[2]
        for word, rest in instructions(BUILD_STAGE)
        if word == "RUN" and " -m pip " in rest
    ]

    assert len(of_setup) == 2
    assert of_image == [
        of_setup[0].replace("requirements.lock", "requirements-server.lock"),
        of_setup[1].replace("-e .", "."),
    ]


def test_every_build_instruction_is_one_line_of_a_kind_that_image_steps_runs() -> None:
    assert not re.search(r"\\$", BUILD_STAGE, flags=re.MULTILINE)
    assert {word for word, _ in instructions(BUILD_STAGE)} <= {"FROM", "WORKDIR", "COPY", "RUN"}


def test_what_the_build_copies_exists_and_is_sent_to_it() -> None:
    sent = (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [source for word, rest in instructions(BUILD_STAGE) if word == "COPY" for source in rest.split()[:-1]]

    assert copied
    for source in copied:
        assert (PROJECT_ROOT / source).exists(), source
        assert f"!{source}" in sent


def test_the_image_runs_as_an_ordinary_user_and_reports_its_health() -> None:
    final = dict(instructions(FINAL_STAGE))

    assert final["USER"] not in {"0", "root"}
    assert "HEALTHCHECK" in final
    assert final["ENTRYPOINT"] == '["inventory"]'


def test_the_image_listens_with_tls_and_its_secrets_come_from_outside() -> None:
    said = " ".join(rest for word, rest in instructions(FINAL_STAGE) if word == "ENV")
    settings = dict(pair.split("=", 1) for pair in said.split())

    assert settings["INVENTORY_TLS_CERT"].startswith("/run/secrets/")
    assert settings["INVENTORY_TLS_KEY"].startswith("/run/secrets/")
    assert not re.search(r"(?m)^(COPY|ADD) .*(pem|key|secret)", FINAL_STAGE)


def test_the_image_shows_its_api_and_no_metrics() -> None:
    assert [rest for word, rest in instructions(FINAL_STAGE) if word == "EXPOSE"] == ["50051"]
    assert "INVENTORY_METRICS=" not in FINAL_STAGE
