"""What a browser finds: the web UI or, without one, a page that says so; the API's description."""

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from trackstream_api.openapi_page import openapi_page, page
from trackstream_api.routes.parameters import StoreOf
from trackstream_api.version import VERSION

router = APIRouter(include_in_schema=False)

_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_ROOT = """
<h1>Trackstream {version}</h1>
<p>This server keeps the runs of <code>{store}</code>. It was started without the web
UI (<code>trackstream ui --api {url}</code> serves one): they are read with the command line, with Python or
over HTTP.</p>
<h2>You came from a link to a run or an experiment?</h2>
<p>A link such as MLflow's “View run”, <code>{url}/#/experiments/0/runs/RUN_ID</code>, ends with the run's id;
one to an experiment ends with the experiment's.</p>
<pre><code>export TRACKSTREAM_URI={url}
trackstream runs describe RUN_ID
trackstream runs list -e EXPERIMENT
trackstream experiments list</code></pre>
<h2>For programs</h2>
<ul>
<li><a href="docs">The API</a>, and the same as <a href="openapi.json">OpenAPI document</a></li>
<li><a href="health">health</a> of this process, <a href="ready">ready</a>: whether all that it needs is
there, <a href="api/v1/status">status</a>: what is stored and how fresh it is,
<a href="metrics">metrics</a> for Prometheus</li>
<li><code>MLFLOW_TRACKING_URI={url}</code> has MLflow's own client log here</li>
</ul>
"""


_LANDING_HEADERS = {"Content-Security-Policy": "default-src 'none'; script-src 'self'"}
_LANDING = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Trackstream</title>
<script src="{script}"></script></head><body><noscript><a href="/ui/experiments">The experiments</a>
</noscript></body></html>"""


@router.get("/")
async def root(request: Request, store: StoreOf) -> HTMLResponse:
    """Where the links of MLflow's client lead."""
    if request.app.state.with_ui:
        from trackstream_api.ui.mounting import static_url

        return HTMLResponse(_LANDING.format(script=static_url("landing.js")), headers=_LANDING_HEADERS)
    url = str(request.base_url).rstrip("/")
    body = _ROOT.format(version=escape(VERSION), store=escape(store.location), url=escape(url))
    return HTMLResponse(page("Trackstream", body), headers=_HEADERS)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The API's description."""
    return HTMLResponse(openapi_page(request.app.openapi()), headers=_HEADERS)
