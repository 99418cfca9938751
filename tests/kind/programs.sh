#!/bin/sh
# Stands in for kubectl, helm, docker, kind, curl and python: notes every call in $LOG, and answers as a cluster would in which
# all is there ($FOUND=yes) or nothing is ($FOUND=no).
set -eu
name=$(basename "$0")
echo "$name $*" >>"$LOG"
case "$name $*" in
*"port-forward"*) echo "Forwarding from 127.0.0.1:40001 -> 6379"; exec sleep 60 ;;
*"get configmap inferenceservice-config"*) echo "{\"defaultDeploymentMode\": \"${MODE:-Standard}\"}" ;;
*"get secret"*) printf c2VjcmV0 ;; # base64 of "secret"
*"get inferenceservice"*) printf '%s' "${PROMOTED:-}" ;;
"kubectl get --raw /version") echo '  "gitVersion": "v1.34.0",' ;;
*"get configmap nivesh-images"* | *"get --raw"* | *"config view"*) ;;
"kubectl kustomize"*) printf 'image: nivesh/text:dev\nstorageUri: s3://models/credit_risk/1.0.0\n' ;;
"helm template"*) printf 'image: "nivesh/redis:dev"\nimage: nivesh/train-mlflow:dev\nimage: nivesh/train-mlflow:dev\n' ;;
"kubectl create"*) echo "kind: ConfigMap" ;;
"kubectl get"* | "kubectl -n "*" get"*) [ "$FOUND" = yes ] || exit 1 ;;
"kubectl apply -f -") sed 's/^/stdin: /' >>"$LOG" ;;
"curl "*"/dev/null"*"%{http_code}"*) printf 401 ;;
"curl "*"%{http_code}"*)
  while [ $# -gt 1 ]; do
    case $1 in -o) echo '{"intent": "affordability_check"}' >"$2" ;; -D) echo "X-Model-Version: 1.0.0" >"$2" ;; esac
    shift
  done
  printf '%s' "${STATUS:-200}" ;;
"python -m nivesh.cli train "*) mkdir -p "$NIVESH_HOME/bundles/$4/1.0.0" ;;
"python -m nivesh.cli publish "*) echo "$NIVESH_BUNDLE_STORE/$4/1.0.0" ;;
"python -c "*"import json"*) printf '/predict/x\n{}\n' ;;
"python - "*) cat >/dev/null ;;
esac
