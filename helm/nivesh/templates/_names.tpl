{{/* Labels of every object. */}}
{{- define "nivesh.labels" -}}
app.kubernetes.io/part-of: nivesh
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Where generated passwords and volumes outlive the release. */}}
{{- define "nivesh.keep" -}}
{{- if .Values.keepData }}
annotations: {helm.sh/resource-policy: keep}
{{- end }}
{{- end }}

{{/* An image by its name; a digest counts more than the tag. (dict "root" $ "name" "redis") */}}
{{- define "nivesh.image" -}}
{{- $images := .root.Values.images -}}
{{- $name := printf "nivesh/%s" .name -}}
{{- if $images.registry }}{{ $name = printf "%s/%s" $images.registry $name }}{{ end -}}
{{- if hasKey $images.digests .name -}}
{{ $name }}@{{ get $images.digests .name }}
{{- else -}}
{{ $name }}:{{ default .root.Chart.AppVersion $images.tag }}
{{- end -}}
{{- end }}

{{/* A password: the given one, else the one that a Secret of the cluster holds, else a new one.
(dict "given" "" "namespace" "nivesh" "secret" "nivesh-redis" "key" "password") */}}
{{- define "nivesh.password" -}}
{{- $found := (lookup "v1" "Secret" .namespace .secret).data -}}
{{- if .given -}}
{{ .given }}
{{- else if hasKey (default dict $found) .key -}}
{{ get $found .key | b64dec }}
{{- else -}}
{{ randAlphaNum 32 }}
{{- end -}}
{{- end }}

{{/* Names of the Secrets: the chart's or yours. */}}
{{- define "nivesh.secret.s3" -}}{{ default "nivesh-s3" .Values.s3.existingSecret }}{{- end }}
{{- define "nivesh.secret.redis" -}}{{ default "nivesh-redis" .Values.redis.existingSecret }}{{- end }}
{{- define "nivesh.secret.mlflow" -}}{{ default "nivesh-mlflow" .Values.mlflow.existingSecret }}{{- end }}
{{- define "nivesh.secret.database" -}}{{ default "nivesh-mlflow-database" .Values.mlflow.database.existingSecret }}{{- end }}
{{- define "nivesh.secret.apiKeys" -}}{{ default "nivesh-api-keys" .Values.gateway.apiKeys.existingSecret }}{{- end }}

{{/* The Secret with the keys of whoever writes to S3, "" where the pods have a role of the cloud. */}}
{{- define "nivesh.secret.writer" -}}
{{- with .Values.s3 -}}
{{- if .writer.existingSecret }}{{ .writer.existingSecret }}
{{- else if .writer.accessKey }}nivesh-s3-writer
{{- else if or .accessKey .existingSecret }}{{ include "nivesh.secret.s3" $ }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The address of S3 as AWS_ENDPOINT_URL, "" for Amazon's own. */}}
{{- define "nivesh.s3.url" -}}
{{- with .Values.s3 }}{{ if .endpoint }}{{ ternary "https" "http" .https }}://{{ .endpoint }}{{ end }}{{ end -}}
{{- end }}

{{/* Environment of boto3 where it writes: address and keys of S3. */}}
{{- define "nivesh.s3.env" -}}
- {name: AWS_REGION, value: {{ .Values.s3.region | quote }}}
{{- with include "nivesh.s3.url" . }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- $secret := include "nivesh.secret.writer" . }}
{{- if $secret }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ . }}}}
{{- end }}
{{- end }}
{{- end }}

{{/* Environment of whoever asks MLflow, as a user. (dict "root" $ "user" "pipelines") */}}
{{- define "nivesh.mlflow.env" -}}
- {name: MLFLOW_TRACKING_URI, value: "http://mlflow.{{ .root.Release.Namespace }}:5000"}
- {name: MLFLOW_TRACKING_USERNAME, value: {{ .user }}}
- name: MLFLOW_TRACKING_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "nivesh.secret.mlflow" .root }}, key: {{ .user }}-password}}
{{- end }}

{{/* Pod Security "restricted", and no token of the API server. */}}
{{- define "nivesh.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.images.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "nivesh.container" -}}
imagePullPolicy: {{ .Values.images.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* A volume that keeps data. (dict "root" $ "name" "redis" "persistence" .persistence) */}}
{{- define "nivesh.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{ include "nivesh.labels" .root | nindent 4 }}
  {{- include "nivesh.keep" .root | nindent 2 }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .persistence.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources: {requests: {storage: {{ .persistence.size }}}}
{{- end }}
