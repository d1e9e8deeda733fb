//! No credential reaches the tree or a message, whatever its form and wherever in an intent it stands.
//!
//! The intents in `tests/secrets/` set every field of the schema that holds a text; a test fails when one is missing.
//! In the others every value and every key is replaced by every form of credential in [`shapes`].

mod support;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fluxwright::diagnostic::{Diagnostic, field_path};
use fluxwright::intent::Library;
use fluxwright::pipeline::{self, Context, Inputs, Outcome};
use fluxwright::tree::{RepoPath, Tree};
use fluxwright::verify::Bases;
use fluxwright::yaml::{self, Dialect, Limits};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use support::{Sandbox, files, project};

/// A form of credential: its name, a text that holds one, and the parts of it that nobody may see.
struct Shape {
    name: &'static str,
    text: String,
    hidden: Vec<String>,
}

/// The corpus. The credentials are made up, and put together here so that no scanner takes them for real ones.
fn shapes() -> Vec<Shape> {
    const PASSWORD: &str = "hunter2-S3cr3t";
    const BODY: [&str; 3] = [
        "MIIEowIBAAKCAQEAq7BFUpkGp3+LQmlQYx2eqzDV+xeG8kx/sQFV18S5JhzGeIJN",
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz",
        "72zULmNuLmTAZbnh4o97qcsOe0hZpA==",
    ];
    let token = "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R";
    let pem = |label: &str, head: &str| {
        format!("-----BEGIN {label}-----\n{head}{}\n-----END {label}-----\n", BODY.join("\n"))
    };
    let docker = json!({"auths": {"registry.corp.example": {"auth": STANDARD.encode(format!("robot:{PASSWORD}"))}}});
    let docker_named = json!({"auths": {"registry.corp.example": {"username": "robot", "password": PASSWORD}}});
    let basic = STANDARD.encode(format!("robot:{PASSWORD}"));
    let jwt = format!(
        "{}.{}.{token}",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ", "eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6ZGI6YXBwIn0"
    );
    let rsa = pem("RSA PRIVATE KEY", "");
    let folded: String = STANDARD
        .encode(&rsa)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned() + "\n")
        .collect();
    let aws = ["wJalrXUtnFEMI", "K7MDENG", "bPxRfiCYEXAMPLEKEY"].join("/");
    let digits = "1234567890";
    let keys: Vec<String> = BODY.iter().map(|line| (*line).to_owned()).collect();
    let password = || vec![PASSWORD.to_owned()];
    let one = |text: &str| vec![text.to_owned()];
    let encoded = |text: String| Shape { name: "", hidden: vec![text.clone()], text };
    let same = |name, text: String| Shape { name, ..encoded(text) };
    let with = |name, text: String, hidden: Vec<String>| Shape { name, text, hidden };
    vec![
        with("docker auth", docker.to_string(), one(&basic)),
        with("docker password", docker_named.to_string(), password()),
        same("docker auth in base64", STANDARD.encode(docker.to_string())),
        same("docker password in base64", STANDARD.encode(docker_named.to_string())),
        with("docker auth alone", format!("auth: {basic}"), one(&basic)),
        with("https address", format!("https://robot:{PASSWORD}@git.corp.example/x.git"), password()),
        with("address with a slash in it", format!("https://robot:a/{PASSWORD}@git.corp.example/x.git"), password()),
        with("address with an at sign in it", format!("https://robot:a@{PASSWORD}@git.corp.example/x"), password()),
        with("address with a token", format!("https://{token}@git.corp.example/x.git"), one(token)),
        with("address in a sentence", format!("see http://robot:{PASSWORD}@wiki.corp.example, page 2"), password()),
        with("ssh address with a password", format!("ssh://git:{PASSWORD}@git.corp.example/x.git"), password()),
        with("database address", format!("postgres://app:{PASSWORD}@pg.db.svc:5432/app?sslmode=require"), password()),
        with("user and host without scheme", format!("robot:{PASSWORD}@registry.corp.example"), password()),
        with("data source", format!("app:{PASSWORD}@tcp(pg.db.svc:3306)/app"), password()),
        with("bearer token", format!("Bearer {token}"), one(token)),
        with("bearer header", format!("Authorization: bearer {token}"), one(token)),
        with("basic header", format!("Authorization: Basic {basic}"), one(&basic)),
        same("JWT", jwt.clone()),
        with("JWT in JSON", json!({"value": jwt}).to_string(), one(&jwt)),
        with("RSA key", rsa.clone(), keys.clone()),
        with("EC key", pem("EC PRIVATE KEY", ""), keys.clone()),
        with("OpenSSH key", pem("OPENSSH PRIVATE KEY", ""), keys.clone()),
        with("PKCS#8 key", pem("PRIVATE KEY", ""), keys.clone()),
        with("encrypted key", pem("ENCRYPTED PRIVATE KEY", ""), keys.clone()),
        with(
            "encrypted RSA key",
            pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"),
            keys.clone(),
        ),
        with("PGP key", pem("PGP PRIVATE KEY BLOCK", "\n"), keys.clone()),
        with("key on one line", rsa.replace('\n', "\\n"), keys.clone()),
        with("key without end", rsa.replace("-----END RSA PRIVATE KEY-----", ""), keys.clone()),
        same("key in base64", STANDARD.encode(&rsa)),
        with("key in folded base64", folded.clone(), folded.lines().map(str::to_owned).collect()),
        with("kubeconfig", format!("client-key-data: {}", STANDARD.encode(&rsa)), vec![STANDARD.encode(&rsa)]),
        same("AWS access key id", ["AK", "IAIOSFODNN7EXAMPLE"].concat()),
        same("AWS temporary key id", ["AS", "IAIOSFODNN7EXAMPLE"].concat()),
        same("AWS secret key", aws.clone()),
        with("AWS credentials", format!("[default]\naws_secret_access_key = {aws}\n"), one(&aws)),
        same("age key", ["AGE-SECRET-", "KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQY"].concat()),
        same("GitHub token", format!("gh{}{token}", "p_")),
        same("GitHub app token", format!("gh{}{token}", "s_")),
        same("fine-grained GitHub token", format!("github_{}_{token}", "pat")),
        same("GitLab token", format!("gl{}-0a1b2c3d4e5f6g7h8i9j", "pat")),
        same("GitLab runner token", format!("gl{}-0a1b2c3d4e5f6g7h8i9j", "rt")),
        same("Slack bot token", format!("xox{}-{digits}-{digits}-abcdefghijklmnopqrstuvwx", "b")),
        same("Slack user token", format!("xox{}-{digits}-{digits}-abcdefghijklmnopqrstuvwx", "p")),
        same("Slack app token", format!("xa{}-1-A0123456789-{digits}-abcdef", "pp")),
        same("Vault token", format!("hv{}CAESIJ0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R", "s.")),
        same("Vault batch token", format!("hv{}aaaaaqj0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r", "b.")),
        with("password pair", format!("password: {PASSWORD}"), password()),
        with("password in quotes", format!("password: \"{PASSWORD}\""), password()),
        with("password in JSON", format!("{{\"user\": \"robot\", \"password\": \"{PASSWORD}\"}}"), password()),
        with("password in JSON in JSON", format!("{{\\\"password\\\":\\\"{PASSWORD}\\\"}}"), password()),
        with("password with a hash sign", format!("password: a#{PASSWORD}"), password()),
        with("password with a dollar sign", format!("password: ${PASSWORD}"), password()),
        with("password below a bar", format!("user: robot\npassword: |\n  {PASSWORD}\n"), password()),
        with("password on the next line", format!("user: robot\npassword:\n  {PASSWORD}\n"), password()),
        with("password of an anchor", format!("password: &p {PASSWORD}\n"), password()),
        with("password as default of a variable", format!("${{db_password:={PASSWORD}}}"), password()),
        with("token pair", format!("token={token}"), one(token)),
        with("argument", format!("--proxy-password={PASSWORD}"), password()),
        with("environment", format!("DB_PASSWORD={PASSWORD}"), password()),
        with("npm", format!("//registry.corp.example/:_authToken={token}"), one(token)),
        with("api key", format!("api_key: {token}"), one(token)),
    ]
}

