"""Lists, watches, patches and meets a conflict through the official Python client, unmodified. usage: python_client.py URL TOKEN NAMESPACE"""
import sys, threading
import kubernetes
from kubernetes.client.rest import ApiException

url, token, namespace = sys.argv[1:4]
configuration = kubernetes.client.Configuration()
configuration.host = url
configuration.api_key = {"authorization": "Bearer " + token}
api = kubernetes.client.CustomObjectsApi(kubernetes.client.ApiClient(configuration))
of = ("kubeflow.org", "v1", namespace, "pytorchjobs")
replica = {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {"containers": [{"name": "pytorch", "image": "i"}]}}}
job = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "from-python"}, "spec": {"pytorchReplicaSpecs": {"Master": replica}}}

created = api.create_namespaced_custom_object(*of, job)
assert created["metadata"]["generation"] == 1, created
listed = api.list_namespaced_custom_object(*of)
assert [item["metadata"]["name"] for item in listed["items"]] == ["from-python"], listed

frames = []
def watch():
    for frame in kubernetes.watch.Watch().stream(api.list_namespaced_custom_object, *of, resource_version=listed["metadata"]["resourceVersion"], timeout_seconds=30):
        frames.append((frame["type"], frame["object"]["metadata"].get("labels")))
        if frame["type"] == "DELETED":
            return
watching = threading.Thread(target=watch, daemon=True)
watching.start()

patched = api.patch_namespaced_custom_object(*of, "from-python", {"metadata": {"labels": {"team": "ml"}}})
assert patched["metadata"]["labels"] == {"team": "ml"}, patched
try:
    api.replace_namespaced_custom_object(*of, "from-python", {**created, "spec": {**created["spec"], "cleanPodPolicy": "All"}})
    raise SystemExit("a stale replacement went through")
except ApiException as refused:
    assert refused.status == 409 and "the object has been modified" in refused.body, refused
deleted = api.delete_namespaced_custom_object(*of, "from-python")
assert deleted["status"] == "Success", deleted
watching.join(30)
assert frames == [("MODIFIED", {"team": "ml"}), ("DELETED", {"team": "ml"})], frames
print("all is well")
