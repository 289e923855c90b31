"""The web UI: pages over `/api/v1`, in the embedded server or a process of its own.

Everything a page shows comes from the API, by `api.Api` in Python or `Trackstream.api` in the browser: the UI
reads no store. The one module that knows where the API is is `mounting`.
"""
