"""What people hand to log_dict, log_figure and log_image, as the bytes of a file."""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from trackstream_schemas.errors import InvalidInput


def dictionary(value: Any, path: str) -> bytes:
    """Return JSON, or YAML where the path ends with .yaml or .yml.

    Raises InvalidInput for values that the format cannot hold.
    """
    if not isinstance(value, dict | list):
        raise InvalidInput("dictionary", value, "a dict or a list")
    if PurePosixPath(path).suffix.lower() in (".yaml", ".yml"):
        try:
            import yaml  # type: ignore[import-untyped]
        except ImportError:
            raise InvalidInput("artifact_file", path, "a .json path, or PyYAML to be installed") from None
        try:
            text: str = yaml.safe_dump(value, indent=2, sort_keys=False, default_flow_style=False)
        except yaml.YAMLError as error:
            raise InvalidInput("dictionary", value, f"plain values that YAML can hold ({error})") from None
        return text.encode()
    try:
        return json.dumps(value, indent=2, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("dictionary", value, f"values that JSON can hold ({error})") from None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def figure(value: Any, path: str, save_kwargs: dict[str, Any] | None = None) -> bytes:
    """Return a matplotlib figure in the format of the path's ending (PNG if none), or a plotly one.

    Raises InvalidInput for other objects and for endings that the figure cannot be saved as.
    """
    suffix = PurePosixPath(path).suffix.lower().removeprefix(".")
    options = dict(save_kwargs or {})
    if hasattr(value, "savefig"):
        out = io.BytesIO()
        options.setdefault("format", suffix or "png")
        try:
            value.savefig(out, **options)
        except ValueError as error:
            raise InvalidInput(
                "artifact_file", path, f"an ending that matplotlib can save as ({error})"
            ) from None
        return out.getvalue()
    if hasattr(value, "write_html"):
        if suffix in ("html", "htm"):
            page = io.StringIO()
            value.write_html(page, **{"include_plotlyjs": "cdn", "auto_open": False, **options})
            return page.getvalue().encode()
        if suffix in ("png", "jpeg", "webp", "svg", "pdf"):
            image: bytes = value.to_image(format=suffix, **options)
            return image
        raise InvalidInput("artifact_file", path, "an ending of .html, .png, .jpeg, .webp, .svg or .pdf")
    raise InvalidInput("figure", value, "a matplotlib or plotly figure")


def image(value: Any, path: str) -> bytes:
    """Return a PIL image or an array as an image file; the path's ending says which (PNG if none).

    Arrays have shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and are bool, integers of 0..255, or
    floats of 0..1. Raises InvalidInput for anything else.
    """
    try:
        from PIL import Image
    except ImportError:
        raise InvalidInput(
            "image", type(value).__name__, "Pillow to be installed (pip install pillow)"
        ) from None
    picture = value if isinstance(value, Image.Image) else Image.fromarray(_pixels(value))
    suffix = PurePosixPath(path).suffix.lower() or ".png"
    kind = Image.registered_extensions().get(suffix)
    if kind is None:
        raise InvalidInput("artifact_file", path, "an image file's ending, such as .png")
    out = io.BytesIO()
    try:
        picture.save(out, format=kind)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(
            "artifact_file", path, f"an ending that the image can be saved as ({error})"
        ) from None
    return out.getvalue()


def _pixels(value: Any) -> Any:
    array = np.asarray(value)
    right = "an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise InvalidInput("image", f"shape {array.shape}", right)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if not np.issubdtype(array.dtype, np.integer) and not np.issubdtype(array.dtype, np.floating):
        raise InvalidInput("image", f"an array of {array.dtype}", "integers of 0..255 or floats of 0..1")
    low, high = array.min(), array.max()
    if np.issubdtype(array.dtype, np.integer) and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    if np.issubdtype(array.dtype, np.floating) and low >= 0 and high <= 1:
        return np.rint(array * 255).astype(np.uint8)
    raise InvalidInput("image", f"{array.dtype} from {low} to {high}", "integers of 0..255 or floats of 0..1")
