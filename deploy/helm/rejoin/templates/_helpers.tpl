{{/* Names, labels and what several files need. */}}

{{- define "rejoin.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What chooses the pods of a component: (list . "signal"). Pods have these labels alone: with a version among them every new chart would restart Valkey and coturn. */}}
{{- define "rejoin.chosen" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "rejoin.labels" -}}
{{ include "rejoin.chosen" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "rejoin.metadata" -}}
name: {{ include "rejoin.name" (index . 0) }}-{{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels:
  {{- include "rejoin.labels" . | nindent 2 }}
{{- end -}}

{{/* An image: (list . .Values.image). */}}
{{- define "rejoin.image" -}}
{{- $i := index . 1 -}}
{{- if $i.digest -}}{{ $i.repository }}@{{ $i.digest }}{{- else -}}{{ $i.repository }}:{{ $i.tag | default (index . 0).Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "rejoin.valkeyPasswordSecret" -}}{{ .Values.valkey.passwordSecret | default (printf "%s-valkey" (include "rejoin.name" .)) }}{{- end -}}
{{- define "rejoin.valkeyTLSSecret" -}}{{ .Values.valkey.tlsSecret | default (printf "%s-valkey-tls" (include "rejoin.name" .)) }}{{- end -}}
{{- define "rejoin.valkeyHost" -}}{{ include "rejoin.name" . }}-valkey.{{ .Release.Namespace }}.svc{{- end -}}

{{/* Secret that has the certificate of Redis' authority, empty for a public one. */}}
{{- define "rejoin.caSecret" -}}
{{- if .Values.valkey.enabled -}}{{ include "rejoin.valkeyTLSSecret" . }}{{- else -}}{{ .Values.redis.caSecret }}{{- end -}}
{{- end -}}

{{/* Whether clients are told of any ICE server: "true" or nothing. */}}
{{- define "rejoin.ice" -}}
{{- if or .Values.coturn.enabled .Values.turn.urls .Values.turn.stunUrls -}}true{{- end -}}
{{- end -}}

{{- define "rejoin.turn" -}}
{{- if or .Values.coturn.enabled .Values.turn.urls -}}true{{- end -}}
{{- end -}}

{{- define "rejoin.turnSecret" -}}{{ .Values.turn.secret | default (printf "%s-turn" (include "rejoin.name" .)) }}{{- end -}}

{{/* Of credentials that live long, for wallets' profiles: coturn alone has it. */}}
{{- define "rejoin.walletSecret" -}}{{ .Values.coturn.walletSecret | default (printf "%s-wallet" (include "rejoin.name" .)) }}{{- end -}}

{{/* The environment that signal and iceservers share. The secret of TURN is a file. */}}
{{- define "rejoin.turnEnv" -}}
{{- $turn := .Values.turn.urls -}}
{{- $stun := .Values.turn.stunUrls -}}
{{- if .Values.coturn.enabled -}}
{{- $at := printf "%s:3478" .Values.coturn.publicAddress -}}
{{- $turn = list (printf "turn:%s?transport=udp" $at) (printf "turn:%s?transport=tcp" $at) -}}
{{- $stun = list (printf "stun:%s" $at) -}}
{{- end -}}
{{- with $turn }}
- {name: TURN_URLS, value: {{ join "," . | quote }}}
- {name: TURN_SECRET_FILE, value: /run/rejoin/turn}
- {name: TURN_TTL, value: {{ $.Values.turn.ttl | quote }}}
{{- end }}
{{- with $stun }}
- {name: STUN_URLS, value: {{ join "," . | quote }}}
{{- end }}
{{- end -}}

{{- define "rejoin.turnVolume" -}}
- name: turn
  secret:
    secretName: {{ include "rejoin.turnSecret" . }}
    items: [{key: secret, path: turn}]
{{- end -}}

{{/* No rights and no writable root; of coturn only the numbers differ. */}}
{{- define "rejoin.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "rejoin.nobody" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* What a Secret holds already, or a new random word: (list . <Secret> <key> <length>). Without a cluster, as for `helm template`, it is always new. */}}
{{- define "rejoin.kept" -}}
{{- $old := lookup "v1" "Secret" (index . 0).Release.Namespace (index . 1) -}}
{{- if and $old (hasKey ($old.data | default dict) (index . 2)) -}}
{{- index $old.data (index . 2) -}}
{{- else -}}
{{- randAlphaNum (index . 3) | b64enc -}}
{{- end -}}
{{- end -}}
