FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /src/
RUN pip install --require-hashes -r /src/requirements.txt
COPY . /src
RUN pip install --no-deps /src
RUN useradd --system --create-home --home-dir /app fixative && install --directory --owner fixative /records /metrics
WORKDIR /app
USER fixative
