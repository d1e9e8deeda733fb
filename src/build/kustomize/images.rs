//! The `images` field: other names, tags and digests for the images of containers.

use regex::Regex;
use serde_json::Value;

use crate::build::identity::Tracked;

/// One entry of `images`.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// Matches a whole image reference.
    pub(super) expression: Regex,
    pub(super) new_name: Option<String>,
    pub(super) new_tag: Option<String>,
    pub(super) digest: Option<String>,
}

/// Where image volumes are looked for: Pods and workloads, and not CronJobs.
const VOLUMES: [&str; 2] = ["/spec/volumes", "/spec/template/spec/volumes"];

/// Changes the images in every list that is called `containers` or `initContainers`, at any depth, and in image volumes.
/// Definitions of custom resources are left alone, ephemeral containers too.
pub(super) fn set(objects: &mut [Tracked], image: &Image) {
    for object in objects {
        if object.resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        let mut resource = object.resource.clone();
        containers(&mut resource.body, image);
        for pointer in VOLUMES {
            for volume in resource.body.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(reference) = volume.pointer_mut("/image/reference") {
                    change(reference, image);
                }
            }
        }
        object.replace(resource);
    }
}

fn containers(value: &mut Value, image: &Image) {
    match value {
        Value::Object(map) => {
            for (key, child) in map.iter_mut() {
                if matches!(key.as_str(), "containers" | "initContainers")
                    && let Value::Array(items) = child
                {
                    items.iter_mut().filter_map(|item| item.get_mut("image")).for_each(|text| change(text, image));
                }
                containers(child, image);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| containers(item, image)),
        _ => {}
    }
}

fn change(value: &mut Value, image: &Image) {
    let Value::String(text) = value else { return };
    if !image.expression.is_match(text) {
        return;
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text.as_str(), None),
    };
    // A colon before the last slash belongs to the port of a registry.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    let (tag, digest) = match (&image.new_tag, &image.digest) {
        (None, None) => (tag, digest),
        (new_tag, new_digest) => (new_tag.as_deref(), new_digest.as_deref()),
    };
    let mut out = image.new_name.as_deref().unwrap_or(name).to_owned();
    for (sign, part) in [(':', tag), ('@', digest)] {
        if let Some(part) = part {
            out.push(sign);
            out.push_str(part);
        }
    }
    *text = out;
}
