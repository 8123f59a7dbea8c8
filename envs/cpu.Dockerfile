# visagraph without a GPU. From the project's folder:
#     docker build -f envs/cpu.Dockerfile -t visagraph .
#     docker run --rm --user "$(id -u)" -v "$PWD/my_photos:/photos:ro" -v "$PWD/out:/out" visagraph \
#         --cores 8 --config photos=/photos results=/out
# Not built by us yet: there was no container engine at hand. Tell us what does not work.

FROM python:3.12-slim-bookworm

# pip's words for PyTorch; the plain ones bring CUDA along, several GB that nothing here uses. Your
# index of CPU builds makes it small: --build-arg TORCH="torch==2.13.0 --index-url ..."
ARG TORCH="torch==2.13.0"

# rclone is for runs on Kubernetes, with photos and results in a bucket.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates make rclone \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/visagraph
COPY . .
# The only step that needs a network: packages, and the landmark networks that a run uses.
RUN make setup TORCH="${TORCH}" \
    && mkdir -p .snakemake results \
    && chmod -R a+rwX .snakemake results resources

# Whoever the container runs as can write what is compiled and cached.
ENV NUMBA_CACHE_DIR=/tmp/numba XDG_CACHE_HOME=/tmp/cache HOME=/tmp
# For workflow/profiles/kubernetes, whose run.sh is started in place of the entry point.
ENV PATH=/opt/visagraph/.venv/bin:$PATH
ENTRYPOINT ["/opt/visagraph/.venv/bin/snakemake"]
CMD ["--help"]
