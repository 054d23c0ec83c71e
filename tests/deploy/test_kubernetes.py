"""deploy/kubernetes is `fixative up` in pods: the same roles, commands, variables and probes."""

import re
import tomllib

import pytest
import yaml
from pydantic import SecretStr

from fixative.media.fetch import TOTAL_SECONDS as DOWNLOAD_SECONDS
from fixative.names import QUEUES_OF_ROLE
from fixative.recovery.gauges import FIRST_DUE
from fixative.replicate.client import TOTAL_SECONDS as CREATE_SECONDS
from fixative.settings import Settings
from tests.deploy.manifests import (
    KUBERNETES,
    OVERLAYS,
    ROOT,
    built,
    containers,
    of_kind,
    pods,
    problems,
    selects,
)

pytestmark = pytest.mark.wide

SECRET = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if field.annotation in {SecretStr, SecretStr | None}
} | {"AWS_ACCESS_KEY_ID", "FLOWER_BASIC_AUTH"}
NOT_FOR_THE_WORLD = {"/admin", "/metrics", "/readyz"}
ROLES = {"api", "beat", "flower", *QUEUES_OF_ROLE}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request):
    return request.param


def ours(overlay):
    """The container of each role."""
    return {
        role: next(c for c in pod["spec"]["containers"] if c["name"] in {"fixative", role})
        for role, pod in pods(overlay).items()
    }


def environment(overlay, container):
    """Where each variable of a container comes from: a value, or the key of a Secret."""
    settings = of_kind(overlay, "ConfigMap")
    found = {}
    for source in container.get("envFrom", ()):
        found |= settings[source["configMapRef"]["name"]]["data"]
    for variable in container.get("env", ()):
        found[variable["name"]] = variable.get("value", variable.get("valueFrom"))
    return found


def test_kubernetes_takes_every_object(overlay):
    assert {m["metadata"]["name"]: found for m in built(overlay) if (found := problems(m))} == {}


def test_a_pod_without_a_list_of_containers_would_not_be_taken():
    deployment = dict(of_kind("prod", "Deployment")["api"])
    deployment["spec"] = {**deployment["spec"], "template": {"spec": {"container": []}}}
    assert problems(deployment)


def test_the_deployments_are_the_roles_of_compose(overlay):
    local = {"emulator"} if overlay == "dev" else set()
    assert of_kind(overlay, "Deployment").keys() == ROLES | local
    assert of_kind(overlay, "Job").keys() == {"migrate"}


def test_a_role_runs_what_it_runs_in_compose(overlay, compose):
    for role, container in ours(overlay).items():
        service = compose[role]
        assert container["command"] == [*service.get("entrypoint", ()), *service["command"]], role


def test_a_role_is_given_every_variable_that_it_has_in_compose(overlay, compose):
    for role, container in ours(overlay).items():
        assert compose[role]["environment"].keys() <= environment(overlay, container).keys(), role


def test_what_is_secret_is_named_and_never_written(overlay):
    assert of_kind(overlay, "Secret") == {}
    for settings in of_kind(overlay, "ConfigMap").values():
        assert not SECRET & settings["data"].keys()
    for _, container in containers(overlay):
        for name, source in environment(overlay, container).items():
            if name in SECRET:
                assert source["secretKeyRef"]["name"] == "fixative"


def test_no_container_is_root_has_rights_or_writes_to_its_image(overlay):
    for name, pod in pods(overlay).items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"], name
        assert pod["spec"]["securityContext"]["runAsUser"] > 0, name
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
    for name, container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_every_container_is_bounded_and_asks_for_what_it_needs(overlay):
    for name, container in containers(overlay):
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}, name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name


def test_every_container_that_stays_is_probed(overlay):
    for name in of_kind(overlay, "Deployment"):
        for container in pods(overlay)[name]["spec"]["containers"]:
            assert "livenessProbe" in container, name


def test_a_role_is_asked_for_its_health_as_in_compose(overlay, compose):
    for role, container in ours(overlay).items():
        if role == "migrate":
            continue
        probe, test = container["livenessProbe"], compose[role]["healthcheck"]["test"][1:]
        if "exec" in probe:
            assert probe["exec"]["command"] == test, role
        else:
            assert probe["httpGet"]["path"] in test[-1], role


def test_what_is_mounted_is_a_volume(overlay):
    for name, container in containers(overlay):
        volumes = {volume["name"] for volume in pods(overlay)[name]["spec"]["volumes"]}
        assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes, name


def test_a_pod_begins_once_the_database_is_migrated(overlay):
    for role in ROLES:
        first = pods(overlay)[role]["spec"]["initContainers"]
        assert ["fixative migrate --check" in container["command"][-1] for container in first]
    (migrate,) = pods(overlay)["migrate"]["spec"]["containers"]
    assert migrate["command"] == ["fixative", "migrate"]


def test_a_worker_that_is_asked_to_end_may_finish_what_it_has(overlay):
    def grace(role):
        return pods(overlay)[role]["spec"]["terminationGracePeriodSeconds"]

    limit = re.search(
        r"^task_time_limit = (\d+)", (ROOT / "celeryconfig.py").read_text(), re.MULTILINE
    )
    assert limit
    assert grace("worker-io") > CREATE_SECONDS
    assert grace("worker-store") > DOWNLOAD_SECONDS
    assert grace("worker-derive") > int(limit[1])