/// Values that look like credentials at first sight, and are none.
const HARMLESS: &[&str] = &[
    "platform team",
    "team@corp.example",
    "mailto:team@corp.example",
    "ask the platform team for a token",
    "tokens and passwords are in the vault",
    "basic authentication",
    "bearer authentication",
    "https://git.corp.example/platform/clusters.git",
    "https://git.corp.example:8443/platform/clusters.git",
    "https://wiki.corp.example/~team/page?id=7#token",
    "https://medium.com/@team/post",
    "https://registry.npmjs.org:443/@scope/pkg@1.2.3",
    "https://[fd00::1]:8443/a@b",
    "ssh://git@git.corp.example/platform/clusters.git",
    "ssh://git@git.corp.example:2222/platform/clusters.git",
    "git+ssh://git@git.corp.example/x.git",
    "git@git.corp.example:platform/clusters.git",
    "postgres://pg.db.svc:5432/app",
    "postgres://app:$(DB_PASSWORD)@pg.db.svc:5432/app",
    "https://${proxy_username}:${proxy_password}@proxy.corp.example",
    "registry.corp.example:5000/team/app:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "app:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "oci://registry.corp.example/app:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "a-rather-long-service-name.a-rather-long-namespace-name.svc.cluster.local:8443",
    "platform/clusters/production/Europe1/db1",
    "KubernetesPersistentVolumeSnapshotClass1",
    "secret/data/registries/corp",
    "secret/data/registries/corp#password",
    "name: registry-credentials",
    "secretName: registry-password",
    "secretKeyRef: {name: db, key: password}",
    "passwordKey: proxy_password",
    "password: ${db_password}",
    "password: \"${db_password}\"",
    "password: ${q}${db_password}${q}",
    "{\"password\": \"${db_password}\"}",
    "--password=$(DB_PASSWORD)",
    "--password-file=/run/secrets/db/password",
    "--token-ttl=1h",
    "--auth=ldap",
    "auth-type: basic",
    "${db_password}",
    "$(DB_PASSWORD)",
    "key: ENC[AES256_GCM,data:bm90IGEgc2VjcmV0,iv:bm90,tag:bm90,type:str]",
    "automountServiceAccountToken: false",
    "xoxo",
    "https://hub.nova-platform.io/v2/AKIA/manifests/latest",
    "eyJhbGciOiJub25lIn0",
    "VGhpcyBpcyBhIHBsYWluIHRleHQgd2l0aG91dCBhIHNlY3JldC4=",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl team",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
];

