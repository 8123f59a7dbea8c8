"""Jobs of the profile for Kubernetes, on a stand-in of its API that runs them as processes here."""

import shutil
import signal
import ssl
import subprocess
import time

import pytest
import yaml

from tests.cluster.api_server import expand, serve
from tests.cluster.pods import PROFILE, PROPERTIES

# --- a Job ---


def test_a_job_has_what_its_stage_needs_and_what_the_run_has(pod):
    code, name, text = pod.submit()
    assert code == 0, text
    job = pod.api.created[0]
    spec = job["spec"]["template"]["spec"]
    stage = spec["containers"][0]
    run = pod.api.run_pod["spec"]["containers"][0]
    assert name == job["metadata"]["name"] and name.startswith("visagraph-fit-face-model-")
    asked = {"cpu": "2", "memory": "3000Mi", "nvidia.com/gpu": "1"}
    assert stage["resources"] == {"requests": asked, "limits": asked}
    assert spec["activeDeadlineSeconds"] == 45 * 60
    assert spec["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert stage["image"] == run["image"]
    assert spec["securityContext"] == pod.api.run_pod["spec"]["securityContext"]
    assert stage["securityContext"] == run["securityContext"]
    assert job["metadata"]["labels"].items() >= {
        ("visagraph/run", "visagraph"),
        ("visagraph/batch", "b0001"),
    }
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "visagraph", "uid": "u-1"}
    assert job["metadata"]["ownerReferences"] == [owner]
    assert not spec["automountServiceAccountToken"]


def test_a_job_has_the_volumes_of_the_run_at_the_same_paths_but_no_secret(pod):
    pod.submit()
    spec, run = pod.api.created[0]["spec"]["template"]["spec"], pod.api.run_pod["spec"]
    shared = [volume for volume in run["volumes"] if "secret" not in volume]
    assert {v["name"] for v in run["volumes"]} - {v["name"] for v in shared} == {"storage"}
    assert sorted(spec["volumes"], key=str) == sorted(shared, key=str)
    mounts = [m for m in run["containers"][0]["volumeMounts"] if m["name"] != "storage"]
    assert spec["containers"][0]["volumeMounts"] == mounts


def test_what_a_template_says_of_image_nodes_and_volumes_stays(pod, tmp_path):
    template = yaml.safe_load((PROFILE / "job.yaml").read_text())
    spec = template["spec"]["template"]["spec"]
    spec["nodeSelector"] = {"pool": "spot"}
    spec["tolerations"] = [{"key": "spot", "operator": "Exists"}]
    spec["volumes"] = [{"name": "memory", "emptyDir": {"medium": "Memory"}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "memory", "mountPath": "/dev/shm"}]
    spec["containers"][0]["image"] = "mine:1"
    spec["containers"][0]["resources"] = {"limits": {"ephemeral-storage": "4Gi"}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(template))
    assert pod.submit(VISAGRAPH_JOB=str(tmp_path / "mine.yaml"))[0] == 0
    made = pod.api.created[0]["spec"]["template"]["spec"]
    assert made["nodeSelector"] == {"pool": "spot"}
    assert [t["key"] for t in made["tolerations"]] == ["spot", "nvidia.com/gpu"]
    assert {v["name"] for v in made["volumes"]} == {"memory", "data", "settings"}
    assert made["containers"][0]["image"] == "mine:1"
    assert made["containers"][0]["resources"]["limits"]["ephemeral-storage"] == "4Gi"


def test_commands_arrive_as_they_were_written(pod):
    words = 'it\'s "quoted" \\ `tick` $$ $(POD_NAME) $$(HOME) é\n\ttwo lines; rm -rf $nothing'
    commands = f"cat > said.txt <<'END OF IT'\n{words}\nEND OF IT\n"
    _, name, _ = pod.submit(commands)
    assert pod.ended(name)[1] == "success"
    assert (pod.folder / "said.txt").read_text() == words + "\n"


def test_dollars_are_expanded_as_kubernetes_does():
    values = {"NAME": "anna"}
    assert expand("$(NAME) $$(NAME) $(OTHER) $NAME $", values) == "anna $(NAME) $(OTHER) $NAME $"


