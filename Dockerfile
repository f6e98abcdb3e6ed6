# docker build -t glow-explorer .
# docker run --rm --memory 2g --publish 127.0.0.1:8501:8501 glow-explorer
#
# docs/deploy.md says what to set behind a proxy. Nothing is downloaded once the image is built.
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --no-create-home explorer

WORKDIR /app

# The CPU's build of torch is a tenth of the size of the one with CUDA: --build-arg TORCH_INDEX= takes the latter.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY Makefile requirements.txt ./
RUN PIP_NO_CACHE_DIR=1 PIP_EXTRA_INDEX_URL=$TORCH_INDEX make .venv/installed

COPY . .
RUN .venv/bin/python -m compileall -q app.py glowcore explorer

USER explorer
EXPOSE 8501
ENV OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=1 STREAMLIT_SERVER_ALLOWED_HOSTS="localhost 127.0.0.1"
HEALTHCHECK --start-period=60s CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
CMD [".venv/bin/streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.headless=true"]
