"""Files sent to the CSV doors of the address API, and what comes back."""

import csv
import io
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

Row = dict[str, str]
Post = Callable[..., Any]


def posting(client: FlaskClient) -> Post:
    def post(path: str, content: bytes | None, name: str = "liste.csv", **form: Any) -> Any:
        if content is not None:
            form["data"] = (io.BytesIO(content), name)
        kind = "multipart/form-data"
        return client.post(path, data=form, content_type=kind, buffered=True)

    return post


def rows_of(response: Any, separator: str = ",") -> list[Row]:
    assert response.status_code == 200, response.get_data(as_text=True)
    text = response.get_data().decode(response.mimetype_params["charset"])
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
