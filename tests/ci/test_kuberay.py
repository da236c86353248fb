"""The example for KubeRay says what a RayJob must say, with the Ray that is tested here and a command that parses."""

import shlex

import yaml
from doc_pages import ROOT

from apigauge.harness.cli import main
from apigauge.harness.plugins.rlaif import command

JOB = yaml.safe_load((ROOT / "ci" / "kuberay.yaml").read_text(encoding="utf-8"))
CLUSTER = JOB["spec"]["rayClusterSpec"]


def test_the_job_is_one_of_the_operator():
    assert (JOB["apiVersion"], JOB["kind"]) == ("ray.io/v1", "RayJob")
    assert CLUSTER["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    for group in CLUSTER["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_all_pods_have_the_ray_of_the_constraints_and_send_no_telemetry():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert CLUSTER["rayVersion"] == pins["ray"]
    for group in (CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]):
        for container in group["template"]["spec"]["containers"]:
            assert container["image"].endswith(f":{pins['ray']}")
            assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]


def test_the_command_parses_and_writes_on_the_volume_that_all_pods_have():
    name, *arguments = shlex.split(JOB["spec"]["entrypoint"])
    parsed = main.parser(command.apigauge_commands).parse_args(arguments)
    assert (name, parsed.executor, parsed.ray_address) == ("apigauge", "ray", None)
    for group in (CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]):
        spec = group["template"]["spec"]
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert mounts == {volume["name"]: "/runs" for volume in spec["volumes"]}
        assert str(parsed.out).startswith("/runs/")
