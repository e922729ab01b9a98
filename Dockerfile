# Installs the pinned dependencies, then copies them and the code into an image without tools.
FROM python:3.12-slim AS build
WORKDIR /service
RUN python -m venv /opt/venv
COPY requirements-dask.lock requirements-postgresql.lock ./
RUN /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-dask.lock \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes \
    -r requirements-postgresql.lock

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data fit && install -d -o fit -g fit -m 0700 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /service
COPY models models
COPY fitting fitting
COPY app app
USER fit
# fits and compiled kernels; with a volume here, a new container starts warm
VOLUME /data
ENV FIT_HOST=0.0.0.0 FIT_PORT=8000 FIT_DATA_DIR=/data PYTHONUNBUFFERED=1
EXPOSE 8000
# alive, not ready: another container would have the same full disk
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
    CMD ["/opt/venv/bin/python", "-c", \
         "import os, urllib.request as r; \
         r.urlopen('http://127.0.0.1:' + os.environ['FIT_PORT'] + '/livez', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["/opt/venv/bin/python", "-m", "app"]
