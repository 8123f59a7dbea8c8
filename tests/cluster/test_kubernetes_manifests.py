"""What `kubectl apply -k` makes of the profile: names, rights and volumes fit together."""

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.pods import PROFILE, role_rules
from tests.runs import PROJECT

VERBS = {"POST": "create", "DELETE": "delete"}


def read(name):
    return list(yaml.safe_load_all((PROFILE / name).read_text(encoding="utf-8")))


def of_kind(kind):
    found = [thing for thing in read("setup.yaml") + read("run.yaml") if thing["kind"] == kind]
    assert len(found) == 1
    return found[0]


def asked_of_the_api():
    """(verb, resource) of every request in jobs.py, whatever the paths of its strings."""
    asked = set()
    for node in ast.walk(ast.parse((PROFILE / "jobs.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "ask":
            method, path = (ast.unparse(argument) for argument in node.args[:2])
            parts = ast.literal_eval(path.removeprefix("f")).split("/")
            resource = "/".join([parts[0], *parts[2:]])
            verb = VERBS.get(ast.literal_eval(method), "get" if len(parts) > 1 else "list")
            asked.add((verb, resource))
    return asked


def folder_of_images():
    """Where both images have the project."""
    lines = [
        line
        for image in ("cpu", "cuda")
        for line in (PROJECT / f"envs/{image}.Dockerfile").read_text().splitlines()
    ]
    (folder,) = {line.split()[1] for line in lines if line.startswith("WORKDIR")}
    return folder


def test_the_role_allows_what_is_asked_and_nothing_else():
    allowed = {
        (verb, resource)
        for rule in role_rules(PROFILE)
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert allowed == asked_of_the_api()
    groups = {rule["resources"][0]: rule["apiGroups"] for rule in role_rules(PROFILE)}
    assert groups.pop("jobs") == ["batch"]
    assert set(map(tuple, groups.values())) == {("",)}


def test_the_run_uses_the_account_that_has_the_role():
    account = of_kind("ServiceAccount")["metadata"]["name"]
    binding = of_kind("RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account}]
    assert binding["roleRef"]["name"] == of_kind("Role")["metadata"]["name"]
    assert of_kind("Job")["spec"]["template"]["spec"]["serviceAccountName"] == account


def test_the_volume_is_shared_and_holds_the_records_of_snakemake():
    claim, pod = of_kind("PersistentVolumeClaim"), of_kind("Job")["spec"]["template"]["spec"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    fetch, run = pod["initContainers"][0], pod["containers"][0]
    assert fetch["volumeMounts"] == run["volumeMounts"]
    paths = {mount["mountPath"]: mount["name"] for mount in run["volumeMounts"]}
    assert paths[f"{folder_of_images()}/.snakemake"] == "data"


def test_the_pod_starts_a_program_that_images_have():
    pod = of_kind("Job")["spec"]["template"]["spec"]
    for container, action in ((pod["initContainers"][0], "fetch"), (pod["containers"][0], "run")):
        program, word = container["command"]
        file = PROJECT / Path(program).relative_to(folder_of_images())
        assert os.access(file, os.X_OK) and word == action


def test_settings_and_folders_are_where_the_run_looks_for_them():
    generated = {one["name"]: one for one in read("kustomization.yaml")[0]["configMapGenerator"]}
    pod = of_kind("Job")["spec"]["template"]["spec"]
    run = pod["containers"][0]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    settings = generated[volumes["settings"]["configMap"]["name"]]
    folder = next(m["mountPath"] for m in run["volumeMounts"] if m["name"] == "settings")
    named = run["args"] + [item.get("value") for item in run["env"]]
    assert {f"{folder}/{file}" for file in settings["files"]} <= set(named)
    assert generated[run["envFrom"][0]["configMapRef"]["name"]]["envs"] == ["run.env"]
    lines = (PROFILE / "run.env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    mounts = {mount["mountPath"]: mount for mount in run["volumeMounts"]}
    assert values["VISAGRAPH_RESULTS"].startswith("/data/") and "/data" in mounts
    assert values["RCLONE_CONFIG"].rpartition("/")[0] in mounts


def test_stages_reach_no_network_and_have_no_rights():
    template = read("job.yaml")[0]["spec"]["template"]
    policy = of_kind("NetworkPolicy")["spec"]
    labels = template["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert not {"ingress", "egress"} & set(policy), "a rule would let something through"
    run = of_kind("Job")["spec"]["template"]["metadata"]["labels"]
    assert not policy["podSelector"]["matchLabels"].items() <= run.items()
    assert template["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("file", ["job.yaml", "run.yaml"])
def test_an_evicted_pod_costs_no_try(file):
    spec = read(file)[0]["spec"]
    first = spec["podFailurePolicy"]["rules"][0]
    assert first["action"] == "Ignore"
    assert first["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "which podFailurePolicy asks for"


def test_kubectl_renders_the_profile():
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl: apt-get install kubernetes-client, version 1.21 or later")
    done = subprocess.run(
        ["kubectl", "kustomize", PROFILE], capture_output=True, text=True, check=False
    )
    if done.returncode and "unknown" in done.stderr:
        pytest.skip(f"a kubectl before 1.21: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    things = {(t["kind"], t["metadata"]["name"]): t for t in yaml.safe_load_all(done.stdout)}
    assert set(things) == {
        ("ServiceAccount", "visagraph"),
        ("Role", "visagraph"),
        ("RoleBinding", "visagraph"),
        ("PersistentVolumeClaim", "visagraph"),
        ("NetworkPolicy", "visagraph-stages"),
        ("ConfigMap", "visagraph"),
        ("ConfigMap", "visagraph-storage"),
        ("Job", "visagraph"),
    }
    spec = things["Job", "visagraph"]["spec"]["template"]["spec"]
    images = {container["image"] for container in spec["containers"] + spec["initContainers"]}
    assert images == {"registry.example.com/visagraph:latest"}
    job = yaml.safe_load(things["ConfigMap", "visagraph"]["data"]["job.yaml"])
    assert job == read("job.yaml")[0]
