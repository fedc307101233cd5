# The service as an image. compose.yaml runs it; docs/operations.md (Containers) says what it needs.
# The Python that the tests run on.
FROM python:3.11-slim-bookworm AS packages
COPY requirements/base.txt /requirements.txt
RUN python -m venv /venv \
 && /venv/bin/python -m pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /requirements.txt \
 && /venv/bin/python -m pip check \
 && /venv/bin/python -m pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
RUN python -m pip uninstall --yes pip setuptools wheel \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tasks
COPY --from=packages /venv /venv
WORKDIR /srv/tasks-api
COPY manage.py ./
COPY docs/api.md docs/
COPY config config/
COPY tasks tasks/
# Compiled here, because the root of the container is read-only.
RUN /venv/bin/python -m compileall -q config tasks
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 BIND=0.0.0.0:8000 WEB_CONCURRENCY=0
# A number, so that Kubernetes sees that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "manage.py", "check_health"]
CMD ["gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
