FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /src/
RUN pip install --require-hashes -r /src/requirements.txt
COPY . /src
RUN pip install --no-deps /src
RUN groupadd --system --gid 999 fixative \
    && useradd --system --uid 999 --gid 999 --create-home --home-dir /app fixative \
    && install --directory --owner fixative --group fixative /records /metrics /scratch
WORKDIR /app
# A number: Kubernetes cannot tell whether a name is root's.
USER 999:999