def test_commands_longer_than_a_program_takes_are_refused(pod):
    code, _, text = pod.submit("#" * 140_000 + "\n")
    assert code == 1 and "140011 bytes, a program takes 131071" in text
    assert not pod.api.created


def test_many_inputs_in_the_comment_of_a_script_do_not_make_its_commands_longer(pod):
    properties = PROPERTIES.replace('"threads"', f'"params": "{"x" * 200_000}", "threads"')
    code, name, text = pod.submit(properties=properties)
    assert code == 0, text
    assert pod.ended(name)[1] == "success"


def test_a_job_without_a_limit_is_refused(pod):
    code, _, text = pod.submit(properties=PROPERTIES.replace('"runtime": 45, ', ""))
    assert code == 1 and "a job says no runtime: keep them in default-resources" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Pod\n", "is not a Job of Kubernetes: KeyError('spec')"),
        ("a: [", "is not a Job of Kubernetes: ParserError"),
        (
            "kind: Job\nspec: {template: {spec: {containers: [{name: other}]}}}\n",
            "is a Job with containers other, expected a Job with 'stage'",
        ),
    ],
)
def test_a_template_that_is_none_is_refused(pod, tmp_path, text, words):
    (tmp_path / "mine.yaml").write_text(text)
    code, _, error = pod.submit(VISAGRAPH_JOB=str(tmp_path / "mine.yaml"))
    assert code == 1 and words in error


# --- how it ends ---


def test_a_job_that_succeeded_is_removed(pod):
    _, name, _ = pod.submit()
    assert pod.ended(name) == (0, "success", "")
    assert not pod.api.jobs


def test_a_job_that_failed_stays_and_its_last_words_are_shown(pod):
    _, name, _ = pod.submit("echo no such thing >&2; exit 3\n")
    code, word, text = pod.ended(name)
    assert (code, word) == (0, "failed")
    assert text == f"kubernetes: {name} failed: exit status 3; it said at last:\nno such thing"
    assert name in pod.api.jobs


def test_a_job_that_ran_out_of_memory_says_so(pod):
    pod.api.needs_mb["fit_face_model"] = 4000
    _, name, _ = pod.submit("sleep 60\n")
    assert pod.ended(name)[1:] == (
        "failed",
        f"kubernetes: {name} failed: it needed more than 3000Mi of memory (mem_mb)",
    )


def test_a_job_that_ran_out_of_time_says_so(pod):
    pod.api.second_s = 1 / (45 * 60)
    _, name, _ = pod.submit("sleep 60\n")
    assert pod.ended(name)[1:] == (
        "failed",
        f"kubernetes: {name} failed: it ran for more than 45 minutes (runtime)",
    )


def test_an_evicted_pod_comes_again_and_its_job_goes_on(pod):
    pod.api.evict_once.add("fit_face_model")
    _, name, _ = pod.submit()
    assert pod.ended(name)[1] == "success"
    assert [pod.verdict for pod in pod.api.started] == ["evicted", ""]


def test_a_job_that_somebody_deleted_has_failed(pod):
    assert pod.jobs("status", "visagraph-x") == (
        0,
        "failed",
        "kubernetes: visagraph-x failed: it is gone; somebody deleted it",
    )


def test_cancel_removes_jobs_and_what_is_gone_already_is_no_error(pod):
    names = [pod.submit("sleep 60\n")[1] for _ in range(3)]
    running = [pod.api.running("fit_face_model") for _ in names]
    assert pod.jobs("cancel", *names, "visagraph-gone") == (0, "", "")
    assert not pod.api.jobs
    assert all(pod.process.wait(5) == -signal.SIGKILL for pod in running)


# --- what it waits for, and what goes wrong ---


