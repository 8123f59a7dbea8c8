# visagraph on NVIDIA GPUs, with nvdiffrast. From the project's folder:
#     docker build -f envs/cuda.Dockerfile -t visagraph:cuda .
#     docker run --rm --gpus all --user "$(id -u)" -v "$PWD/my_photos:/photos:ro" -v "$PWD/out:/out" \
#         visagraph:cuda --cores 8 --resources gpu=1 --config photos=/photos results=/out
# Not built by us yet: there was no container engine at hand. Tell us what does not work.
#
# nvdiffrast and psbody-mesh are for research and evaluation, not for commercial use: read their
# licences before you build or pass on this image.

# Must be of the CUDA that the build of PyTorch is for: python -c "import torch; print(torch.version.cuda)"
ARG CUDA=13.0.2
FROM nvidia/cuda:${CUDA}-devel-ubuntu24.04

ARG TORCH="torch==2.13.0"
# Of your GPUs; more make building slower.
ARG TORCH_CUDA_ARCH_LIST="8.0;8.6;8.9;9.0+PTX"
ARG NVDIFFRAST=v0.4.0
# 1 = build psbody-mesh too. It needs the CGAL that its repository carries, and its set-up asks for
# modules that Python 3.12 no longer has; without it, nearest points and rays are our own.
ARG PSBODY=0

# rclone is for runs on Kubernetes, with photos and results in a bucket.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        build-essential ca-certificates git libboost-dev make ninja-build python3-dev python3-venv \
        rclone \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/visagraph
COPY . .
RUN make setup PYTHON=python3 TORCH="${TORCH}" \
    && mkdir -p .snakemake results \
    && chmod -R a+rwX .snakemake results resources
RUN .venv/bin/pip install setuptools wheel ninja \
    && .venv/bin/pip install --no-build-isolation \
        "git+https://github.com/NVlabs/nvdiffrast@${NVDIFFRAST}"
RUN if [ "${PSBODY}" = 1 ]; then \
        git clone --depth 1 https://github.com/MPI-IS/mesh /tmp/mesh \
        && BOOST_INCLUDE_DIRS=/usr/include .venv/bin/pip install \
            --no-build-isolation --no-deps /tmp/mesh \
        && rm -rf /tmp/mesh; \
    fi

ENV NUMBA_CACHE_DIR=/tmp/numba XDG_CACHE_HOME=/tmp/cache HOME=/tmp
# For workflow/profiles/kubernetes, whose run.sh is started in place of the entry point.
ENV PATH=/opt/visagraph/.venv/bin:$PATH
ENTRYPOINT ["/opt/visagraph/.venv/bin/snakemake"]
CMD ["--help"]
