# Images for each family of models (text, tabular, forecast, remote), to serve and to train.
#
#   docker build --target serving --build-arg FAMILY=text -t nivesh/text:0.1.0 \
#     --build-arg VERSION=0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) .
#
# A serving image has no torch, no MLflow, no pipelines, no data and no model: a model's bundle is loaded from S3 when a pod
# starts. Packages are installed from requirements/locks, exact versions with hashes; `make lock` renews these.

FROM python:3.11-slim AS python
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1

# --- serving --------------------------------------------------------------------------------------------------------
# Packages are installed here and copied as one layer, which leaves out pip, its caches and the packages' own tests.
FROM python AS serving-packages
ARG FAMILY
COPY requirements/locks/serving-$FAMILY.txt /tmp/lock.txt
# Of Google's package (family "remote") only aiplatform_v1 is used; its beta and older Python interface are as large again.
RUN python -m venv --without-pip /opt/venv && \
    pip --python /opt/venv install --no-cache-dir --no-deps --require-hashes -r /tmp/lock.txt && \
    cd /opt/venv/lib/python3.11/site-packages && \
    rm -rf google/cloud/aiplatform_v1beta1 google/cloud/aiplatform vertexai && \
    find . -type d -name tests -prune -exec rm -r {} +

FROM python AS serving-code
WORKDIR /app
COPY nivesh nivesh
COPY predictors predictors
# Compiled here: the root file system is read-only at run time, and compiling at each start would cost a second.
RUN python -m compileall -q --invalidation-mode unchecked-hash .

# What changes seldom comes first: new code is a small layer on the packages.
FROM python AS serving
WORKDIR /app
# /tmp is the only folder that a pod may write to.
# A pod without a store of its own for predictions would fill its /tmp.
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh NIVESH_PREDICTION_STORE=off
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["python", "-m", "predictors"]
COPY --from=serving-packages /opt/venv /opt/venv
COPY --from=serving-code /app /app
ARG FAMILY
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Nivesh $FAMILY models" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT

# --- training -------------------------------------------------------------------------------------------------------
# What all families share is one layer, also of MLflow's server; a family's packages are a layer on it.
FROM python AS training-base
WORKDIR /app
COPY requirements/locks/training.txt /tmp/
RUN python -m venv --without-pip /opt/venv && \
    pip --python /opt/venv install --no-cache-dir --no-deps --require-hashes -r /tmp/training.txt && \
    find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM python AS training-code
WORKDIR /app
COPY nivesh nivesh
COPY data data
RUN python -m compileall -q --invalidation-mode unchecked-hash .

# torch is in no lock, as its builds differ: PyPI's brings CUDA's gigabytes, and PIP_EXTRA_INDEX_URL may name an index with
# the build for CPUs. It is installed last, so that what the lock has of its dependencies stays.
FROM training-base AS training
ARG FAMILY
ARG PIP_EXTRA_INDEX_URL
COPY requirements/locks/training-$FAMILY.txt requirements/training-text.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir --no-deps --require-hashes -r /tmp/training-$FAMILY.txt && \
    if grep -q '^# torch' /tmp/training-$FAMILY.txt; then \
      pip --python /opt/venv install --no-cache-dir $(grep '^torch==' /tmp/training-text.txt); \
    fi
COPY --from=training-code /app /app
ARG COMMIT=unknown
# The command of a step comes from the pipeline. A step works in /tmp; KFP mounts /minio, /s3 and /gcs for its artifacts. One
# thread: a step requests less than a CPU, and with one thread per CPU of the node threads would wait for each other.
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh PYTHONPATH=/app OMP_NUM_THREADS=1 NIVESH_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true NIVESH_COMMIT=$COMMIT
USER 10001:10001

# --- for clusters without managed services --------------------------------------------------------------------------
FROM training-base AS mlflow
COPY requirements/locks/mlflow.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir --no-deps --require-hashes -r /tmp/mlflow.txt
# A named volume takes the owner of the folder that it is mounted on.
RUN install -d -o 10001 -g 10001 /mlflow
ENV HOME=/tmp MLFLOW_DISABLE_TELEMETRY=true
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["mlflow", "server"]

# The `nivesh` command with the models of all families but "remote": it serves, materialises and monitors, and has no torch.
FROM training-base AS platform
COPY requirements/locks/platform.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir --no-deps --require-hashes -r /tmp/platform.txt && \
    install -d -o 10001 -g 10001 /nivesh
COPY --from=training-code /app /app
COPY components components
COPY feature_repo feature_repo
COPY pipelines pipelines
COPY predictors predictors
RUN python -m compileall -q --invalidation-mode unchecked-hash .
ARG COMMIT=unknown
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh PYTHONPATH=/app MLFLOW_DISABLE_TELEMETRY=true NIVESH_COMMIT=$COMMIT
USER 10001:10001
ENTRYPOINT ["python", "-m", "nivesh.cli"]

# MLflow's database in a test cluster; elsewhere use a managed one.
FROM debian:bookworm-slim AS mariadb
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends mariadb-server-core mariadb-client && rm -rf /var/lib/apt/lists/*
COPY --chmod=755 manifests/training/start-mariadb /usr/local/bin/start-mariadb
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["start-mariadb"]

# The online features of a test cluster; elsewhere use a managed Redis.
FROM debian:bookworm-slim AS redis
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* && \
    install -d -o 10001 -g 10001 /data
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["redis-server"]
