//! The HTTP proxy of the cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::items::Items;

/// The HTTP proxy of the cluster.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proxy {
    /// Proxy for plain HTTP.
    pub http: ProxyServer,
    /// Proxy for HTTPS.
    pub https: ProxyServer,
    /// What is reached without the proxy: IP addresses, CIDRs and domain names (`.corp.example` covers subdomains).
    #[serde(default)]
    pub no_proxy: Items<String>,
    /// Certificates of a proxy that inspects TLS.
    #[serde(rename = "trustedCA")]
    pub trusted_ca: Option<TrustedCa>,
}

/// One proxy server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyServer {
    /// Address without port and without credentials, as in `http://172.31.100.100`.
    pub server: String,
    /// Port of the proxy.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u32>,
    /// Secret in the GitOps namespace with user and password; Flux substitutes them, they never stand in the repository.
    pub credentials_ref: Option<CredentialsRef>,
}

/// A Secret whose keys Flux substitutes as variables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialsRef {
    /// Name of the Secret.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub name: String,
    /// Key with the user name; also the name of the variable.
    #[serde(default = "username_key")]
    #[schemars(regex(pattern = r"^[_A-Za-z][_A-Za-z0-9]*$"))]
    pub username_key: String,
    /// Key with the password; also the name of the variable.
    #[serde(default = "password_key")]
    #[schemars(regex(pattern = r"^[_A-Za-z][_A-Za-z0-9]*$"))]
    pub password_key: String,
}

fn username_key() -> String {
    "proxy_username".into()
}

fn password_key() -> String {
    "proxy_password".into()
}

/// Certificates of the proxy: exactly one of `file` and `base64`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustedCa {
    /// PEM file, relative to the intent file.
    #[schemars(extend("x-fluxwright-file" = true))]
    pub file: Option<String>,
    /// PEM text in base64.
    pub base64: Option<String>,
}
