{{- define "ringfence.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "ringfence.agent" -}}
{{- printf "%s-agent" (include "ringfence.name" .) -}}
{{- end -}}

{{- define "ringfence.selector" -}}
app.kubernetes.io/name: ringfence
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{- define "ringfence.labels" -}}
{{ include "ringfence.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "ringfence.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- /* The agent's settings: keys are those of docs/commands/agent.md. */ -}}
{{- define "ringfence.settings" -}}
podCidrs: {{ toJson .Values.podCidrs }}
{{- if .Values.serviceCidrs }}
serviceCidrs: {{ toJson .Values.serviceCidrs }}
{{- end }}
{{- if ne .Values.network "underlay" }}
network: {{ .Values.network }}
{{- end }}
services: {{ .Values.services }}
cniBinDir: /host/cni/bin
cniConfDir: /host/cni/net.d
{{- if .Values.cni.chain }}
cniChain: {{ toJson .Values.cni.chain }}
{{- end }}
{{- if .Values.cni.mtu }}
mtu: {{ .Values.cni.mtu | int }}
{{- end }}
listen: {{ include "ringfence.listen" . | quote }}
record: {{ .Values.record }}
{{- if include "ringfence.hostPods" . }}
hostCgroups: /host/cgroup
{{- end }}
log: json
{{- end -}}

{{- /* Whether agents tell pods in the network of their node by cgroups. Who takes ringfence away does not. */ -}}
{{- define "ringfence.hostPods" -}}
{{- if and .Values.guard.hostPods (not .Values.uninstall) -}}
true
{{- end -}}
{{- end -}}

{{- define "ringfence.listen" -}}
{{- if contains ":" .Values.listen.address -}}
{{- printf "[%s]:%d" .Values.listen.address (.Values.listen.port | int) -}}
{{- else -}}
{{- printf "%s:%d" .Values.listen.address (.Values.listen.port | int) -}}
{{- end -}}
{{- end -}}

{{- /* Kubelet asks at an address of the node itself. */ -}}
{{- define "ringfence.probe" -}}
httpGet:
  host: {{ get (dict "0.0.0.0" "127.0.0.1" "::" "::1") .Values.listen.address | default .Values.listen.address | quote }}
  port: {{ .Values.listen.port | int }}
{{- end -}}