/// One of the intents that together set every field.
struct Subject {
    name: String,
    value: Value,
    files: Tree,
}

fn tree(dir: &str) -> Tree {
    let found = if project(dir).is_dir() { files(&project(dir)) } else { Vec::new() };
    found.into_iter().map(|(path, bytes)| (RepoPath::parse(&path).expect("a plain path"), bytes.into())).collect()
}

fn subjects() -> Vec<Subject> {
    let all = files(&project("tests/secrets"));
    let intents = all.into_iter().filter_map(|(path, bytes)| {
        let name = path.strip_suffix(".yaml").filter(|name| !name.contains('/'))?.to_owned();
        let node = yaml::parse_one(&bytes, Dialect::Strict, Limits::INTENT).expect("YAML");
        Some(Subject { files: tree(&format!("tests/secrets/{name}.files")), value: node.to_value(), name })
    });
    intents.collect()
}

/// The catalog, and the modules that it lacks for the intents to be valid.
fn context() -> Context {
    let embedded = Context::new(&Tree::new()).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let lacking = |path: &RepoPath| {
        let name = path.as_str().split('/').nth(2).unwrap_or_default().to_owned();
        embedded.catalog.module(&name).is_none()
    };
    let overlay = tree("tests/secrets/plugins")
        .into_iter()
        .map(|(path, blob)| (RepoPath::parse(&format!("plugins/{path}")).expect("a plain path"), blob))
        .filter(|(path, _)| lacking(path))
        .collect();
    Context::new(&overlay).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn run(subject: &Subject, value: &Value, context: &Context) -> Outcome {
    let path = format!("clusters/{}/cluster.yaml", subject.name);
    finish(&path, value.to_string().as_bytes(), subject.files.clone(), context)
}

/// The same intent, most of which stands in a base.
fn run_extended(subject: &Subject, value: &Value, context: &Context) -> Outcome {
    let path = format!("clusters/{}/cluster.yaml", subject.name);
    let mut base = value.clone();
    let map = base.as_object_mut().expect("a map");
    let own = json!({
        "apiVersion": map["apiVersion"], "kind": map["kind"], "extends": "../../bases/all.yaml",
        "metadata": {"name": subject.name},
    });
    map.shift_remove("extends");
    let mut files = subject.files.clone();
    // References are relative to the base.
    let moved = |path: &RepoPath| {
        RepoPath::parse(&format!("bases/{}", path.as_str().split('/').skip(2).collect::<Vec<_>>().join("/")))
    };
    let copies: Vec<_> = files.iter().map(|(path, blob)| (moved(path).expect("a plain path"), blob.clone())).collect();
    copies.into_iter().for_each(|(path, blob)| drop(files.insert(path, blob)));
    files.insert(RepoPath::parse("bases/all.yaml").expect("a plain path"), base.to_string());
    finish(&path, own.to_string().as_bytes(), files, context)
}

fn finish(path: &str, bytes: &[u8], files: Tree, context: &Context) -> Outcome {
    let library = Library::new(|path| Ok(files.get(path).cloned()));
    let draft = pipeline::read(path, RepoPath::parse(path).ok(), bytes, context, &library).expect("readable");
    let wanted = draft.references();
    drop(library);
    let files = files.into_iter().filter(|(path, _)| wanted.contains(path)).collect();
    let inputs = Inputs { files, ..Inputs::default() };
    pipeline::complete(draft, inputs, context, &Bases::default())
}

/// All that anybody can see of an outcome.
fn visible(outcome: &Outcome) -> String {
    let mut text = format!("{}\n{}\n", outcome.name, outcome.file);
    for one in &outcome.diagnostics {
        text.push_str(&format!("[{}] {:?} {:?}: {}\n", one.code, one.file, one.field, one.message));
        text.push_str(one.hint.as_deref().unwrap_or_default());
        text.push('\n');
    }
    for (path, blob) in outcome.desired.iter().flat_map(|(_, layout)| layout.tree.iter()) {
        text.push_str(&format!("{path}\n{}\n", String::from_utf8_lossy(blob.bytes())));
    }
    text
}

/// Says what is wrong with an outcome that should be a refusal without a trace of the credential.
fn fault(outcome: &Outcome, hidden: &[String]) -> Option<String> {
    let text = visible(outcome);
    let lower = text.to_lowercase();
    if let Some(part) = hidden.iter().find(|part| lower.contains(&part.to_lowercase())) {
        let line = text.lines().find(|line| line.to_lowercase().contains(&part.to_lowercase()));
        return Some(format!("shown: {}", line.unwrap_or(&text)));
    }
    if !outcome.has_errors() || outcome.desired.is_some() {
        return Some("not refused".into());
    }
    None
}

/// Fails with the first of the faults; many have one cause.
fn none(faults: Vec<String>) {
    let shown: Vec<&String> = faults.iter().take(40).collect();
    assert!(faults.is_empty(), "{} faults, among them:\n{shown:#?}", faults.len());
}

/// Lists the pointers of all scalars, and of all keys of mappings.
fn places(value: &Value, pointer: &str, scalars: &mut Vec<String>, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                keys.push(pointer.clone());
                places(child, &pointer, scalars, keys);
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                places(child, &format!("{pointer}/{index}"), scalars, keys);
            }
        }
        _ => scalars.push(pointer.to_owned()),
    }
}

