# The one image of all Buildcast processes: `docker build -t buildcast .`; the command says which process it is.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/buildcast
# Versions are the lock's; test tools are left out, so the lock serves as constraints.
COPY requirements.lock pyproject.toml README.md ./
RUN grep -oE '^[A-Za-z0-9._-]+==[^ ;\\]+' requirements.lock > constraints.txt
COPY streams streams
COPY models models
COPY agents agents
COPY collectors collectors
COPY buildcast buildcast
RUN /opt/buildcast/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim-bookworm
# LightGBM's wheel asks the system for it.
RUN apt-get update -q && apt-get install -y -q --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 buildcast \
    && useradd --uid 10001 --gid buildcast --home-dir /var/lib/buildcast --create-home --shell /usr/sbin/nologin buildcast
COPY --from=build /opt/buildcast /opt/buildcast
ENV PATH=/opt/buildcast/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BUILDCAST_STATE=/var/lib/buildcast
USER 10001:10001
WORKDIR /var/lib/buildcast
VOLUME ["/var/lib/buildcast"]
EXPOSE 8640 9464 9465 9467
ENTRYPOINT ["buildcast"]
CMD ["--help"]