def test_the_world_reaches_every_route_but_the_operators(app):
    routes = {*app.api_doc["paths"], "/ui/gallery"}
    (ingress,) = of_kind("prod", "Ingress").values()
    (rule,) = ingress["spec"]["rules"]

    def reached(route):
        return any(
            route == path["path"]
            or (path["pathType"] == "Prefix" and f"{route}/".startswith(f"{path['path']}/"))
            for path in rule["http"]["paths"]
        )

    assert {f"/{r.split('/')[1]}" for r in routes if not reached(r)} == NOT_FOR_THE_WORLD


def test_a_service_and_a_budget_find_their_pods(overlay):
    for name, service in of_kind(overlay, "Service").items():
        assert selects(service["spec"]["selector"], pods(overlay)[name])
    budgets = of_kind(overlay, "PodDisruptionBudget")
    assert budgets.keys() == ROLES - {"flower"}
    for name, budget in budgets.items():
        found = {n for n, pod in pods(overlay).items() if selects(_labels(budget), pod)}
        assert found == {name}


def test_only_the_api_and_what_was_counted_can_be_reached_and_from_labelled_namespaces_only(
    overlay,
):
    policies = of_kind(overlay, "NetworkPolicy")
    if overlay == "dev":
        del policies["emulator"]
    everybody = policies["nobody"]["spec"]
    assert "ingress" not in everybody
    assert "egress" not in everybody
    selected = {n for n, pod in pods(overlay).items() if selects(_pods_of(policies["nobody"]), pod)}
    assert selected == {*ROLES, "migrate"}

    for name, policy in policies.items():
        for rule in policy["spec"].get("ingress", ()):
            assert all("namespaceSelector" in source for source in rule["from"]), name
        if "ingress" in policy["spec"]:
            reached = {n for n, pod in pods(overlay).items() if selects(_pods_of(policy), pod)}
            assert reached == {"to-api": {"api"}, "to-counts": set(QUEUES_OF_ROLE)}[name]


def test_an_overlay_is_an_environment_of_its_own(overlay):
    (settings,) = of_kind(overlay, "ConfigMap").values()
    (ingress,) = of_kind(overlay, "Ingress").values()
    (rule,) = ingress["spec"]["rules"]
    assert settings["data"]["FIXATIVE_ENV"] == overlay
    assert settings["data"]["FIXATIVE_PUBLIC_URL"] == f"https://{rule['host']}"
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert {m["metadata"].get("namespace", f"fixative-{overlay}") for m in built(overlay)} == {
        f"fixative-{overlay}"
    }


def test_every_container_is_of_the_image_of_this_version(overlay):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    images = {container["image"] for _, container in containers(overlay)}
    assert images == {f"registry.example.com/fixative:{project['version']}"}


def test_no_two_overlays_share_a_host_or_a_bucket():
    for name in ("FIXATIVE_PUBLIC_URL", "S3_BUCKET"):
        told = [next(iter(of_kind(o, "ConfigMap").values()))["data"][name] for o in OVERLAYS]
        assert len(set(told)) == len(OVERLAYS)


def test_only_dev_runs_the_local_replicate():
    with_it = {o for o in OVERLAYS if "emulator" in of_kind(o, "Deployment")}
    assert with_it == {"dev"}


def test_production_grows_by_how_late_a_stage_is_that_its_worker_works_on():
    scaled = of_kind("prod", "HorizontalPodAutoscaler")
    assert scaled.keys() == QUEUES_OF_ROLE.keys()
    stages = {stage for stage, _ in FIRST_DUE}
    for name, autoscaler in scaled.items():
        assert "replicas" not in of_kind("prod", "Deployment")[name]["spec"]
        assert autoscaler["spec"]["scaleTargetRef"]["name"] == name
        for metric in autoscaler["spec"]["metrics"]:
            assert metric["external"]["metric"]["name"] == "fixative_stage_due_seconds"
            assert metric["external"]["metric"]["selector"]["matchLabels"]["stage"] in stages


def test_the_sample_of_prometheus_finds_the_api_and_every_worker():
    sample = yaml.safe_load((ROOT / "deploy" / "prometheus" / "kubernetes.yml").read_text())
    ports = [
        (role, port["name"])
        for role, pod in pods("prod").items()
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    ]
    names = (
        "__meta_kubernetes_pod_label_fixative_role",
        "__meta_kubernetes_pod_container_port_name",
    )

    found = set()
    for scrape in sample["scrape_configs"]:
        (places,) = scrape["kubernetes_sd_configs"]
        assert places["namespaces"]["names"] == ["fixative-prod"]
        kept = {
            rule["source_labels"][0]: rule["regex"]
            for rule in scrape["relabel_configs"]
            if rule.get("action") == "keep"
        }
        assert kept.keys() <= set(names)
        found |= {
            port for port in ports if kept.items() <= dict(zip(names, port, strict=True)).items()
        }

    assert found == {("api", "http"), *((role, "counts") for role in QUEUES_OF_ROLE)}


def test_every_setting_that_is_no_secret_stands_in_the_base():
    lines = (KUBERNETES / "base" / "settings.env").read_text().split()
    named = {line.partition("=")[0] for line in lines}
    settings = {name.upper() for name in Settings.model_fields} - SECRET - {"FIXATIVE_DATA_DIR"}
    assert named == settings | {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def _labels(budget):
    return budget["spec"]["selector"]["matchLabels"]


def _pods_of(policy):
    return policy["spec"]["podSelector"]["matchLabels"]