fn with_value(value: &Value, pointer: &str, new: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(pointer).expect("the pointer is of this value") = new;
    value
}

fn with_key(value: &Value, pointer: &str, new: &str) -> Value {
    let mut value = value.clone();
    let (parent, old) = pointer.rsplit_once('/').expect("a key has a parent");
    let old = old.replace("~1", "/").replace("~0", "~");
    let map = value.pointer_mut(parent).and_then(Value::as_object_mut).expect("the pointer is of a key");
    let entries = std::mem::take(map);
    map.extend(entries.into_iter().map(|(key, child)| if key == old { (new.to_owned(), child) } else { (key, child) }));
    value
}

#[test]
fn the_intents_are_valid() {
    let context = context();
    for subject in subjects() {
        let outcome = run(&subject, &subject.value, &context);
        assert!(!outcome.has_errors(), "tests/secrets/{}.yaml:\n{}", subject.name, visible(&outcome));
        assert!(outcome.desired.is_some());
    }
}

#[test]
fn the_intents_set_every_field_that_holds_a_text() {
    let subjects = subjects();
    let context = context();
    let mut walk = Walk::new(context.schema.value());
    walk.descend(context.schema.value(), "", &roots(&subjects));
    assert!(walk.places > 100, "the walk found {} fields only", walk.places);
    let missing: Vec<&String> = walk.missing.iter().filter(|at| !walk.set.contains(*at)).collect();
    assert!(
        missing.is_empty(),
        "no intent in tests/secrets/ sets these fields; set each in one of them ([] is any element, {{}} any key):\n{missing:#?}"
    );
}

#[test]
fn no_value_can_be_a_credential() {
    let (context, shapes, subjects) = (context(), shapes(), subjects());
    let mut cases = Vec::new();
    for subject in &subjects {
        let mut scalars = Vec::new();
        places(&subject.value, "", &mut scalars, &mut Vec::new());
        let named = shapes.par_iter().map(|shape| {
            // The same credential everywhere at once: each field must have an error of its own.
            let everywhere = scalars.iter().fold(subject.value.clone(), |value, at| {
                let new = json!(shape.text);
                with_value(&value, at, new)
            });
            let outcome = run(subject, &everywhere, &context);
            assert_eq!(fault(&outcome, &shape.hidden), None, "{} everywhere in {}.yaml", shape.name, subject.name);
            let errors = outcome.diagnostics.into_iter().filter(Diagnostic::is_error);
            errors.filter_map(|one| one.field).collect::<BTreeSet<String>>()
        });
        let named: Vec<BTreeSet<String>> = named.collect();
        for (number, at) in scalars.into_iter().enumerate() {
            // Alone in an intent that is valid otherwise: a part of all cases, and all that had no error of their own.
            let alone = |turn: usize| turn % 24 == number % 24 || !named[turn].contains(&field_path(&at));
            let tried = shapes.iter().enumerate().filter(|(turn, _)| alone(*turn));
            cases.extend(tried.map(|(_, shape)| (subject, at.clone(), shape)));
        }
    }
    let faults = cases.par_iter().filter_map(|(subject, at, shape)| {
        let value = with_value(&subject.value, at, json!(shape.text));
        let fault = fault(&run(subject, &value, &context), &shape.hidden)?;
        Some(format!("{} in {} of {}.yaml: {fault}", shape.name, at, subject.name))
    });
    none(faults.collect());
}

