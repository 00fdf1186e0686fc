"""docker-compose.yml and the Dockerfile against the project: commands, ports, variables, secrets and files exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.api.settings import ApiSettings, check_exposure
from agents.notify.settings import NotifySettings
from agents.rights import ROLES
from agents.settings import SinkSettings, WorkerSettings
from agents.store.users import grants
from agents.trainer.settings import TrainerSettings
from buildcast.__main__ import COMMANDS
from streams.broker import BrokerSettings
from streams.settings import Settings, load
from tests.deploy.places import DEPLOY, ROOT

OURS = ("topics", "schema", "worker", "sink", "trainer", "api", "notify")
SETTINGS: dict[str, type[Settings]] = {
    "schema": SinkSettings,
    "worker": WorkerSettings,
    "sink": SinkSettings,
    "trainer": TrainerSettings,
    "api": ApiSettings,
    "notify": NotifySettings,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read


def test_all_parts_of_the_system_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*OURS, "kafka", "mysql", "prometheus", "alertmanager", "grafana"}


@pytest.mark.parametrize("name", OURS)
def test_commands_are_commands_of_the_project(compose: dict[str, Any], name: str) -> None:
    assert compose["services"][name]["command"][0] in COMMANDS


@pytest.mark.parametrize("name", SETTINGS)
def test_variables_are_settings_of_the_process(compose: dict[str, Any], name: str) -> None:
    kinds = (SETTINGS[name], BrokerSettings)
    known = {f"BUILDCAST_{field.upper()}" for kind in kinds for field in kind.model_fields} | {"BUILDCAST_SECRETS"}
    shared = {"BUILDCAST_METRICS_HOST", "BUILDCAST_PARTITIONS", "BUILDCAST_LOG_LEVEL", "BUILDCAST_STATE"}
    assert set(compose["services"][name]["environment"]) - shared <= known
    assert shared <= {f"BUILDCAST_{field.upper()}" for field in WorkerSettings.model_fields}


@pytest.mark.parametrize("name", SETTINGS)
def test_secrets_are_read_by_the_process(compose: dict[str, Any], name: str, tmp_path: Path) -> None:
    """Each secret of ours lands in the setting its file is named after, as in the container."""
    for secret in compose["services"][name].get("secrets", []):
        target = secret if isinstance(secret, str) else secret["target"]
        if target.startswith("buildcast_"):
            (tmp_path / target).write_text("from-a-file")
    found = [kind(_secrets_dir=tmp_path) for kind in (SETTINGS[name], BrokerSettings)]  # type: ignore[call-arg]
    for file in tmp_path.iterdir():
        field = file.name.removeprefix("buildcast_")
        assert [_plain(getattr(one, field)) for one in found if hasattr(one, field)] == ["from-a-file"]


def test_api_may_serve_others_with_what_it_is_given(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = compose["services"]["api"]
    for name, value in service["environment"].items():
        if value.startswith("/run/secrets/"):
            assert value.rsplit("/", 1)[1] in service["secrets"]
            value = str(tmp_path / value.rsplit("/", 1)[1])
            Path(value).touch()
        if name != "BUILDCAST_SECRETS":
            monkeypatch.setenv(name, value)
    settings = load(ApiSettings)
    assert settings.api_host == "0.0.0.0"
    check_exposure(settings)
    assert service["ports"] == [f"127.0.0.1:{settings.api_port}:{settings.api_port}"]


def test_ports_that_are_watched_are_ports_that_are_served(compose: dict[str, Any]) -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    ports = {job["job_name"]: job["dns_sd_configs"][0]["port"] for job in scraped if "dns_sd_configs" in job}
    assert ports == {
        "worker": WorkerSettings().worker_metrics_port,
        "sink": SinkSettings().sink_metrics_port,
        "trainer": TrainerSettings().trainer_metrics_port,
        "api": ApiSettings().api_port,
    }
    del ports["api"]  # its health is asked of another address
    for name, port in ports.items():
        assert f":{port}/metrics" in compose["services"][name]["healthcheck"]["test"][-1]
        assert name in compose["services"]


def test_processes_and_this_machine_reach_the_broker_at_addresses_it_tells(compose: dict[str, Any]) -> None:
    kafka = compose["services"]["kafka"]
    told = kafka["environment"]
    assert {compose["services"][name]["environment"]["BUILDCAST_BOOTSTRAP"] for name in OURS} == {told["KAFKA_INNER"]}
    assert kafka["ports"] == [f"{told['KAFKA_HOST']}:{told['KAFKA_HOST'].split(':')[1]}"]


def test_each_process_enters_the_broker_as_its_own_role(compose: dict[str, Any]) -> None:
    users = {"worker": "worker", "sink": "sink", "trainer": "trainer", "api": "api", "notify": "notifier"}
    assert set(users.values()) | {"collector"} == set(ROLES)
    for name, role in {**users, "topics": "operator"}.items():
        service = compose["services"][name]
        assert service["environment"]["BUILDCAST_KAFKA_USER"] == f"buildcast-{role}"
        assert {"source": f"kafka_{role}", "target": "buildcast_kafka_password"} in service["secrets"]
        assert service["environment"]["BUILDCAST_KAFKA_CA_FILE"] == "/run/secrets/kafka_ca"
        assert "kafka_ca" in service["secrets"]
    assert {f"kafka_{role}" for role in (*ROLES, "operator", "broker", "ca", "tls")} == set(
        compose["services"]["kafka"]["secrets"]
    )


def test_mounted_files_exist_and_secrets_are_declared_and_made(compose: dict[str, Any], tmp_path: Path) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in compose["volumes"]
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in compose["secrets"]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run([DEPLOY / "make-secrets.sh", tmp_path / "secrets"], check=True, capture_output=True)
    for secret in compose["secrets"].values():
        assert (tmp_path / secret["file"].removeprefix("./")).is_file()


def test_making_secrets_again_keeps_them(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path / "secrets"
    for _ in range(2):
        subprocess.run([DEPLOY / "make-secrets.sh", folder], check=True, capture_output=True)
        texts = {file.name: file.read_bytes() for file in folder.iterdir()}
    subprocess.run([DEPLOY / "make-secrets.sh", folder], check=True, capture_output=True)
    assert texts == {file.name: file.read_bytes() for file in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert texts["mysql_sink"] in texts["database_sink"]


def test_nothing_runs_as_root_or_without_bounds(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith(("0", "root")), name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert "healthcheck" in service or service["restart"] == "on-failure", name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_passwords_stand_in_files_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|KEY|SECRET", name) and name != "BUILDCAST_KAFKA_SECURITY_PROTOCOL":
                assert value.startswith("/run/secrets"), name


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    images = {name: service["image"] for name, service in compose["services"].items()}
    assert {images[name] for name in OURS} == {f"buildcast:{version}"}
    assert images["kafka"] == "apache/kafka:4.3.0"
    assert images["mysql"] == "mysql:8.4"
    assert not [image for image in images.values() if ":" not in image or image.endswith(":latest")]


def test_dockerfile_copies_what_exists_and_runs_the_projects_command() -> None:
    text = (ROOT / "Dockerfile").read_text()
    sources = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert {"streams", "models", "agents", "collectors", "buildcast"} <= set(sources)
    assert all((ROOT / source).exists() for source in sources)
    ignored = (ROOT / ".dockerignore").read_text()
    assert all(f"!{source}" in ignored for source in sources)
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert "buildcast" in tomllib.load(file)["project"]["scripts"]
    assert 'ENTRYPOINT ["buildcast"]' in text
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    served = {ApiSettings().api_port, WorkerSettings().worker_metrics_port, SinkSettings().sink_metrics_port,
              TrainerSettings().trainer_metrics_port}  # fmt: skip
    assert {int(port) for port in re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE)[0].split()} == served


def test_database_users_are_those_of_the_project() -> None:
    text = (DEPLOY / "mysql/users.sh").read_text()
    functions = text[text.index("tables=") : text.index("MYSQL_PWD=")]
    each = subprocess.run(["bash", "-c", f"{functions}changeable"], capture_output=True, text=True, check=True).stdout
    ours = set(
        re.findall(r"GRANT [^$]*? TO '\w+'@'%'|REVOKE CREATE .* FROM '\w+'@'%'", text[text.index("SQL") :] + each)
    )
    assert ours == {
        one for one in grants("buildcast", "%") if not one.startswith(("CREATE", "GRANT UPDATE", "REVOKE UPDATE"))
    }


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_itself_accepts_the_file() -> None:
    assert _configured(_without_name()) == ""


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_itself_refuses_what_is_no_setting() -> None:
    assert "services.api: 'mem_limits'" in _configured(_without_name().replace("mem_limit:", "mem_limits:"))


def _without_name() -> str:
    """`name` is of Compose's second version; Debian 12 has the last of the first, which knows all else."""
    return re.sub(r"^name: .*$", "", (ROOT / "docker-compose.yml").read_text(), flags=re.MULTILINE)


def _configured(text: str) -> str:
    """What `docker-compose config` has against a file."""
    command = ["docker-compose", "--project-directory", str(ROOT), "-f", "-", "config", "-q"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stderr


def _plain(value: Any) -> str:
    return str(value.get_secret_value()) if hasattr(value, "get_secret_value") else str(value)
