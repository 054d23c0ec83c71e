"""A Kubernetes API server for kubectl: it keeps and checks objects, and runs no pod."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.deploy.cluster.controllers import end_jobs, roll_out
from tests.deploy.cluster.discovery import SCHEMA_OF, Resource, documents
from tests.deploy.cluster.exec import environment, execute
from tests.deploy.cluster.objects import Objects
from tests.deploy.cluster.patches import patched
from tests.deploy.cluster.protobuf import MEDIA_TYPE, read_secret
from tests.deploy.cluster.refused import Refused
from tests.deploy.manifests import Manifest

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cluster:
    """Its objects, and what was run in its pods."""

    def __init__(self, programs: Path) -> None:
        self.objects = Objects()
        self.commands: list[list[str]] = []
        self._programs = programs

    def app(self) -> web.Application:
        """What answers for it."""
        app = web.Application(middlewares=[_refusals])
        for path, document in documents().items():
            app.router.add_get(path, _answer(document))
        for resource in SCHEMA_OF:
            self._route(app.router, resource)
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{name}/exec", self._exec)
        return app

    def _route(self, router: web.UrlDispatcher, resource: Resource) -> None:
        within = "/namespaces/{namespace}" if resource.namespaced else ""
        several = f"{resource.path}{within}/{resource.plural}"
        one = f"{several}/{{name}}"
        router.add_get(several, self._asked(self._list, resource))
        router.add_post(several, self._asked(self._create, resource))
        router.add_get(one, self._asked(self._get, resource))
        router.add_patch(one, self._asked(self._patch, resource))
        router.add_delete(one, self._asked(self._delete, resource))

    def _asked(self, handler: Any, resource: Resource) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer = await handler(request, resource)
            return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

        return handle

    async def _list(self, request: web.Request, resource: Resource) -> Any:
        if "watch" in request.query:
            return await self._watch(request, resource)
        every = self.objects.of_kind(resource.kind)
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api,
            "metadata": {"resourceVersion": str(len(self.objects.changes))},
            "items": [manifest for manifest in every if _is_asked_for(manifest, request)],
        }

    async def _watch(self, request: web.Request, resource: Resource) -> web.StreamResponse:
        """What changed since the version that is named, a line each; jobs end once one watches."""
        if "sendInitialEvents" in request.query:
            raise Refused(422, "Invalid", "sendInitialEvents is not known here: list, then watch")
        if resource.kind == "Job":
            end_jobs(self.objects)
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        for change, manifest in self.objects.changes[int(request.query["resourceVersion"]) :]:
            if manifest["kind"] == resource.kind and _is_asked_for(manifest, request):
                event = {"type": change, "object": manifest}
                await stream.write(json.dumps(event).encode() + b"\n")
        await asyncio.Event().wait()  # kubectl goes when it has seen enough
        return stream

    async def _create(self, request: web.Request, resource: Resource) -> Manifest:
        body = await request.read()
        protobuf = request.content_type == MEDIA_TYPE
        manifest = read_secret(body) if protobuf else json.loads(body)
        if (manifest["apiVersion"], manifest["kind"]) != (resource.api, resource.kind):
            raise Refused(400, "BadRequest", f"this is no {resource.kind}")
        return self._controlled(self.objects.create(_namespace(request), manifest))

    async def _get(self, request: web.Request, resource: Resource) -> Manifest:
        return self.objects.get(resource.kind, *_named(request))

    async def _patch(self, request: web.Request, resource: Resource) -> Manifest:
        kept = self.objects.get(resource.kind, *_named(request))
        patch = json.loads(await request.read())
        shall = patched(kept, request.content_type, patch, SCHEMA_OF[resource])
        return self._controlled(self.objects.replace(shall))

    async def _delete(self, request: web.Request, resource: Resource) -> Manifest:
        return self.objects.delete(resource.kind, *_named(request))

    def _controlled(self, manifest: Manifest) -> Manifest:
        if manifest["kind"] == "Deployment":
            roll_out(self.objects, manifest)
        return manifest

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        pod = self.objects.get("Pod", *_named(request))
        environ = environment(self.objects, pod, request.query["container"], self._programs)
        command = request.query.getall("command")
        self.commands.append(command)
        return await execute(request, command, environ)


@contextmanager
def cluster(programs: Path, kubeconfig: Path) -> Iterator[Cluster]:
    """One that answers whoever has this configuration, until the block ends.

    In its pods, what is in `programs` is on the PATH.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served = Cluster(programs)
    runner = web.AppRunner(served.app(), handler_cancellation=True, shutdown_timeout=1)
    try:
        asyncio.run_coroutine_threadsafe(_listen(runner), loop).result()
        kubeconfig.write_text(json.dumps(_configuration(runner.addresses[0][1])))
        yield served
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(runner: web.AppRunner) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()


def _configuration(port: int) -> Manifest:
    return {
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here"}}],
        "current-context": "here",
    }


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return web.json_response(refused.as_status(), status=refused.code)


def _answer(document: Manifest) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response(document)

    return handle


def _namespace(request: web.Request) -> str:
    """Its name, or nothing of what is in none."""
    return request.match_info.get("namespace", "")


def _named(request: web.Request) -> tuple[str, str]:
    return _namespace(request), request.match_info["name"]


def _is_asked_for(manifest: Manifest, request: web.Request) -> bool:
    metadata = manifest["metadata"]
    labels = _equals(request.query.get("labelSelector", ""))
    fields = _equals(request.query.get("fieldSelector", ""))
    if not fields.keys() <= {"metadata.name"}:
        raise Refused(400, "BadRequest", f"{fields} is not known here")
    name: str = metadata["name"]
    return (
        metadata.get("namespace", "") == _namespace(request)
        and labels.items() <= metadata.get("labels", {}).items()
        and name == fields.get("metadata.name", name)
    )


def _equals(selector: str) -> dict[str, str]:
    """Of selectors, those for one value."""
    return dict(part.split("=") for part in selector.split(",") if part)