#[test]
fn no_value_of_a_base_can_be_a_credential() {
    let (context, shapes, subjects) = (context(), shapes(), subjects());
    let mut cases = Vec::new();
    for subject in &subjects {
        let outcome = run_extended(subject, &subject.value, &context);
        assert!(!outcome.has_errors(), "tests/secrets/{}.yaml as a base:\n{}", subject.name, visible(&outcome));
        let mut scalars = Vec::new();
        places(&subject.value, "", &mut scalars, &mut Vec::new());
        // What the intent says itself, a base does not decide.
        scalars.retain(|at| at.starts_with("/spec/"));
        for (number, at) in scalars.into_iter().enumerate() {
            let tried = shapes.iter().enumerate().filter(|(turn, _)| turn % 24 == number % 24);
            cases.extend(tried.map(|(_, shape)| (subject, at.clone(), shape)));
        }
    }
    let faults = cases.par_iter().filter_map(|(subject, at, shape)| {
        let value = with_value(&subject.value, at, json!(shape.text));
        let fault = fault(&run_extended(subject, &value, &context), &shape.hidden)?;
        Some(format!("{} in {} of {}.yaml as a base: {fault}", shape.name, at, subject.name))
    });
    none(faults.collect());
}

#[test]
fn no_key_can_be_a_credential() {
    let (context, shapes, subjects) = (context(), shapes(), subjects());
    let mut walk = Walk::new(context.schema.value());
    walk.descend(context.schema.value(), "", &roots(&subjects));
    let mut cases = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let mut keys = Vec::new();
        places(&subject.value, "", &mut Vec::new(), &mut keys);
        for (number, at) in keys.into_iter().enumerate() {
            // Where users choose the keys every credential is tried; of all other keys the schema knows each.
            let free = walk.free_keys.contains(&(index, at.clone()));
            let tried = shapes.iter().enumerate().filter(|(turn, _)| free || *turn == number % shapes.len());
            cases.extend(tried.map(|(_, shape)| (subject, at.clone(), shape)));
        }
    }
    let faults = cases.par_iter().filter_map(|(subject, at, shape)| {
        let fault = fault(&run(subject, &with_key(&subject.value, at, &shape.text), &context), &shape.hidden)?;
        Some(format!("{} as key {} of {}.yaml: {fault}", shape.name, at, subject.name))
    });
    none(faults.collect());
}

#[test]
fn no_mapping_takes_a_password() {
    let (context, subjects) = (context(), subjects());
    let mut cases = Vec::new();
    for subject in &subjects {
        let mut keys = Vec::new();
        places(&subject.value, "", &mut Vec::new(), &mut keys);
        let parents: BTreeSet<String> =
            keys.iter().filter_map(|key| Some(key.rsplit_once('/')?.0.to_owned())).collect();
        for parent in parents {
            let names = ["password", "db_password", "token", "API_KEY", "clientSecret", ".dockerconfigjson"];
            cases.push((subject, parent.clone(), names[cases.len() % names.len()]));
            cases.push((subject, parent.clone(), "password"));
        }
    }
    let secret = "hunter2-S3cr3t".to_owned();
    let faults = cases.par_iter().filter_map(|(subject, at, name)| {
        let mut value = subject.value.clone();
        let map = value.pointer_mut(at).and_then(Value::as_object_mut).expect("a mapping");
        map.insert((*name).to_owned(), json!(secret));
        let fault = fault(&run(subject, &value, &context), std::slice::from_ref(&secret))?;
        Some(format!("{name} in {at} of {}.yaml: {fault}", subject.name))
    });
    none(faults.collect());
}

