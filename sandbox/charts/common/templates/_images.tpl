{{/*
The full name of an image: [REGISTRY/]REPOSITORY:TAG, or @DIGEST. global.imageRegistry goes over the image's own.
Takes a dict of imageRoot and global.
*/}}
{{- define "common.images.image" -}}
{{- $image := .imageRoot -}}
{{- $registry := $image.registry -}}
{{- with .global -}}
{{- $registry = default $registry .imageRegistry -}}
{{- end -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (not (empty $registry)) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (toString $image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
The section imagePullSecrets of a pod, from the global secrets and from those of its images; nothing without any.
Takes a dict of images (a list) and global.
*/}}
{{- define "common.images.pullSecrets" -}}
{{- $names := list -}}
{{- with .global -}}
{{- range .imagePullSecrets -}}
{{- $names = append $names (kindIs "map" . | ternary (get . "name") .) -}}
{{- end -}}
{{- end -}}
{{- range .images -}}
{{- range .pullSecrets -}}
{{- $names = append $names (kindIs "map" . | ternary (get . "name") .) -}}
{{- end -}}
{{- end -}}
{{- with uniq $names }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
