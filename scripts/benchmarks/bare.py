"""The least that Flask can answer: the ceiling of every door behind the same gunicorn."""

from flask import Flask, Response

app = Flask(__name__)
CONTENT = b"x" * 1000


@app.get("/")
def answer() -> Response:
    return Response(CONTENT, content_type="application/octet-stream")
