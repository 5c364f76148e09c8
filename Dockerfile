# The bridge, or a box for development, in one image. A box in service runs under systemd on the metal: a container
# between the interlock and its serial line adds only ways to fail.
#   docker build --build-arg EXTRA=bridge -t hotbox-bridge .
FROM python:3.11-slim-bookworm

ARG EXTRA=bridge
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

RUN useradd --system --create-home --home-dir /var/lib/hotbox-bridge hotbox
WORKDIR /opt/hotbox
COPY requirements/ requirements/
RUN pip install --only-binary :all: --require-hashes -r requirements/${EXTRA}.txt
COPY pyproject.toml README.md ./
COPY contracts/ contracts/
COPY edge/ edge/
COPY cloud_bridge/ cloud_bridge/
COPY firmware_sim/ firmware_sim/
COPY configs/ configs/
RUN pip install "setuptools>=77" && pip install --no-deps --no-build-isolation -e .

USER hotbox
ENV HOTBOX_BRIDGE_DATA=/var/lib/hotbox-bridge
VOLUME /var/lib/hotbox-bridge
EXPOSE 8460
CMD ["hotbox-bridge", "serve", "--port", "8460"]
