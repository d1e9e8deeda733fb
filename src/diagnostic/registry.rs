//! The registry: every code that Rust code can raise, in one table. Plugins bring further codes in their own folders.
//!
//! Each code has a page in `docs/diagnostics/`, which `fluxwright explain` prints and a test keeps complete.

use super::Severity::{self, Error, Warning};

/// A stable name for one kind of finding, with the severity it always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Kebab-case name; part of the public interface.
    pub name: &'static str,
    /// How bad findings of this code are.
    pub severity: Severity,
    /// One line for `fluxwright explain --list`.
    pub summary: &'static str,
}

macro_rules! codes {
    ($($ident:ident $name:literal $severity:ident $summary:literal)*) => {
        /// One constant for each code.
        #[allow(missing_docs)]
        pub mod codes {
            use super::*;
            $(pub const $ident: Code = Code { name: $name, severity: $severity, summary: $summary };)*
        }
        /// All codes in the order of the pipeline.
        pub const ALL: &[Code] = &[$(codes::$ident),*];
    };
}

codes! {
    // reading a file
    FILE_TOO_LARGE "file-too-large" Error "the file is larger than any intent can be"
    NOT_UTF8 "not-utf8" Error "the file is not UTF-8 text"
    BYTE_ORDER_MARK "byte-order-mark" Error "the file starts with a byte order mark"
    EMPTY_FILE "empty-file" Error "the file holds no YAML document"
    YAML_SYNTAX "yaml-syntax" Error "the file is not YAML"
    SEVERAL_DOCUMENTS "several-documents" Error "an intent file holds exactly one document"
    DUPLICATE_KEY "duplicate-key" Error "a mapping has the same key twice"
    NON_STRING_KEY "non-string-key" Error "a mapping key is not a string"
    NESTING_TOO_DEEP "nesting-too-deep" Error "the document is nested too deeply"
    ALIAS_EXPLOSION "alias-explosion" Error "aliases make the document too large"
    UNSUPPORTED_TAG "unsupported-tag" Error "a YAML tag has no meaning here"
    AMBIGUOUS_SCALAR "ambiguous-scalar" Error "YAML 1.1 and 1.2 readers take a value for different things"
    // the shape of the intent
    UNSUPPORTED_VERSION "unsupported-version" Error "apiVersion or kind is not an intent of this version"
    UNKNOWN_FIELD "unknown-field" Error "a field does not exist"
    MISSING_FIELD "missing-field" Error "a required field is missing"
    WRONG_TYPE "wrong-type" Error "a value has the wrong type"
    INVALID_VALUE "invalid-value" Error "a value is outside what its field allows"
    PLAINTEXT_CREDENTIAL "plaintext-credential" Error "a credential stands in the intent in plain text"
    EXTENDS_MISSING "extends-missing" Error "a base is not in the repository"
    EXTENDS_OUTSIDE "extends-outside" Error "a base lies outside of the repository"
    EXTENDS_CYCLE "extends-cycle" Error "a file extends itself"
    EXTENDS_NOT_INTENT "extends-not-intent" Error "a base is no intent"
    EXTENDS_LIMIT "extends-limit" Error "an intent has too many bases, or too long a chain of them"
    EXTENDS_UNAVAILABLE "extends-unavailable" Error "there are no files around the intent that it could extend"
    MERGE_DIRECTIVE_INVALID "merge-directive-invalid" Error "a `$patch` is no directive, or stands where it has no meaning"
    MERGE_WITHOUT_EFFECT "merge-without-effect" Error "a `$patch` changes nothing of what the bases say"
    FILE_REFERENCE_INVALID "file-reference-invalid" Error "a file reference is absolute or leaves the repository"
    CLUSTER_DUPLICATE "cluster-duplicate" Error "two intents describe the same cluster"
    INTENT_MISSING "intent-missing" Error "a directory holds a rendered tree, but no intent"
    CLUSTER_REMOVED "cluster-removed" Warning "a cluster that the compared revision has is gone"
    // platform
    UNIVERSE_REQUIRED "universe-required" Error "an offline cluster needs its Universe host"
    UNIVERSE_FORBIDDEN "universe-forbidden" Error "an online cluster has no Universe host"
    CA_FILE_MISSING "ca-file-missing" Warning "a CA file is not in the repository"
    CA_NOT_PEM "ca-not-pem" Error "a CA value is not PEM certificates"
    CA_PRIVATE_KEY "ca-private-key" Error "a CA value contains a private key"
    CA_CHOICE "ca-choice" Error "exactly one form of a CA must be given"
    // gitops
    RELEASE_MIRROR_AS_SOURCE "release-mirror-as-source" Error "the platform's release mirror cannot be the cluster's own repository"
    SOURCE_PATH_MISMATCH "source-path-mismatch" Error "spec.gitops.source.path is not where the intent lies"
    SOURCE_SECRET_REQUIRED "source-secret-required" Error "a repository over SSH needs a Secret with the key"
    PATCH_MODE_CONTESTED "patch-mode-contested" Warning "Flux itself may apply the Kustomizations that are patched"
    // ingress
    CONTROLLER_DUPLICATE "controller-duplicate" Error "two ingress controllers have one name"
    CONTROLLER_NAMES_UNKNOWN "controller-names-unknown" Error "the platform's object names for this ingress controller are not known"
    CONTROLLER_WORKLOAD_CHOICE "controller-workload-choice" Error "an ingress controller is a DaemonSet or a Deployment"
    // exposed ports
    CONTROLLER_REQUIRED "controller-required" Error "with several ingress controllers a port must name one"
    CONTROLLER_UNKNOWN "controller-unknown" Error "a port names an ingress controller that is not declared"
    PORT_DUPLICATE "port-duplicate" Error "a port is exposed twice on one controller"
    PORT_RESERVED "port-reserved" Error "ingress-nginx keeps this port for itself and ignores the entry"
    PORT_WEBHOOK "port-webhook" Error "the admission webhook of the controller listens on this port"
    PORT_ON_NODE "port-on-node" Error "a node process already listens on this port"
    PORT_IN_NODE_PORT_RANGE "port-in-node-port-range" Warning "the port lies in the NodePort range"
    PORT_SHARED_BY_CONTROLLERS "port-shared-by-controllers" Warning "two ingress controllers listen on one port of the node"
    MIXED_PROTOCOL_SERVICE "mixed-protocol-service" Warning "before Kubernetes 1.26 a load balancer may have one protocol only"
    PORT_MAY_BE_TAKEN "port-may-be-taken" Warning "a platform service may listen on this port"
    PROXY_PROTOCOL_UDP "proxy-protocol-udp" Error "PROXY protocol exists for TCP only"
    PORT_NAME_INVALID "port-name-invalid" Error "a Service port name is not a DNS label"
    CONTAINER_PORT_NAME_INVALID "container-port-name-invalid" Error "a host port name is not a container port name"
    PORT_NAME_TAKEN "port-name-taken" Error "the controller's Service already has a port of this name"
    PORT_NAME_DUPLICATE "port-name-duplicate" Error "two exposed ports have one name"
    SERVICE_NAME_STARTS_WITH_DIGIT "service-name-starts-with-digit" Warning "most Kubernetes versions refuse a Service name that starts with a digit"
    // proxy
    SECTION_UNSUPPORTED "section-unsupported" Error "the platform does not know a section of the intent"
    PROXY_SERVER_INVALID "proxy-server-invalid" Error "a proxy server is not an address of the form http(s)://host"
    PROXY_SERVER_PORT "proxy-server-port" Error "the port of a proxy belongs into its own field"
    NO_PROXY_COMMA "no-proxy-comma" Error "one noProxy entry per list item"
    NO_PROXY_INVALID "no-proxy-invalid" Error "a noProxy entry is neither an IP address, a CIDR nor a domain name"
    PROXY_CREDENTIALS_ONE_SIDED "proxy-credentials-one-sided" Warning "only one of the two proxies has credentials"
    VARIABLE_COLLISION "variable-collision" Error "two Secrets would define the same substitution variable"
    // registries
    REGISTRY_DUPLICATE "registry-duplicate" Error "two registries have one name"
    REGISTRY_HOST_INVALID "registry-host-invalid" Error "a registry host is not host[:port]"
    MIRROR_DUPLICATE "mirror-duplicate" Error "two registries mirror one upstream"
    DELIVERY_SETTINGS_MISSING "delivery-settings-missing" Error "the settings of the chosen delivery are missing"
    DELIVERY_SETTINGS_UNUSED "delivery-settings-unused" Error "settings belong to a delivery that is not chosen"
    DECRYPTION_REQUIRED "decryption-required" Error "SOPS delivery needs spec.gitops.decryption"
    PULL_SECRET_DUPLICATE "pull-secret-duplicate" Error "two registries deliver the same Secret"
    SERVICE_ACCOUNT_WITHOUT_SECRET "service-account-without-secret" Error "a service account lies in a namespace without the pull secret"
    REGISTRY_CA_UNKNOWN "registry-ca-unknown" Warning "no CA is given for a registry in a closed network"
    CA_TRUST_BUNDLE_REQUIRED "ca-trust-bundle-required" Error "nodes trust a registry's own CA only through caTrustBundle"
    SOPS_FILE_MISSING "sops-file-missing" Warning "the encrypted Secret is not in the repository yet"
    SOPS_FILE_MISMATCH "sops-file-mismatch" Error "the encrypted file is not the Secret that the intent describes"
    PLAINTEXT_SECRET "plaintext-secret" Error "a Secret stands in the repository in plain text"
    REGISTRY_FIELD_UNSUPPORTED "registry-field-unsupported" Error "a field belongs to another type of registry"
    REGISTRY_HOST_EXTERNAL "registry-host-external" Warning "pods should pull by the registry's name inside the cluster"
    GRANT_NAMESPACE_REQUIRED "grant-namespace-required" Error "a ServiceAccount in a pull grant needs its namespace"
    GRANT_NAMESPACE_FORBIDDEN "grant-namespace-forbidden" Error "users and groups in a pull grant have no namespace"
    GRANT_REDUNDANT "grant-redundant" Warning "a namespace can pull its own images without a grant"
    SERVICE_ACCOUNT_MANAGED "service-account-managed" Error "the platform writes the pull secrets of this service account"
    SECRET_NEEDS_MOUNT "secret-needs-mount" Warning "a Secret of the CSI driver exists only while a pod mounts it"
    REFLECTOR_SOURCE_UNKNOWN "reflector-source-unknown" Error "Reflector's source is not a namespace of the pull secret"
    // modules
    MODULE_DUPLICATE "module-duplicate" Error "a module is listed twice"
    MODULE_UNKNOWN "module-unknown" Error "no module of this name is in the catalog"
    BASE_MODULE_STATE "base-module-state" Error "a base module is always installed and can only be patched"
    MODULE_NOT_PATCHABLE "module-not-patchable" Error "a module is not owned by FluxCD; changes would be reverted"
    MODULE_OPTIONS_MISPLACED "module-options-misplaced" Error "options belong to another module"
    RELEASE_REQUIRED "release-required" Error "a module of the platform needs its release block"
    RELEASE_PATH_REQUIRED "release-path-required" Error "enabling a module needs its path in the release repository"
    RELEASE_SOURCE_REQUIRED "release-source-required" Error "enabling a module needs the platform's release source"
    RELEASE_NAME_SHARED "release-name-shared" Error "two modules name one Kustomization"
    RELEASE_FIELD_NOT_OURS "release-field-not-ours" Error "a field of an existing module's Kustomization belongs to the platform"
    VARIABLE_NAME_INVALID "variable-name-invalid" Error "a name is not a Flux substitution variable"
    MODULE_SELF_DEPENDENCY "module-self-dependency" Error "a module depends on itself"
    MODULE_NEEDS_NODES "module-needs-nodes" Error "a module needs more infra nodes"
    MODULE_CONFLICT "module-conflict" Error "two base modules exclude each other"
    HELM_REQUIRED "helm-required" Error "a module that is installed from a chart needs its helm block"
    DELIVERY_BLOCK_UNUSED "delivery-block-unused" Error "a module is not delivered the way that a block describes"
    CHART_SECRET_MISSING "chart-secret-missing" Warning "Flux has no credentials for the registry of a chart"
    HEALTH_CHECK_KIND "health-check-kind" Error "an object that finishes and goes cannot be a health check"
    MODULE_OPTIONS_HANDED_OVER "module-options-handed-over" Warning "how the platform's release takes the options of a module is not known"
    // patches
    PATCH_BODY "patch-body" Error "a patch has exactly one of json6902 and strategicMerge"
    PATCH_KUSTOMIZATION_UNKNOWN "patch-kustomization-unknown" Error "a patch names no Kustomization of the platform"
    PATCH_STRATEGIC_MERGE_INCOMPLETE "patch-strategic-merge-incomplete" Error "a strategic merge patch names its object"
    JSON_PATCH_OPERATION "json-patch-operation" Error "an operation does not exist in JSON6902"
    JSON_PATCH_PATH "json-patch-path" Error "a JSON6902 path starts with a slash"
    JSON_PATCH_VALUE "json-patch-value" Error "an operation lacks its value or from"
    // proofs
    PATCH_TARGET_MISSING "patch-target-missing" Error "a patch matches no object, so it would silently do nothing"
    PATCH_TARGET_AMBIGUOUS "patch-target-ambiguous" Error "a patch matches several objects"
    PATCH_PATH_MISSING "patch-path-missing" Error "a patch touches a path that does not exist in its object"
    PATCH_CONTAINER_UNKNOWN "patch-container-unknown" Error "a patch would silently add a container"
    PATCH_PORT_EXISTS "patch-port-exists" Error "a patch adds a port that the object already has"
    PATCH_TEST_FAILED "patch-test-failed" Error "a test operation of a patch does not hold"
    PATCH_INVALID "patch-invalid" Error "a patch cannot be applied to its object"
    PATCH_WITHOUT_EFFECT "patch-without-effect" Warning "a patch changes nothing in its object"
    PATCH_UNPROVEN "patch-unproven" Warning "there is no base to prove a patch on"
    BASE_UNKNOWN "base-unknown" Error "--base names a Flux source that no patch uses"
    BASE_INVALID "base-invalid" Error "a base cannot be built"
    OBJECT_WRITTEN_TWICE "object-written-twice" Error "two Kustomizations write one object"
    OBJECT_IN_BASE "object-in-base" Warning "the platform's own Kustomization deploys an object that this tree writes"
    VARIABLE_UNDECLARED "variable-undeclared" Error "a rendered text uses a variable that Flux would not know"
    DEPENDENCY_CYCLE "dependency-cycle" Error "Kustomizations wait for each other"
    DEPENDENCY_UNKNOWN "dependency-unknown" Error "a Kustomization waits for one that is not there"
    // any Flux repository
    BUILD_FAILED "build-failed" Error "kustomize cannot build a directory"
    BUILD_UNSUPPORTED "build-unsupported" Warning "a directory uses what fluxwright cannot build, and is not checked"
    PATH_MISSING "path-missing" Error "a path leads to no file or directory of the repository"
    KUSTOMIZATION_INVALID "kustomization-invalid" Error "a field of a Flux Kustomization cannot be used"
    OBJECT_DUPLICATE "object-duplicate" Error "one Kustomization holds an object twice"
    SELECTS_NOTHING "selects-nothing" Warning "an entry of a kustomization selects nothing, so it does nothing"
    KEY_OVERRIDDEN "key-overridden" Warning "a kustomization file has a key twice, and the last one wins"
    REFERENCE_MISSING "reference-missing" Warning "an object refers to one that is nowhere in the repository"
    SUBSTITUTION_FAILED "substitution-failed" Error "Flux cannot substitute the variables of an object"
    VARIABLE_UNSET "variable-unset" Warning "a variable that nothing sets becomes an empty text"
    DECRYPTION_MISSING "decryption-missing" Error "an encrypted Secret lies in a Kustomization that does not decrypt"
    // the repository
    HAND_EDITED_FILE "hand-edited-file" Error "a generated file was changed by hand"
    FOREIGN_FILE "foreign-file" Error "a file that is not ours stands where we want to write"
    KEPT_FILE "kept-file" Warning "a generated file stays as it was changed by hand"
    INVENTORY_CONFLICT "inventory-conflict" Warning "a merge left the inventory with marks of a conflict, or files in it twice"
    PATH_CASE_CLASH "path-case-clash" Error "two paths are one file where case or the form of letters does not count"
    PATH_IN_SUBMODULE "path-in-submodule" Error "the tree of the cluster leads into a submodule or another repository"
    FILE_LEFT_OUT "file-left-out" Error "a file that has to change is not checked out"
    ROOT_RENAMED "root-renamed" Error "another name or namespace of the root would make Flux delete what it deployed"
    KUSTOMIZATION_HANDED_BACK "kustomization-handed-back" Error "a Kustomization that only this tree writes cannot become a partial one"
    MODULE_PRUNED "module-pruned" Warning "Flux will delete a module that this tree had enabled"
    OBJECT_LEFT_BEHIND "object-left-behind" Warning "an object stays in the cluster when the intent drops it"
    PLUGIN_INVALID "plugin-invalid" Error "a plugin or platform folder is not valid"
    // functions of kustomize and kpt
    RESOURCE_LIST_INVALID "resource-list-invalid" Error "the input of the function is not a ResourceList"
    FUNCTION_INVALID "function-invalid" Error "an annotation that says what the function does cannot be used"
    FUNCTION_UNSET "function-unset" Warning "nothing says what the function should do"
    ITEM_MISSING "item-missing" Warning "a patch finds no object among the items of the function"
    ITEM_IN_THE_WAY "item-in-the-way" Error "a generated object is among the items already, in another file or twice"
}
