# One file, three images. Each target installs only what its service needs.
# The tag names a minor version: a build takes its newest patch. `make digests` pins one build of it, see docs/security.md.
ARG PYTHON=3.13
ARG PYTHON_IMAGE=python:${PYTHON}-slim

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin lab
# The file system is read-only at run time, so what is not compiled here would be compiled at each start, and at each health
# check beside what is measured. The mode makes the same files each time.
ENV COMPILE="python -m compileall -q --invalidation-mode unchecked-hash"
RUN $COMPILE -x "/(site-packages|test|idlelib)/" "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
WORKDIR /lab
COPY inputs/ inputs/
COPY service/ service/

FROM base AS backend
COPY requirements/backend.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt
COPY backend/ backend/
RUN $COMPILE .
USER lab
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=10s --retries=6 --start-period=120s --start-interval=1s \
  CMD ["python", "-m", "service.probe", "http://127.0.0.1:8001/health"]
ENTRYPOINT ["python", "-m", "backend"]

FROM base AS client
COPY requirements/client.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt
COPY client/ client/
RUN $COMPILE .
USER lab
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --retries=6 --start-period=120s --start-interval=1s \
  CMD ["python", "-m", "service.probe", "http://127.0.0.1:8000/health"]
ENTRYPOINT ["python", "-m", "client"]

# The git revision for the manifests of runs, since the image has no git. It is read from the files of git in the context of the
# build, unless it is given.
FROM base AS revision
ARG REVISION=
RUN --mount=type=bind,target=/context python /context/supply/revision.py /context "$REVISION" > /revision

FROM base AS loadtest
COPY requirements/lab.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt \
 && find /usr/local/lib -type d -name tests -path '*-packages/*' -prune -exec rm -rf {} +
# A second Python, which may change the rights of files of others: CAP_FOWNER, 1 << 3. It is of use only to the service `results`
# in docker-compose.yml; all other containers lack the capability, and cannot run it.
RUN cp "$(readlink -f "$(command -v python)")" /usr/local/bin/python-fowner \
 && python -c 'import os, struct; os.setxattr("/usr/local/bin/python-fowner", "security.capability", struct.pack("<5I", 0x02000001, 1 << 3, 0, 0, 0))'
COPY backend/ backend/
COPY client/ client/
COPY virtual_clock/ virtual_clock/
COPY loadtest/ loadtest/
# --version reads the version from this file.
COPY pyproject.toml .
RUN $COMPILE .
COPY --from=revision /revision REVISION
# Folders are named as the host names them, from the folder of docker-compose.yml.
ENV MPLCONFIGDIR=/tmp HOME=/tmp LOADTEST_OUT=results LOADTEST_UI_HOST=0.0.0.0
USER lab
EXPOSE 8089
HEALTHCHECK --interval=10s --timeout=10s --retries=6 --start-period=120s --start-interval=1s \
  CMD ["python", "-m", "service.probe", "http://127.0.0.1:8089/"]
# Where the results are another user's, and have no access list, both can use what is written only if everybody can.
ENTRYPOINT ["sh", "-c", "[ -O results ] || umask 0; exec python -m loadtest \"$@\"", "loadtest"]
CMD ["ui"]
