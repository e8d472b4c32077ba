# The lines of the build stage are also run, one by one, by .ci/image-steps, where no image can be built: each instruction
# stays on one line. tests/unit/test_dockerfile.py keeps its two installs equal to those of `make setup`.
FROM python:3.11-slim AS build
WORKDIR /app
COPY pyproject.toml requirements-server.lock README.md LICENSE ./
RUN python3 -m venv .venv
RUN .venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-server.lock
COPY inventory inventory
COPY clients clients
RUN .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation .
RUN .venv/bin/inventory --help

# docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -v inventory:/var/lib/inventory
#   -v ./cert.pem:/run/secrets/inventory_tls_cert:ro -v ./key.pem:/run/secrets/inventory_tls_key:ro -p 50051:50051 IMAGE
# Nothing but the volume and /tmp is written; the key must be readable for uid 10001. Metrics are on no port unless
# INVENTORY_METRICS names one, which has neither TLS nor credentials: keep it from the outside.
FROM python:3.11-slim
# PostgreSQL refuses to run for a user without a name.
RUN useradd --system --uid 10001 --home-dir /var/lib/inventory --create-home --shell /usr/sbin/nologin inventory
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 XDG_STATE_HOME=/var/lib INVENTORY_LISTEN=0.0.0.0:50051
# Where secrets are mounted; without them it does not start, as it listens to more than itself.
ENV INVENTORY_TLS_CERT=/run/secrets/inventory_tls_cert INVENTORY_TLS_KEY=/run/secrets/inventory_tls_key
USER 10001
VOLUME /var/lib/inventory
EXPOSE 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["inventory", "health"]
ENTRYPOINT ["inventory"]
CMD ["serve"]