#[test]
fn a_value_beside_the_name_of_a_credential_is_one() {
    let (context, subjects) = (context(), subjects());
    let subject = &subjects[0];
    let secret = "hunter2-S3cr3t".to_owned();
    for (value, refused) in [
        (json!([{"op": "add", "path": "/spec/values/auth/password", "value": secret}]), true),
        (json!([{"op": "add", "path": "/spec/env/0", "value": {"name": "DB_PASSWORD", "value": secret}}]), true),
        (json!([{"op": "add", "path": "/spec/env/0", "value": {"name": "DB_PASSWORD", "value": "$(OTHER)"}}]), false),
        (json!([{"op": "add", "path": "/spec/values/auth/password", "value": "${db_password}"}]), false),
        (
            json!([{"op": "add", "path": "/spec/env/0", "value":
                {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}}]),
            false,
        ),
    ] {
        let outcome = run(subject, &with_value(&subject.value, "/spec/patches/0/json6902", value.clone()), &context);
        let found = outcome.diagnostics.iter().any(|one| one.code == "plaintext-credential");
        assert_eq!(found, refused, "{value}: {}", visible(&outcome));
        assert!(!visible(&outcome).contains(&secret), "{value}: {}", visible(&outcome));
    }
}

#[test]
fn a_value_of_a_chart_with_the_name_of_a_credential_is_one() {
    let (context, subjects) = (context(), subjects());
    let subject = subjects.iter().find(|subject| subject.name == "three").expect("tests/secrets/three.yaml");
    for (value, refused) in [("hunter2-S3cr3t", true), ("${db_password}", false)] {
        let values = json!({"auth": {"password": value}});
        let outcome = run(subject, &with_value(&subject.value, "/spec/modules/0/helm/values", values), &context);
        let found = outcome.diagnostics.iter().any(|one| one.code == "plaintext-credential");
        assert_eq!(found, refused, "{value}: {}", visible(&outcome));
        assert!(!refused || !visible(&outcome).contains(value), "{}", visible(&outcome));
    }
}

#[test]
fn values_that_are_no_credentials_pass() {
    let (context, subjects) = (context(), subjects());
    let subject = subjects.iter().find(|subject| subject.name == "one").expect("tests/secrets/one.yaml");
    let certificate = std::fs::read_to_string(project("tests/secrets/one.files/clusters/one/ca/corp-root.pem"));
    let certificate = certificate.expect("readable");
    let certificates = [certificate.clone(), STANDARD.encode(&certificate), format!("ca: |\n{certificate}")];
    let texts: Vec<&str> = HARMLESS.iter().copied().chain(certificates.iter().map(String::as_str)).collect();
    let map: Map<String, Value> =
        texts.iter().enumerate().map(|(index, text)| (format!("v{index}"), json!(text))).collect();
    let mut value = subject.value.clone();
    for at in ["/metadata/labels", "/metadata/annotations", "/spec/modules/0/release/vars"] {
        value = with_value(&value, at, Value::Object(map.clone()));
    }
    value = with_value(&value, "/spec/patches/0/json6902/0/value", Value::Object(map));
    value = with_value(&value, "/spec/patches/1/strategicMerge/metadata/finalizers", json!(texts));
    let refused =
        run(subject, &value, &context).diagnostics.into_iter().filter(|one| one.code == "plaintext-credential");
    let refused: Vec<String> =
        refused.filter_map(|one| Some(format!("{}: {:?}", one.field.as_deref()?, one.message))).collect();
    none(refused);
    let named = [
        ("db_password", "${db_password}"),
        ("db_password", "${q}${db_password}${q}"),
        ("db_password", ""),
        ("password_key", "proxy_password"),
        ("token_secret_name", "api-token"),
        ("token_ttl", "1h"),
    ];
    for (name, text) in named {
        let value = with_value(&subject.value, "/spec/modules/0/release/vars", json!({(name): text}));
        let outcome = run(subject, &value, &context);
        assert!(!outcome.has_errors(), "{name}: {text}: {}", visible(&outcome));
    }
}

#[test]
fn a_certificate_with_more_than_certificates_is_refused() {
    let (context, subjects) = (context(), subjects());
    let subject = subjects.iter().find(|subject| subject.name == "two").expect("tests/secrets/two.yaml");
    let (inline, encoded) = ("/spec/platform/caTrustBundle/inline", "/spec/proxy/trustedCA/base64");
    let certificate = subject.value.pointer(inline).and_then(Value::as_str).expect("a certificate").to_owned();
    let faults = shapes().into_iter().flat_map(|shape| {
        let both = format!("{certificate}{}\n", shape.text);
        let cases = [(inline, both.clone()), (encoded, STANDARD.encode(both))];
        let faults = cases.into_iter().filter_map(|(at, text)| {
            let outcome = run(subject, &with_value(&subject.value, at, json!(text)), &context);
            Some(format!("{} in {at}: {}", shape.name, fault(&outcome, &shape.hidden)?))
        });
        faults.collect::<Vec<_>>()
    });
    none(faults.collect());
}

