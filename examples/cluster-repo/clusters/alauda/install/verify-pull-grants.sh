#!/bin/sh
# Asks the API server whether every pull grant of cluster alauda holds. Needs kubectl, and a kubeconfig that may
# impersonate. Exit code: 0 when all hold, else 1.
failed=0

# can_pull <resource> <namespace of the images> <whom to ask as...>
can_pull() {
  resource=$1 namespace=$2
  shift 2
  if kubectl auth can-i get "$resource" --namespace "$namespace" "$@" >/dev/null; then
    echo "ok      $namespace $*"
  else
    echo "MISSING $namespace $*"
    failed=1
  fi
}

can_pull images.registry.alauda.io shared-ns '--as=system:serviceaccount:my-ns:default'
can_pull images.registry.alauda.io shared-ns '--as=system:serviceaccount:shop:app'
can_pull images.registry.alauda.io shared-ns '--as=alice@corp.example'
exit "$failed"
