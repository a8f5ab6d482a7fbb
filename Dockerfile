# One file, three images. Each target installs only what its service needs.
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin lab
WORKDIR /lab
COPY inputs/ inputs/
COPY service/ service/

FROM base AS backend
COPY requirements/backend.txt requirements.txt
RUN pip install --require-hashes --no-compile -r requirements.txt
COPY backend/ backend/
USER lab
EXPOSE 8001
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --start-interval=500ms \
  CMD ["python", "-m", "service.probe", "http://127.0.0.1:8001/health"]
ENTRYPOINT ["python", "-m", "backend"]

FROM base AS client
COPY requirements/client.txt requirements.txt
RUN pip install --require-hashes --no-compile -r requirements.txt
COPY client/ client/
USER lab
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --start-interval=500ms \
  CMD ["python", "-m", "service.probe", "http://127.0.0.1:8000/health"]
ENTRYPOINT ["python", "-m", "client"]

FROM base AS loadtest
COPY requirements/lab.txt requirements.txt
RUN pip install --require-hashes --no-compile -r requirements.txt \
 && find /usr/local/lib -type d -name tests -path '*-packages/*' -prune -exec rm -rf {} +
COPY backend/ backend/
COPY client/ client/
COPY virtual_clock/ virtual_clock/
COPY loadtest/ loadtest/
# --version reads the version from this file.
COPY pyproject.toml .
# The git revision for the manifests of runs, since the image has no git. Empty: unknown.
ARG REVISION=
RUN printf '%s' "$REVISION" > REVISION
ENV MPLCONFIGDIR=/tmp LOADTEST_OUT=/lab/results LOADTEST_UI_HOST=0.0.0.0
USER lab
EXPOSE 8089
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=500ms \
  CMD ["python", "-m", "service.probe", "http://127.0.0.1:8089/"]
# The host's user and the container share the results, so umask 0 lets both change them.
ENTRYPOINT ["sh", "-c", "umask 0; exec python -m loadtest \"$@\"", "loadtest"]
CMD ["ui"]