#[test]
fn no_command_shows_a_credential() {
    let (shapes, subjects) = (shapes(), subjects());
    let subject = subjects.iter().find(|subject| subject.name == "one").expect("tests/secrets/one.yaml");
    let value = |name: &str, at: &str, shape: &Shape| {
        let mut value = with_value(&subject.value, "/metadata/name", json!(name));
        value["spec"]["gitops"]["source"]["path"] = json!(format!("clusters/{name}"));
        value["spec"]["exposedPorts"][0]["port"] = json!(0);
        with_value(&value, at, json!(shape.text))
    };
    let fields = [
        "/metadata/annotations/corp.example~1contact",
        "/spec/gitops/source/url",
        "/spec/proxy/http/server",
        "/spec/proxy/noProxy/0",
        "/spec/registries/0/host",
        "/spec/modules/0/state",
        "/spec/modules/0/release/vars/cluster_zone",
        "/spec/modules/0/neuvector/init/files/sysinitcfg",
        "/spec/patches/0/json6902/2/value",
        "/spec/patches/1/strategicMerge/metadata/finalizers/0",
    ];
    // All forms in one repository, each in its own cluster; with `broken` no file is YAML up to its end.
    for broken in [false, true] {
        let sandbox = Sandbox::new();
        for (index, shape) in shapes.iter().enumerate() {
            let name = format!("c{index}");
            let mut text = yaml::emit(&value(&name, fields[index % fields.len()], shape));
            if broken {
                text.push_str("broken: [\n");
            }
            sandbox.write(&format!("clusters/{name}/cluster.yaml"), text);
        }
        let html = vec!["diff", "-o", "html"];
        for command in [vec!["check"], vec!["render", "--stdout"], vec!["diff", "-o", "json"], html] {
            let run = sandbox.run(&command);
            assert_eq!(run.code, 1, "{command:?}: {run}");
            let text = run.to_string().to_lowercase();
            let shown =
                shapes.iter().filter(|shape| shape.hidden.iter().any(|part| text.contains(&part.to_lowercase())));
            let shown: Vec<&str> = shown.map(|shape| shape.name).collect();
            assert!(shown.is_empty(), "{command:?} shows {shown:?}: {run}");
        }
        assert_eq!(files(&sandbox.repo()).len(), shapes.len(), "something was written");
    }
}

/// Values that stand at one place of the schema: index of the intent, pointer, value.
type Found<'a> = Vec<(usize, String, &'a Value)>;

fn roots(subjects: &[Subject]) -> Found<'_> {
    subjects.iter().enumerate().map(|(index, subject)| (index, String::new(), &subject.value)).collect()
}

/// Walks a schema together with the values that stand at its places.
struct Walk<'a> {
    root: &'a Value,
    refs: Vec<String>,
    /// How many places for a text there are.
    places: usize,
    /// Places where some intent has a text; a branch of `oneOf` may say so before or after another one is missing.
    set: BTreeSet<String>,
    /// Places for a text or for a key of the user's choice where no intent has one.
    missing: BTreeSet<String>,
    /// Keys that users choose: index of the intent, pointer.
    free_keys: BTreeSet<(usize, String)>,
}

/// Keywords that say nothing about where a text may stand.
const SILENT: &[&str] = &[
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "enumDescriptions",
    "markdownDescription",
    "required",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "propertyNames",
    "not",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedProperties",
    "unevaluatedItems",
    "format",
    "x-fluxwright-file",
    "x-kubernetes-list-map-keys",
];

impl<'a> Walk<'a> {
    fn new(root: &'a Value) -> Self {
        let (set, missing, free_keys) = Default::default();
        Self { root, refs: Vec::new(), places: 0, set, missing, free_keys }
    }

