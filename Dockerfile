# Images for each family of models: text, tabular, forecast, remote serve; train-text, … train-remote train.
#
#   docker build --target text -t nivesh/text:0.1.0 --build-arg VERSION=0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) .
#
# Those that serve hold what answers, and nothing that trains: no torch, no MLflow, no pipelines, no data, no model. A
# model's bundle comes from S3 when a pod starts.

FROM python:3.11-slim AS python
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1

# Packages are installed here and copied as one layer, so that pip, its leavings and the packages' own tests stay behind.
FROM python AS packages
RUN python -m venv --without-pip /opt/venv
COPY requirements/serving.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/serving.txt

FROM packages AS text-packages
COPY requirements/text.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/text.txt && find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM packages AS tabular-packages
COPY requirements/tabular.txt /tmp/
# xgboost-cpu is the same library without CUDA's, which are half a gigabyte.
RUN sed -i s/^xgboost/xgboost-cpu/ /tmp/tabular.txt && \
    pip --python /opt/venv install --no-cache-dir -r /tmp/tabular.txt && find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM packages AS forecast-packages
COPY requirements/forecast.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/forecast.txt && find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM packages AS remote-packages
COPY requirements/remote.txt /tmp/
# Of Google's package only aiplatform_v1 is used; its beta and its older Python interface are as large again.
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/remote.txt && find /opt/venv -type d -name tests -prune -exec rm -r {} + && \
    cd /opt/venv/lib/python3.11/site-packages && rm -r google/cloud/aiplatform_v1beta1 google/cloud/aiplatform vertexai

FROM python AS code
WORKDIR /app
COPY nivesh nivesh
COPY predictors predictors
# Compiled here: the root file system is read-only when it runs, and compiling at each start would cost a second.
RUN python -m compileall -q --invalidation-mode unchecked-hash .

FROM python AS serving
WORKDIR /app
# /tmp is the one place where a pod may write.
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["python", "-m", "predictors"]

# What changes seldom comes first: new code is a small layer on the packages, and labels are no layer at all.
FROM serving AS text
COPY --from=text-packages /opt/venv /opt/venv
COPY --from=code /app /app
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Nivesh text models" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT

FROM serving AS tabular
COPY --from=tabular-packages /opt/venv /opt/venv
COPY --from=code /app /app
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Nivesh tabular models" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT

FROM serving AS forecast
COPY --from=forecast-packages /opt/venv /opt/venv
COPY --from=code /app /app
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Nivesh forecast models" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT

FROM serving AS remote
COPY --from=remote-packages /opt/venv /opt/venv
COPY --from=code /app /app
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Nivesh remote models" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT

# --- training -------------------------------------------------------------------------------------------------------
# What all families share is one layer, which MLflow's server has too; a family adds its own packages to it. PyPI's torch
# brings CUDA's gigabytes: PIP_EXTRA_INDEX_URL may name an index with the build for CPUs.
FROM python AS training
ARG PIP_EXTRA_INDEX_URL
WORKDIR /app
COPY requirements/serving.txt requirements/training.txt /tmp/
RUN python -m venv --without-pip /opt/venv && \
    pip --python /opt/venv install --no-cache-dir -r /tmp/serving.txt -r /tmp/training.txt && \
    find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM training AS train-text-packages
COPY requirements/text.txt requirements/training-text.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/text.txt -r /tmp/training-text.txt

FROM training AS train-tabular-packages
COPY requirements/tabular.txt requirements/training-tabular.txt /tmp/
RUN sed -i s/^xgboost/xgboost-cpu/ /tmp/tabular.txt && \
    pip --python /opt/venv install --no-cache-dir -r /tmp/tabular.txt -r /tmp/training-tabular.txt

FROM training AS train-forecast-packages
COPY requirements/forecast.txt requirements/training-forecast.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/forecast.txt -r /tmp/training-forecast.txt

# Answers are compared by MiniLM.
FROM train-text-packages AS train-remote-packages
COPY requirements/remote.txt requirements/training-remote.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/remote.txt -r /tmp/training-remote.txt

FROM python AS training-code
WORKDIR /app
COPY nivesh nivesh
COPY data data
RUN python -m compileall -q --invalidation-mode unchecked-hash .

# A step's command comes from the pipeline. /tmp is where it works; KFP mounts /minio, /s3 and /gcs for its artifacts. One
# thread, as a step asks for less than a CPU: a thread for each of the node's wait for each other where the node is busy.
FROM train-text-packages AS train-text
COPY --from=training-code /app /app
ARG COMMIT=unknown
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh PYTHONPATH=/app OMP_NUM_THREADS=1 NIVESH_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true NIVESH_COMMIT=$COMMIT
USER 10001:10001

FROM train-tabular-packages AS train-tabular
COPY --from=training-code /app /app
ARG COMMIT=unknown
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh PYTHONPATH=/app OMP_NUM_THREADS=1 NIVESH_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true NIVESH_COMMIT=$COMMIT
USER 10001:10001

FROM train-forecast-packages AS train-forecast
COPY --from=training-code /app /app
ARG COMMIT=unknown
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh PYTHONPATH=/app OMP_NUM_THREADS=1 NIVESH_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true NIVESH_COMMIT=$COMMIT
USER 10001:10001

FROM train-remote-packages AS train-remote
COPY --from=training-code /app /app
ARG COMMIT=unknown
ENV HOME=/tmp NIVESH_HOME=/tmp/nivesh PYTHONPATH=/app OMP_NUM_THREADS=1 NIVESH_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true NIVESH_COMMIT=$COMMIT
USER 10001:10001

# --- for clusters without managed services --------------------------------------------------------------------------
FROM training AS mlflow
COPY requirements/tracking.txt /tmp/
RUN pip --python /opt/venv install --no-cache-dir -r /tmp/tracking.txt
ENV HOME=/tmp MLFLOW_DISABLE_TELEMETRY=true
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["mlflow", "server"]

# MLflow's tables in a test cluster; elsewhere use a managed database.
FROM debian:bookworm-slim AS mariadb
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends mariadb-server-core mariadb-client && rm -rf /var/lib/apt/lists/*
COPY --chmod=755 manifests/training/start-mariadb /usr/local/bin/start-mariadb
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["start-mariadb"]

# For a test cluster only; elsewhere a managed Redis holds the online features.
FROM debian:bookworm-slim AS redis
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["redis-server"]
