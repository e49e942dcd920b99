"""Every file of deploy/ says what the programs that read it take."""

from __future__ import annotations

import importlib
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from polypilot.settings import load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = sorted([*DEPLOY.glob("**/README.md"), ROOT / "docs" / "teams.md"])
SNIPPETS = [
    (f"{page.relative_to(ROOT)}:{number}", text)
    for page in PAGES
    for number, text in enumerate(
        re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
]
UNITS = sorted(DEPLOY.glob("**/*.service"))
Yaml = dict[str, Any]


def documents(name: str) -> list[Yaml]:
    yaml: Any = importlib.import_module("yaml")  # has no type stubs
    return list(yaml.safe_load_all((DEPLOY / name).read_text("utf-8")))


# --- what a developer writes


@pytest.mark.parametrize("text", [text for _, text in SNIPPETS], ids=[name for name, _ in SNIPPETS])
def test_a_snippet_is_taken_as_it_stands(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    loaded = load(file, env={})
    assert loaded.problems == ()
    for name in re.findall(r"^\[providers\.([a-z.-]+)\]", text, re.MULTILINE):
        assert loaded.row(name).address()


def test_each_size_has_the_row_and_the_way_to_check_it() -> None:
    for size in ("llama-cpp", "vllm", "ray-serve"):
        page = (DEPLOY / size / "README.md").read_text("utf-8")
        assert "[providers.team]" in page
        for command in ("providers show team", "auth check team", "complete "):
            assert f"polypilot {command}" in page
        assert re.search(r"not tried live|run live here", page, re.IGNORECASE)


def test_every_file_is_spoken_of() -> None:
    for file in DEPLOY.glob("*/*"):
        if file.name != "README.md":
            assert f"]({file.name})" in (file.parent / "README.md").read_text("utf-8")


# --- units


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path, require_system: Any) -> None:
    program = require_system("systemd-analyze", "systemd")
    there = tmp_path / unit.name
    # The server's own program is not installed here.
    text = unit.read_text("utf-8").replace("/usr/local/bin/llama-server", "/bin/true")
    there.write_text(text, encoding="utf-8")
    there.chmod(0o644)  # as `install -m 0644` has it; systemd warns of what others may write
    done = subprocess.run(
        [program, "verify", "--man=no", str(there)], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if unit.name in line or str(there) in line]
    assert said == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_keeps_what_it_is_sent(unit: Path) -> None:
    lines = unit.read_text("utf-8").splitlines()
    for line in ("LimitCORE=0", "StandardOutput=null", "NoNewPrivileges=yes", "DynamicUser=yes"):
        assert line in lines
    for line in ("MemorySwapMax=0", "ProtectProc=invisible", "RestrictNamespaces=yes"):
        assert line in lines
    assert "IPAddressDeny=any" in lines
    if "vllm" in unit.name:  # or its processes could not reach each other
        assert "Environment=VLLM_HOST_IP=127.0.0.1" in lines
    assert any(line.startswith("LoadCredential=server.key:") for line in lines)


def known_to_llama_cpp() -> str:
    """Every text in the real library, in which the names of its options and variables are."""
    spec = find_spec("xllamacpp")
    if spec is None or spec.origin is None:
        pytest.skip("the embedded runtime is not there")
    (library,) = Path(spec.origin).parent.glob("xllamacpp*.so")
    return library.read_bytes().decode("latin-1")


def test_llama_cpp_has_every_option() -> None:
    text = "".join(
        (DEPLOY / "llama-cpp" / name).read_text("utf-8")
        for name in ("llama.env", "polypilot-team.service", "compose.yaml")
    )
    names = set(re.findall(r"LLAMA_ARG_[A-Z_]+", text))
    assert len(names) > 10
    library = known_to_llama_cpp()
    strings = set(re.findall(r"[A-Z_]{8,}|--[a-z-]+", library))
    assert names | {"--offline"} <= strings


# --- containers and clusters


@pytest.mark.parametrize("name", ["llama-cpp/compose.yaml", "vllm/compose.yaml"])
def test_containers_reach_nothing_and_log_nothing(name: str) -> None:
    (project,) = documents(name)
    assert set(project) <= {"name", "services", "networks", "secrets"}
    model, proxy = project["services"]["model"], project["services"]["proxy"]
    assert model["networks"] == ["inner"]
    assert project["networks"]["inner"] == {"internal": True}
    assert "ports" not in model
    assert set(model["secrets"]) == set(project["secrets"])
    assert proxy["ports"] == ["443:443"]
    assert set(proxy["networks"]) == {"inner", "outer"}
    for service in (model, proxy):
        assert service["image"].rpartition(":")[2]
        assert service["logging"] == {"driver": "none"}
        assert service["ulimits"]["core"] == 0
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_vllm_and_ray_are_told_the_same() -> None:
    (vllm,) = documents("vllm/vllm.yaml")
    (serve,) = documents("ray-serve/serve.yaml")
    (app,) = serve["applications"]
    (config,) = app["args"]["llm_configs"]
    assert app["import_path"] == "ray.serve.llm:build_openai_app"
    model = config["model_loading_config"]
    assert (model["model_id"], model["model_source"]) == (vllm["served-model-name"], vllm["model"])
    for name, value in config["engine_kwargs"].items():
        if name != "enable_log_requests":
            assert vllm[name.replace("_", "-")] == value
    scaling = config["deployment_config"]["autoscaling_config"]
    assert 1 <= scaling["min_replicas"] <= scaling["max_replicas"]
    assert scaling["target_ongoing_requests"] < config["deployment_config"]["max_ongoing_requests"]
    assert config["deployment_config"]["max_ongoing_requests"] <= vllm["max-num-seqs"]


def test_the_manifest_is_the_configuration_on_kubernetes() -> None:
    yaml: Any = importlib.import_module("yaml")
    service, policy = documents("ray-serve/rayservice.yaml")
    assert (service["apiVersion"], service["kind"]) == ("ray.io/v1", "RayService")
    assert yaml.safe_load(service["spec"]["serveConfigV2"]) == documents("ray-serve/serve.yaml")[0]
    cluster = service["spec"]["rayClusterConfig"]
    (group,) = cluster["workerGroupSpecs"]
    (app,) = documents("ray-serve/serve.yaml")[0]["applications"]
    scaling = app["args"]["llm_configs"][0]["deployment_config"]["autoscaling_config"]
    assert group["maxReplicas"] == scaling["max_replicas"]
    head = cluster["headGroupSpec"]
    # KubeRay's operator hands the application to the head's service, at the port of that name.
    assert head["rayStartParams"]["dashboard-host"] == "0.0.0.0"  # noqa: S104 - shut by the policy
    (container,) = head["template"]["spec"]["containers"]
    assert {"serve", "gcs-server", "dashboard"} <= {port["name"] for port in container["ports"]}
    for part in (head, group):
        (container,) = part["template"]["spec"]["containers"]
        names = {mount["name"] for mount in container["volumeMounts"]}
        assert names == {volume["name"] for volume in part["template"]["spec"]["volumes"]}
    assert policy["kind"] == "NetworkPolicy"
    assert "Ingress" in policy["spec"]["policyTypes"]
    (_, proxy) = policy["spec"]["ingress"]
    assert [port["port"] for port in proxy["ports"]] == [8000]
    page = (DEPLOY / "ray-serve" / "README.md").read_text("utf-8")
    assert """'proxy_set_header Authorization "";' > /etc/nginx/team/upstream.conf""" in page