def test_an_image_that_cannot_be_pulled_is_told_once_and_ends_the_job_at_last(pod):
    pod.api.mode = "no image"
    _, name, _ = pod.submit()
    said = ""
    end = time.monotonic() + 20
    while (answer := pod.jobs("status", name))[1] == "running" and time.monotonic() < end:
        said += answer[2]
        time.sleep(0.5)
    assert answer[1] == "failed"
    assert said == f'kubernetes: {name} waits: ImagePullBackOff: Back-off pulling image "visagraph"'
    assert "it could not start for 5 s: ImagePullBackOff" in answer[2]
    assert not pod.api.jobs


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("no node", "no node takes it: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
        ("no volume", "FailedMount: volume visagraph is of another node"),
        ("no quota", 'FailedCreate: Error creating: pods "x" is forbidden: exceeded quota: small'),
    ],
)
def test_what_may_pass_is_told_once_and_waited_for(pod, mode, words):
    pod.api.mode = mode
    _, name, _ = pod.submit()
    time.sleep(2)
    told = (0, "running", f"kubernetes: {name} waits: {words}")
    assert pod.jobs("status", name, VISAGRAPH_WAIT_S="2") == told
    assert pod.jobs("status", name, VISAGRAPH_WAIT_S="2") == (0, "running", "")
    assert pod.api.jobs


def test_a_full_quota_of_jobs_is_waited_for_and_then_explained(pod):
    pod.api.quota = 0
    code, _, text = pod.submit(VISAGRAPH_WAIT_S="1")
    assert code == 1
    assert "waiting for room in the namespace" in text
    assert "exceeded quota: small" in text and "Lower `jobs` in the profile" in text


def test_rights_that_are_missing_are_named(pod):
    pod.api.role[0]["verbs"].remove("create")
    code, _, text = pod.submit()
    assert code == 1
    assert 'cannot create resource "jobs" in API group "batch"' in text
    assert "kubectl apply -k workflow/profiles/kubernetes" in text


def test_an_api_that_fails_for_a_while_is_asked_again(pod):
    pod.api.failures = 2
    code, name, _ = pod.submit()
    assert code == 0
    pod.api.failures = 2
    assert pod.ended(name)[:2] == (0, "success")
    assert len(pod.api.created) == 1


def test_without_an_answer_jobs_go_on_and_nothing_is_submitted(pod):
    gone = {"VISAGRAPH_KUBERNETES": "http://127.0.0.1:9", "VISAGRAPH_WAIT_S": "1"}
    code, word, text = pod.jobs("status", "visagraph-x", **gone)
    assert (code, word) == (0, "running")
    assert "the API gives no answer, jobs go on" in text
    code, _, text = pod.submit(**gone)
    assert code == 1 and "the API gives no answer: http://127.0.0.1:9" in text


def test_outside_a_pod_it_says_where_it_runs(pod):
    code, _, text = pod.submit(POD_NAME="")
    assert code == 1 and "POD_NAME and POD_NAMESPACE are not set" in text
    code, _, text = pod.submit(VISAGRAPH_KUBERNETES="", VISAGRAPH_SERVICE_ACCOUNT="nowhere")
    assert code == 1 and "expected KUBERNETES_SERVICE_HOST and nowhere/token" in text


def test_the_token_and_the_certificate_of_the_service_account_are_used(pod, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl, which makes the certificate")
    account, other = tmp_path / "account", tmp_path / "other"
    for folder in (account, other):
        folder.mkdir()
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", folder / "key.pem", "-out", folder / "ca.crt"),
            ],
            check=True,
            capture_output=True,
        )
        (folder / "token").write_text("secret-word\n")
    pod.api.token = "secret-word"
    with serve(pod.api) as server:
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured.load_cert_chain(account / "ca.crt", account / "key.pem")
        server.socket = secured.wrap_socket(server.socket, server_side=True)
        inside = {
            "VISAGRAPH_KUBERNETES": "",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(server.server_port),
            "VISAGRAPH_SERVICE_ACCOUNT": str(account),
        }
        code, _, text = pod.submit(**inside)
        assert code == 0, text
        code, _, text = pod.submit(**inside | {"VISAGRAPH_SERVICE_ACCOUNT": str(other)})
        assert code == 1 and "shows a certificate that is not this cluster's" in text
        (account / "token").write_text("another")
        code, _, text = pod.submit(**inside)
        assert code == 1 and "no rights: Unauthorized" in text
