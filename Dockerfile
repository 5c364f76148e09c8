# The bridge in one image; EXTRAS="bridge edge vision" adds what the box's processes need, for development. A box in
# service runs under systemd on the metal (docs/install.md): a container between the interlock and its serial line adds
# only ways to fail.
#   docker build -t hotbox-bridge .
#   docker run --init --network host -v hotbox-bridge:/var/lib/hotbox-bridge hotbox-bridge
# Pages for other machines need a certificate, boxes in a network a broker with access control:
#   docker run --init -p 8460:8460 -v hotbox-bridge:/var/lib/hotbox-bridge -v /etc/hotbox-bridge:/etc/hotbox-bridge:ro \
#     hotbox-bridge hotbox-bridge serve --host 0.0.0.0 --broker mqtts://HOST:8883 \
#     --tls-cert /etc/hotbox-bridge/tls.crt --tls-key /etc/hotbox-bridge/tls.key
FROM debian:bookworm-slim AS python
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log

FROM python AS build
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /opt/hotbox
COPY requirements/ requirements/
ARG EXTRAS=bridge
# The installer is a virtual environment of its own: neither pip nor setuptools is part of the image.
RUN python3 -m venv /installer && python3 -m venv --without-pip .venv \
 && sed -n '/^setuptools==/,/[^\\]$/p' requirements/dev.txt > /setuptools.txt \
 && /installer/bin/pip --python .venv/bin/python install -q --only-binary :all: --require-hashes -r /setuptools.txt \
      $(printf -- '-r requirements/%s.txt ' $EXTRAS)
COPY pyproject.toml README.md ./
COPY contracts/ contracts/
COPY faces/ faces/
COPY edge/ edge/
COPY cloud_bridge/ cloud_bridge/
COPY firmware_sim/ firmware_sim/
COPY configs/ configs/
RUN /installer/bin/pip --python .venv/bin/python install -q --no-deps --no-build-isolation -e . \
 && /installer/bin/pip --python .venv/bin/python uninstall -q -y setuptools \
 && rm -rf ./*.egg-info \
 && .venv/bin/python -m compileall -q contracts faces edge cloud_bridge firmware_sim

FROM python
# A number of its own, so that a volume's files keep their owner from image to image.
RUN useradd --system --uid 460 --user-group --home-dir /var/lib/hotbox-bridge --shell /usr/sbin/nologin hotbox-bridge \
 && install -d -m 0700 -o hotbox-bridge -g hotbox-bridge /var/lib/hotbox-bridge
COPY --from=build /opt/hotbox /opt/hotbox
ENV PATH=/opt/hotbox/.venv/bin:$PATH PYTHONUNBUFFERED=1 HOTBOX_BRIDGE_DATA=/var/lib/hotbox-bridge
USER hotbox-bridge
WORKDIR /var/lib/hotbox-bridge
VOLUME /var/lib/hotbox-bridge
EXPOSE 8460
# Asks where the running bridge says it is, so that it holds for any port, with and without a certificate.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python3", "-c", "\
import json, os, pathlib, ssl, urllib.request as web; \
url = json.loads(pathlib.Path(os.environ['HOTBOX_BRIDGE_DATA'], 'bridge.json').read_text())['url']; \
ask = web.Request(url.replace('0.0.0.0', '127.0.0.1') + '/healthz', headers={'Host': 'localhost'}); \
web.urlopen(ask, timeout=4, context=ssl._create_unverified_context())"]
CMD ["hotbox-bridge", "serve"]