    fn descend(&mut self, schema: &Value, at: &str, found: &Found<'_>) {
        let empty = Map::new();
        let map = match schema {
            Value::Bool(false) => return,
            Value::Bool(true) => &empty,
            Value::Object(map) => map,
            other => panic!("{at}: {other} is no schema"),
        };
        if map.keys().all(|key| SILENT[..14].contains(&key.as_str())) {
            self.anything(at, found);
            return;
        }
        let types: Vec<&str> = match map.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let words = map.get("enum").and_then(Value::as_array).into_iter().flatten().chain(map.get("const"));
        let mut text = types.contains(&"string") || words.into_iter().any(Value::is_string);
        let branch = |key: &str| format!("{at}{}", if key == "items" { "[]" } else { "" });
        for (key, child) in map {
            match key.as_str() {
                "type" | "enum" | "const" => {}
                "pattern" | "minLength" | "maxLength" | "contentEncoding" | "contentMediaType" => {
                    text |= types.is_empty();
                }
                "$ref" => self.reference(child, at, found),
                "allOf" | "anyOf" | "oneOf" => {
                    child.as_array().into_iter().flatten().for_each(|one| self.descend(one, at, found));
                }
                "if" | "then" | "else" => self.descend(child, at, found),
                "dependentSchemas" => {
                    child.as_object().into_iter().flat_map(Map::values).for_each(|one| self.descend(one, at, found));
                }
                "properties" => {
                    for (name, one) in child.as_object().into_iter().flatten() {
                        self.descend(one, &format!("{at}.{name}"), &children(found, |key| key == name));
                    }
                }
                "items" => self.descend(child, &branch(key), &elements(found)),
                "prefixItems" => {
                    for one in child.as_array().into_iter().flatten() {
                        self.descend(one, &format!("{at}[]"), &elements(found));
                    }
                }
                "additionalProperties" | "patternProperties" if child == &json!(false) => {}
                "additionalProperties" => self.free(child, map, at, found),
                "patternProperties" => {
                    child.as_object().into_iter().flat_map(Map::values).for_each(|one| self.free(one, map, at, found));
                }
                silent if SILENT.contains(&silent) => {}
                other => panic!("{at}: this walk does not know the keyword `{other}`; add it to tests/secrets.rs"),
            }
        }
        let closed = ["additionalProperties", "unevaluatedProperties", "$ref"].iter().any(|key| map.contains_key(*key));
        if types.contains(&"object") && !closed {
            self.free(&Value::Bool(true), map, at, found);
        }
        if types.contains(&"array") && !["items", "prefixItems", "$ref"].iter().any(|key| map.contains_key(*key)) {
            self.anything(&format!("{at}[]"), &elements(found));
        }
        if text {
            self.expect(at.to_owned(), found.iter().any(|(_, _, value)| value.is_string()));
        }
    }

    fn reference(&mut self, reference: &Value, at: &str, found: &Found<'_>) {
        let name = reference.as_str().unwrap_or_default();
        let root = self.root;
        let target = name.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let target = target.unwrap_or_else(|| panic!("{at}: `{name}` leads nowhere"));
        // A schema that holds itself was walked once already.
        if !self.refs.iter().any(|open| open == name) {
            self.refs.push(name.to_owned());
            self.descend(target, at, found);
            self.refs.pop();
        }
    }

    /// A mapping whose keys the user chooses.
    fn free(&mut self, schema: &Value, owner: &Map<String, Value>, at: &str, found: &Found<'_>) {
        let own = |name: &str| owner.get("properties").is_some_and(|properties| properties.get(name).is_some());
        let values = children(found, |key| !own(key));
        self.free_keys.extend(values.iter().map(|(index, pointer, _)| (*index, pointer.clone())));
        self.expect(format!("a key of {}", at.trim_start_matches('.')), !values.is_empty());
        self.descend(schema, &format!("{at}.{{}}"), &values);
    }

    /// A place where anything may stand: some text must, and all keys below are the user's.
    fn anything(&mut self, at: &str, found: &Found<'_>) {
        let mut text = false;
        for (index, pointer, value) in found {
            let (mut scalars, mut keys) = (Vec::new(), Vec::new());
            places(value, "", &mut scalars, &mut keys);
            text |= scalars.iter().any(|at| value.pointer(at).is_some_and(Value::is_string));
            self.free_keys.extend(keys.into_iter().map(|key| (*index, format!("{pointer}{key}"))));
        }
        self.expect(at.to_owned(), text);
    }

    fn expect(&mut self, at: String, is_set: bool) {
        self.places += 1;
        if is_set {
            self.set.insert(at.trim_start_matches('.').to_owned());
        } else {
            self.missing.insert(at.trim_start_matches('.').to_owned());
        }
    }
}

fn children<'v>(found: &Found<'v>, wanted: impl Fn(&str) -> bool) -> Found<'v> {
    let maps = found.iter().filter_map(|(index, pointer, value)| Some((*index, pointer, value.as_object()?)));
    maps.flat_map(|(index, pointer, map)| {
        let entries = map.iter().filter(|(key, _)| wanted(key));
        let entries = entries.map(move |(key, child)| {
            (index, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), child)
        });
        entries.collect::<Vec<_>>()
    })
    .collect()
}

fn elements<'v>(found: &Found<'v>) -> Found<'v> {
    let lists = found.iter().filter_map(|(index, pointer, value)| Some((*index, pointer, value.as_array()?)));
    lists
        .flat_map(|(index, pointer, items)| {
            items.iter().enumerate().map(move |(number, item)| (index, format!("{pointer}/{number}"), item))
        })
        .collect()
}
