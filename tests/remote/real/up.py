"""The real NDIF on this machine's CPU, until its standard input closes.

    python up.py MODEL_FOLDER [MODEL_FOLDER ...]

Python 3.12 with ``ndif[api,ray]==0.1.2`` and ``moto[server,s3]``, and redis-server on the path.
Prints its URL on a line of its own once the models can be asked; everything listens on loopback.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
GIGABYTE = 10**9


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def environment(state, *, redis, store, api, client):
    """What every process of the deployment finds in its environment, by the ports it uses."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(HERE),
        "HF_HUB_OFFLINE": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "disabled",
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
        "OMP_NUM_THREADS": "1",
        "NDIF_HOME": str(state),
        "NDIF_REDIS_URL": f"redis://127.0.0.1:{redis}",
        "NDIF_OBJECT_STORE_URL": f"http://127.0.0.1:{store}",
        "NDIF_API_URL": f"http://127.0.0.1:{api}",
        "NDIF_API_PORT": str(api),
        "NDIF_RAY_ADDRESS": f"ray://127.0.0.1:{client}",
        "NDIF_MODEL_IMPORT_PATH": "cpu_actor.CPUModelActor",
        "NDIF_DEFAULT_DTYPE": "float32",
        "NDIF_MINIMUM_DEPLOYMENT_TIME_SECONDS": "0",
    }


def start_ray(start, state, head, client):
    """Ray's head, and NDIF's controller on it; returns when the controller has done its work."""
    resources = {"head": 10, "cuda_memory_bytes": 64 * GIGABYTE, "cpu_memory_bytes": 64 * GIGABYTE}
    start(
        "ray", "ray", "start", "--head", "--block", "--node-ip-address=127.0.0.1",
        f"--port={head}", f"--ray-client-server-port={client}", "--num-gpus=1",
        "--num-cpus=8", "--include-dashboard=true", "--dashboard-host=127.0.0.1",
        f"--dashboard-port={free_port()}", f"--resources={json.dumps(resources)}",
        NDIF_SERVICE="ray",
    )  # fmt: skip
    wait_for(head)
    controller = start(
        "controller", sys.executable, "-m",
        "ndif.services.ray.deployments.controller.controller",
        NDIF_SERVICE="ray", RAY_ADDRESS=f"127.0.0.1:{head}",
    )  # fmt: skip
    if controller.wait(timeout=120):
        raise SystemExit((state / "controller.log").read_text())


def main(folders):
    state = Path(tempfile.mkdtemp(prefix="ndif-"))
    redis, store, head, client, api = (free_port() for _ in range(5))
    env = {**os.environ, **environment(state, redis=redis, store=store, api=api, client=client)}
    os.environ.update(env)
    running = []

    def start(name, *command, **more):
        log = open(state / f"{name}.log", "wb")  # noqa: SIM115 - as long as its process
        process = subprocess.Popen(
            command, env={**env, **more}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            # Where this package cannot be imported from.
            start_new_session=True, cwd=state,
        )  # fmt: skip
        running.append(process)
        return process

    print(f"logs in {state}", file=sys.stderr)
    try:
        start("redis", "redis-server", "--port", str(redis), "--bind", "127.0.0.1",
              "--save", "", "--dir", str(state))  # fmt: skip
        start("store", "moto_server", "-H", "127.0.0.1", "-p", str(store))
        start_ray(start, state, head, client)
        start(
            "api", "gunicorn", "--config", "python:ndif.services.api.gunicorn_conf",
            "--bind", f"127.0.0.1:{api}", "ndif.services.api.app:app", NDIF_SERVICE="api",
        )  # fmt: skip
        url = f"http://127.0.0.1:{api}"
        wait_until_connected(url)
        deploy(folders)
        print(url, flush=True)
        sys.stdin.read()
    finally:
        subprocess.run(["ray", "stop", "--force"], env=env, check=False, capture_output=True)
        for process in reversed(running):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def wait_for(port):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"nothing listens on {port}")


def wait_until_connected(url):
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/connected", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{url} is not connected to Ray")


def deploy(folders):
    """Each folder's model, under the key that a client of this machine asks for."""
    import ndif.cli.lib.deploy as lib
    from nnsight.modeling import huggingface

    specs = []
    for folder in folders:
        name = str(Path(folder).resolve())
        huggingface._ID_CACHE[name] = name  # a folder is spelt as it is
        size = sum(path.stat().st_size for path in Path(name).glob("*.safetensors"))
        specs.append({"checkpoint": name, "task": "text-generation", "size_bytes": size,
                      "dtype": "float32", "pinned": True, "gpus": 1})  # fmt: skip
    lib.deploy(specs, on_message=lambda line: print(line, file=sys.stderr))


# Told to end, it takes what it started with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
main(sys.argv[1:])
